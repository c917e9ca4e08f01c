from __future__ import annotations

from pathlib import Path

import pytest

from data4llm_assets.extracted_text.raw import Raw
from extracted_text.extracted_records import extracted, record, refused, survives_rubbish, word_f1

HTML = Raw()
PAGE = """<!DOCTYPE html><html lang="en-GB"><head><title> A  title </title><style>p {}</style><script>secret()</script></head><body>
<nav><a href="/">Home</a></nav><h1>Heading</h1><p>Some <b hidden>bold</b> text,
over lines.<!-- comment --></p><template>secret</template><ul><li>one<li>two</ul>
<pre>x = 1
  y = 2</pre><footer>Copyright and cookies</footer><script>secret()</script></body></html>"""


def test_all_that_a_reader_sees_is_kept() -> None:
    found = extracted(HTML, PAGE)
    assert found.text == (
        "Home\n\nHeading\n\nSome bold text, over lines.\n\n- one\n- two\n\nx = 1\n  y = 2\n\nCopyright and cookies"
    )
    assert (found.title, found.language, found.meta) == ("A title", "en", {"engine": "raw"})


def test_markdown_marks_what_a_reader_would_see() -> None:
    text = extracted(Raw(format="markdown"), PAGE).text
    assert text == (
        "Home\n\n# Heading\n\nSome **bold** text, over lines.\n\n- one\n- two\n\n```\nx = 1\n  y = 2\n```\n\nCopyright and cookies"
    )


@pytest.mark.parametrize(
    ("limits", "page", "rule"),
    [
        ({"max_bytes": 10}, PAGE, "max_bytes"),
        ({"max_elements": 40}, "<p>x" * 50, "max_elements"),
        ({"max_depth": 20}, "<div>" * 30 + "x", "max_depth"),
    ],
)
def test_limits(limits: dict[str, int], page: str, rule: str) -> None:
    assert refused(Raw.model_validate(limits), page) == (f"extracted_text.{rule}", *limits.values())


def test_a_page_does_not_depend_on_the_pages_before_it() -> None:
    pages = [PAGE.replace("Heading", f"<p>Heading {number}") for number in range(4)] + ["<li>", "<title>x", "<!--"]
    found = [HTML.extract(page.encode(), record(b"")) for page in pages]
    assert [HTML.extract(page.encode(), record(b"")) for page in reversed(pages)] == found[::-1]


def test_rubbish_is_no_crash() -> None:
    assert survives_rubbish(HTML)
    assert survives_rubbish(Raw(format="markdown"))


def test_score_on_pages_whose_main_text_is_known(evaluation_data: Path) -> None:
    assert word_f1(HTML, evaluation_data) > 0.5
