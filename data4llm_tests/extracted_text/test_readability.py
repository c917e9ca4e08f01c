from __future__ import annotations

import sys
from pathlib import Path

import pytest

from data4llm_assets.extracted_text.extraction import Extracted, Refused
from data4llm_assets.extracted_text.readability import Readability
from data4llm_assets.method import ModelUnavailable
from extracted_text.extracted_records import extracted, record, refused, survives_rubbish, word_f1

HTML = Readability()
SENTENCE = "The quick brown fox jumps over the lazy dog, and the dog does not mind it in the least. "
PAGE = f"""<!DOCTYPE html><html lang="en-GB"><head><title> A  title </title><script>var secret = 1;</script></head><body>
<div class="menu"><ul><li><a href="/">Home</a><li><a href="/about">About us</a></ul></div>
<div class="article"><h2>Heading</h2><p>{SENTENCE * 3}</p><ul><li>{SENTENCE}<li>{SENTENCE}</ul>
<p>{SENTENCE * 3}<b>bold</b> word</p></div>
<div class="sidebar"><p>{SENTENCE.replace("fox", "cat")}</p></div>
<div id="footer">Copyright and cookies</div></body></html>"""


def test_the_element_with_most_text_is_kept_and_what_is_around_it_is_not() -> None:
    found = extracted(HTML, PAGE)
    sentence, paragraph = SENTENCE.strip(), (SENTENCE * 3).strip()
    assert found.text == f"Heading\n\n{paragraph}\n\n- {sentence}\n- {sentence}\n\n{paragraph} bold word"
    assert (found.title, found.language, found.meta["engine"]) == ("A title", "en", "readability")


def test_markdown_marks_what_a_reader_would_see() -> None:
    text = extracted(Readability(format="markdown"), PAGE).text
    assert text.startswith("## Heading\n\nThe quick")
    assert text.endswith("**bold** word")


def test_parameters_reach_the_engine() -> None:
    short = f"<html><body><div><p>One, two, three, four, five.</p></div><div class='header'><p>{SENTENCE}</p></div>"
    assert "fox" in extracted(HTML, short).text
    assert "fox" not in extracted(Readability(retry_length=0), short).text
    assert extracted(Readability(min_text_length=1000), PAGE).text != extracted(HTML, PAGE).text


def test_a_page_does_not_depend_on_the_pages_before_it() -> None:
    pages = [PAGE.replace("Heading", f"Heading {number}") for number in range(4)] + [PAGE.replace("article", "comment")]

    def texts(pages: list[str]) -> list[Extracted | Refused]:
        return [HTML.extract(page.encode(), record(b"")) for page in pages]

    assert texts(pages[::-1]) == texts(pages)[::-1]


def test_limits_and_rubbish() -> None:
    assert refused(HTML, "<div>" * 300 + SENTENCE) == ("extracted_text.max_depth", 250)
    assert refused(Readability(max_elements=40), "<p>x" * 50) == ("extracted_text.max_elements", 40)
    assert refused(Readability(max_bytes=10), PAGE) == ("extracted_text.max_bytes", 10)
    assert survives_rubbish(HTML)


def test_without_its_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "readability", None)
    for ask in (HTML.identity, lambda: extracted(HTML, PAGE)):
        with pytest.raises(ModelUnavailable, match=r"pip install 'data4llm\[readability\]'"):
            ask()


def test_score_on_pages_whose_main_text_is_known(evaluation_data: Path) -> None:
    """WCXB, all pages: readability .675 as published."""
    assert word_f1(HTML, evaluation_data) > 0.6
