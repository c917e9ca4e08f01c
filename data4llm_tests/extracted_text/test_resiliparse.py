from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from data4llm_assets.extracted_text.extraction import Extracted
from data4llm_assets.extracted_text.resiliparse import Resiliparse
from data4llm_assets.extracted_text.stage import ExtractedText
from extracted_text.extracted_records import extracted, record, refused, survives_rubbish, word_f1

HTML = Resiliparse()
SENTENCE = "The quick brown fox jumps over the lazy dog, and the dog does not mind it in the least."
PAGE = f"""<!DOCTYPE html><html lang="en-GB"><head><title> A  title </title><script>var secret = 1;</script></head><body>
<nav><a href="/">Home</a> <a href="/about">About us</a></nav>
<main><article><section><h1>Heading</h1><p>{SENTENCE}</p>
<ul><li>one item</li><li>another item</li></ul><p>{SENTENCE}<img alt="a dog"></p></section></article></main>
<footer>Copyright and cookies</footer></body></html>"""


def test_main_text_is_kept_and_menus_and_footers_are_not() -> None:
    found = extracted(HTML, PAGE)
    assert found.text == f"Heading\n\n{SENTENCE}\n\n  • one item\n  • another item\n\n{SENTENCE}"
    assert (found.title, found.language, found.meta) == ("A title", "en", {"engine": "resiliparse"})


def test_parameters_reach_the_parser() -> None:
    assert "Copyright and cookies" in extracted(Resiliparse(main_content=False), PAGE).text
    assert "a dog" in extracted(Resiliparse(alt_texts=True), PAGE).text
    assert "•" not in extracted(Resiliparse(list_bullets=False), PAGE).text
    assert "\n" not in extracted(Resiliparse(preserve_formatting=False), PAGE).text
    assert "/about" in extracted(Resiliparse(main_content=False, links=True), PAGE).text


MARKED = """<!DOCTYPE html><body><h1>Head &amp; shoulders</h1><div>a line<div>a line of its own &lt;b&gt;</div>more</div>
<p>one<br>two
<em>three</em></p><ol><li>first<ul><li>inner</ul><li>second</ol>
<table><tr><th>name<th>age<tr><td>Ann<td>7<tr><td>Bob<td></table><pre>def f(x):
\treturn {x: "&lt;"}</pre><h3>Deeper</h3>"""


def test_markdown_marks_headings_lists_tables_and_code() -> None:
    assert extracted(Resiliparse(format="markdown", main_content=False), MARKED).text == (
        "# Head & shoulders\n\na line\n\na line of its own \\<b>\n\nmore\n\none\ntwo three\n\n1. first\n   - inner\n2. second\n\n"
        '| name | age |\n| --- | --- |\n| Ann | 7 |\n| Bob |\n\n```\ndef f(x):\n\treturn {x: "<"}\n```\n\n### Deeper'
    )
    assert extracted(Resiliparse(format="markdown"), PAGE).text == (
        f"# Heading\n\n{SENTENCE}\n\n- one item\n- another item\n\n{SENTENCE}"
    )


@pytest.mark.parametrize("key", [{"preserve_formatting": False}, {"links": True}])
def test_what_markdown_cannot_have_is_refused(key: dict[str, bool]) -> None:
    with pytest.raises(ValidationError, match="markdown has its own form"):
        Resiliparse.model_validate({"format": "markdown", **key})


def test_recipe_names_it_for_web_pages() -> None:
    section = ExtractedText.model_validate({"html": {"method": "resiliparse", "alt_texts": True}})
    assert section.by_media_type()["text/html"] == Resiliparse(alt_texts=True)


def test_title_is_the_one_for_social_networks_then_the_page_s_own_then_the_first_heading() -> None:
    for head, title in (
        ('<meta property="og:title" content="Shared"><title>Own</title>', "Shared"),
        ('<meta property="og:title" content=" "><title>Own</title>', "Own"),
        ("", "First"),
    ):
        assert extracted(HTML, f"<html><head>{head}</head><body><h1>First</h1><h1>Second</h1><p>{SENTENCE}").title == title


def test_page_in_another_charset_than_it_says_survives() -> None:
    russian = PAGE.replace(SENTENCE, "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 2)
    found = extracted(HTML, russian.encode("cp1251"), charset="utf-8")
    assert "французских булок" in found.text
    assert found.meta["charset"] == "cp1251"


def test_limits_are_bytes_elements_depth_and_attributes() -> None:
    deep = "<html><body>" + "<div>" * 100_000 + SENTENCE
    wide = "<html><body>" + "<p>x" * 50
    assert refused(HTML, deep) == ("extracted_text.max_depth", 250)
    assert refused(Resiliparse(max_elements=40), wide) == ("extracted_text.max_elements", 40)
    assert refused(Resiliparse(max_bytes=10), wide) == ("extracted_text.max_bytes", 10)
    assert refused(HTML, "<pre\n" + " ".join(f"word{number}" for number in range(100_000))) == (
        "extracted_text.max_attributes",
        10_000,
    )


@pytest.mark.parametrize(("depth", "kept"), [(4, True), (3, False)])
def test_depth_counts_the_root(depth: int, kept: bool) -> None:
    found = Resiliparse(max_depth=depth).extract(f"<html><body><div><p>{SENTENCE}".encode(), record(b""))
    assert isinstance(found, Extracted) == kept


def test_formatting_that_the_parser_would_open_again_in_every_paragraph_is_refused_before_it_does() -> None:
    fonts = "".join(f"<font color='{number}'>" for number in range(10_000))
    assert refused(HTML, f"<html><body><p>{fonts}" + "<p>x" * 10_000) == ("extracted_text.max_elements", 200_000)
    closed = "".join(f"<p><font color='{number}'>{SENTENCE}</font></p>" for number in range(5_000))
    assert extracted(HTML, closed).text.count(SENTENCE) == 5_000
    assert extracted(HTML, f"<p>{SENTENCE}<b>" * 5_000).text.count(SENTENCE) == 5_000


def test_scripts_that_never_end_are_searched_once() -> None:
    assert refused(HTML, "<script " * 200_000)[0] == "extracted_text.max_attributes"


def test_long_values_and_scripts_are_no_attributes() -> None:
    long = f'<p title="{"a b " * 3_000_000}">{SENTENCE}</p><script>if (a<b) "{"word " * 50_000}"</script>'
    assert extracted(HTML, long).text == SENTENCE


def test_fragments_and_rubbish_are_no_crash() -> None:
    assert extracted(HTML, f"<p>{SENTENCE}</p>").text == SENTENCE
    assert survives_rubbish(HTML)
    assert survives_rubbish(Resiliparse(format="markdown", main_content=False))


def test_score_on_pages_whose_main_text_is_known(evaluation_data: Path) -> None:
    assert word_f1(HTML, evaluation_data) > 0.68
