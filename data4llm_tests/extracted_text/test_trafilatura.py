from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from data4llm_assets.extracted_text.trafilatura import Trafilatura
from extracted_text.extracted_records import extracted, refused, survives_rubbish, word_f1

HTML = Trafilatura()
SENTENCE = "The quick brown fox jumps over the lazy dog, and the dog does not mind it in the least. "
PAGE = f"""<!DOCTYPE html><html lang="en-GB"><head><title> A  title </title><script>var secret = 1;</script></head><body>
<nav><a href="/">Home</a> <a href="/about">About us</a></nav>
<article><h1>Heading</h1><p>{SENTENCE * 3}</p><ul><li>one item</li><li>another item</li></ul>
<h2>Second</h2><p>{SENTENCE * 3}<em>stressed</em> and <code>snake_case</code></p>
<table><tr><th>name</th><th>age</th></tr><tr><td>Ann</td><td>7</td></tr></table>
<pre><code>def f(x):
    return 1
</code></pre></article>
<div id="comments"><div class="comment"><p>Nice page, says a reader with much to say about dogs.</p></div></div>
<footer>Copyright and cookies</footer></body></html>"""


def test_the_main_text_is_kept_and_the_rest_is_not() -> None:
    found = extracted(HTML, PAGE)
    assert found.text.count(SENTENCE.strip()) == 6
    assert "Heading" in found.text
    assert "- one item" in found.text
    assert (found.title, found.language) == ("A title", "en")
    for gone in ("secret", "Home", "cookies", "a reader", "<", "#"):
        assert gone not in found.text


def test_markdown_marks_what_a_reader_would_see() -> None:
    text = extracted(Trafilatura(format="markdown"), PAGE).text
    for mark in (
        "# Heading\n",
        "\n## Second\n",
        "\n- one item\n- another item\n",
        "*stressed*",
        "`snake_case`",
        "\n| name | age |\n|---|---|\n| Ann | 7 |\n",
        "\n```\ndef f(x):\n    return 1\n```",
    ):
        assert mark in text
    assert "Home" not in text


def test_parameters_reach_the_engine() -> None:
    assert "a reader" in extracted(Trafilatura(include_comments=True), PAGE).text
    assert "Ann" in extracted(HTML, PAGE).text
    assert "Ann" not in extracted(Trafilatura(include_tables=False), PAGE).text


def test_modes_take_more_or_less_of_a_page() -> None:
    aside = "<div class='teaser'><p>" + "Something else that one may read on another page, some day. " * 3 + "</p></div>"
    page = PAGE.replace("</article>", f"{aside}</article>")
    found = {mode: extracted(Trafilatura(mode=mode), page).text for mode in ("balanced", "precision", "recall", "fast")}
    assert "Something else" in found["recall"]
    assert "Something else" not in found["precision"]
    assert all(text.count(SENTENCE.strip()) == 6 for text in found.values())
    with pytest.raises(ValidationError, match="precision"):
        Trafilatura.model_validate({"mode": "exact"})


def test_a_page_does_not_depend_on_the_pages_before_it() -> None:
    pages = [PAGE.replace("Heading", f"Heading {number}") for number in range(6)]
    forward = [extracted(HTML, page) for page in pages]
    assert [extracted(HTML, page) for page in reversed(pages)] == forward[::-1]
    assert all(SENTENCE.strip() in found.text for found in forward)


def test_a_page_in_another_charset_than_it_says_survives() -> None:
    russian = PAGE.replace(SENTENCE, "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 2)
    found = extracted(HTML, russian.encode("cp1251"), charset="utf-8")
    assert "французских булок" in found.text
    assert found.meta["charset"] == "cp1251"
    assert "charset" not in extracted(HTML, russian.encode(), charset="utf-8").meta


def test_limits_are_elements_depth_attributes_and_bytes() -> None:
    deep, wide = "<html><body>" + "<div>" * 300 + SENTENCE, "<html><body>" + "<p>x" * 50
    attributed = "<p " + " ".join(f"word{number}" for number in range(11_000)) + ">"
    assert refused(HTML, deep) == ("extracted_text.max_depth", 250)
    assert refused(HTML, attributed) == ("extracted_text.max_attributes", 10_000)
    assert refused(Trafilatura(max_elements=40), wide) == ("extracted_text.max_elements", 40)
    assert refused(Trafilatura(max_bytes=10), wide) == ("extracted_text.max_bytes", 10)


def test_what_follows_a_very_long_text_is_read_too() -> None:
    assert extracted(HTML, f"<html><body><p>{'word ' * 2_100_000}</p><p>{SENTENCE}").text.endswith(SENTENCE.strip())


def test_fragments_and_rubbish_are_no_crash() -> None:
    assert extracted(HTML, f"<p>{SENTENCE}</p>").text == SENTENCE.strip()
    assert extracted(HTML, f"<html/><body><p>{SENTENCE}&#1;</p>").text.startswith(SENTENCE.strip())
    assert survives_rubbish(HTML)


def test_the_published_benchmark_is_met(evaluation_data: Path) -> None:
    """WCXB: trafilatura 2.3.1 gave .805 over all 300 pages in an independent run."""
    assert word_f1(HTML, evaluation_data) > 0.75
