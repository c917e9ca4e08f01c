from __future__ import annotations

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.extracted_text.code import Code
from data4llm_assets.extracted_text.extraction import Extracted, Refused
from data4llm_assets.extracted_text.markdown import Markdown
from data4llm_assets.extracted_text.plain import Plain
from data4llm_assets.extracted_text.restructuredtext import RestructuredText
from extracted_text.extracted_records import extracted, record

MARKDOWN, REST, PLAIN, CODE = Markdown(), RestructuredText(), Plain(), Code()


def test_markdown_keeps_structure_and_drops_ornaments() -> None:
    source = """---
title: "From the front matter"
---
# A *title*

[![badge](https://img)](https://ci)

<p align="center">Centred &amp; plain <b>bold</b></p>
<!-- a comment -->

Some `code`, a [link](http://x), an ![image](i.png)
on two lines.

1. one
2. two
   - inner

> quoted

```python
x = 1  # kept


y = 2
```

| a | b |
|---|---|
| 1 | 2 |
"""
    found = extracted(MARKDOWN, source)
    assert found.title == "From the front matter"
    assert found.text == (
        "# A title\n\nCentred & plain bold\n\nSome `code`, a link, an  on two lines.\n\n1. one\n2. two\n   - inner\n\n> quoted\n\n"
        "```python\nx = 1  # kept\n\ny = 2\n```\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"
    )


def test_markdown_takes_its_title_from_the_first_heading() -> None:
    assert extracted(MARKDOWN, "## sub\n\n# Main `x`\n").title == "Main `x`"
    assert extracted(MARKDOWN, "no heading").title is None


def test_restructuredtext_keeps_structure_and_drops_ornaments() -> None:
    source = """.. comment

Title
=====

A :class:`~pkg.Thing` and a `link <http://x>`_, ``code`` and |name|.

.. |name| replace:: substituted

Part
----

* one
* two

  1. inner

.. code-block:: python

   x = 1

term
    its meaning

.. note:: Be careful.

.. image:: x.png

=====  =====
a      b
=====  =====
1      2
=====  =====
"""
    found = extracted(REST, source)
    assert found.title == "Title"
    assert found.meta == {"markup_faults": "1"}
    assert found.text == (
        "# Title\n\nA pkg.Thing and a link, `code` and substituted.\n\n## Part\n\n- one\n\n- two\n\n  1. inner\n\n"
        "```python\nx = 1\n```\n\n- term:\n  its meaning\n\nNote:\n\nBe careful.\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"
    )


def test_restructuredtext_opens_nothing_and_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    source = f"""Text.

.. include:: {__file__}

.. literalinclude:: {__file__}

.. csv-table::
   :file: /etc/passwd

.. csv-table::
   :url: http://127.0.0.1:1/

.. raw:: html

   <b>raw</b>

.. raw:: html
   :file: /etc/passwd

.. unknown:: directive

   with content

Unbalanced ``literal
"""
    found = extracted(REST, source)
    assert "root" not in found.text
    assert "import" not in found.text
    assert "raw" not in found.text
    assert found.meta == {"markup_faults": "2"}
    assert capfd.readouterr() == ("", "")


def test_restructuredtext_does_not_depend_on_documents_before_it_or_on_the_day() -> None:
    before = extracted(REST, "A :mine:`word`.")
    extracted(REST, ".. role:: mine\n   :class: x\n\n.. default-role:: mine\n\nA :mine:`word` and `another`.")
    assert extracted(REST, "A :mine:`word`.") == before
    assert before.text == "A word."
    today = extracted(REST, ".. |today| date::\n\nWritten on |today|.").text
    assert str(datetime.date.today().year) not in today


@pytest.mark.parametrize("source", ["- " * 400 + "x", "\n".join(" " * number + "x" for number in range(300)), "> " * 500 + "x"])
def test_deep_nesting_is_refused_by_its_depth(source: str) -> None:
    refused = REST.extract(source.encode(), record(b""))
    assert isinstance(refused, Refused)
    assert (refused.rule, refused.threshold) == ("extracted_text.max_depth", 16)
    assert isinstance(MARKDOWN.extract(source.encode(), record(b"")), Extracted)


def test_depth_within_the_limit_is_parsed() -> None:
    lists = "\n\n".join("  " * level + "- item" for level in range(15))
    assert extracted(REST, lists).text.count("- item") == 15


def test_plain_text_loses_marks_and_nuls_alone() -> None:
    assert extracted(PLAIN, b"\xef\xbb\xbfa\r\nb\rc \x00 \n\n\n\nd ").text == "a\nb\nc  \n\n\n\nd "


def test_code_is_kept_to_the_letter() -> None:
    source = b"#!/bin/sh\r\n\techo  hi \r\n\r\n\r\n"
    found = extracted(CODE, source, "bin/tool")
    assert found.text.encode() == source
    assert found.meta == {"language": "Shell"}
    assert extracted(CODE, "x", "src/a.rs#row/1").meta == {"language": "Rust"}
    assert extracted(CODE, "x", "b.tsx.gz").meta == {"language": "TypeScript"}
    assert extracted(CODE, "# -*- coding: latin-1 -*-\nx = 'é'".encode("latin-1"), "a.py").text.endswith("'é'")


@settings(max_examples=40, deadline=None)
@given(st.text(st.sampled_from("ab \n\t*_`#->|=.:1[]()<!\\"), max_size=80))
def test_any_markup_gives_text_without_a_crash(source: str) -> None:
    for method in (MARKDOWN, REST, PLAIN, CODE):
        found = method.extract(source.encode(), record(source.encode()))
        assert isinstance(found, Extracted) or found.rule == "extracted_text.max_depth"
