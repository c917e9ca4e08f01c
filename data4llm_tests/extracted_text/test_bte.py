from __future__ import annotations

import re
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.extracted_text.bte import BTE
from data4llm_assets.extracted_text.bte_span import main_blocks, sequence, span
from data4llm_assets.extracted_text.dom.tree import Tree, parse
from data4llm_assets.extracted_text.extraction import Extracted, Refused
from extracted_text.extracted_records import extracted, record, refused, survives_rubbish, word_f1

HTML = BTE()
SENTENCE = "The quick brown fox jumps over the lazy dog, and the dog does not mind it."
PAGE = f"""<!DOCTYPE html><html lang="en-GB"><head><title> A  title </title><script>var secret = 1;</script></head><body>
<nav><ul><li><a href="/">Home</a><li><a href="/about">About us</a></ul></nav>
<article><h1>Heading</h1><p>{SENTENCE} {SENTENCE}<p>{SENTENCE} <b>bold</b> word</article>
<footer><ul><li><a href="/c">Copyright</a><li><a href="/d">Cookies</a></ul></footer></body></html>"""
TEXT = f"{SENTENCE} {SENTENCE}\n\n{SENTENCE} bold word"
MARKUP = st.recursive(
    st.sampled_from(["word ", "two words ", " ", "3rd", "<br>", "<img>", "&amp; ", "a&nbsp;b ", "\u2014 ", "\u6f22\u5b57", "été "]),
    lambda inner: st.tuples(st.sampled_from(["div", "p", "b", "span", "ul", "select", "x-card"]), st.lists(inner, max_size=4)).map(
        lambda drawn: f"<{drawn[0]}>{''.join(drawn[1])}</{drawn[0]}>"
    ),
    max_leaves=20,
)


def tree_of(html: str) -> Tree:
    tree = parse(html)
    assert isinstance(tree, Tree)
    return tree


def tokens(html: str) -> str:
    """A page's tokens: < for a tag, w for a word."""
    return "".join("w" if token > 0 else "<" for token in sequence(tree_of(html))[0])


def by_brute_force(values: list[int]) -> tuple[int, int]:
    found, best = (0, 0), 0
    for begin in range(len(values)):
        for end, total in enumerate(accumulate(values[begin:]), begin + 1):
            if total > best:
                found, best = (begin, end), total
    return found


@settings(deadline=None)
@given(st.lists(st.sampled_from([-1, 1]), max_size=60))
def test_the_span_is_that_of_brute_force(values: list[int]) -> None:
    assert span(np.array(values, np.int8)) == by_brute_force(values)
    assert span(np.array(values, np.float64)) == by_brute_force(values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], (0, 0)),
        ([-1, -1], (0, 0)),
        ([1], (0, 1)),
        ([-1, 1, 1, -1, 1, -1], (1, 3)),
        # Of equal ones the first, and of those that begin with it the shortest.
        ([1, -1, 1], (0, 1)),
        ([1, -1, 1, 1], (0, 4)),
        ([-1, 1, -1, 1, 1], (1, 5)),
    ],
)
def test_of_equal_spans_the_first_and_shortest(values: list[int], expected: tuple[int, int]) -> None:
    assert span(np.array(values, np.int8)) == expected == by_brute_force(values)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", ""),
        ("one, two - three", "www"),
        ("<p>one<br>two", "<w<w<"),
        ("<p>one <b>two</b></p><div></div>", "<w<w<<<<"),
        # What nobody sees is neither a tag nor a word.
        ("<script>one</script><select><option>two</select><!-- three -->four", "w"),
        ("one<svg><path/><text>two</text></svg>", "w"),
        # White space may be an entity; other entities and punctuation are no words.
        ("a&nbsp;b &amp; &lt; \u2014 \u3002 R&amp;D", "www"),
        ("\u6f22\u5b57\u3001\u30ab\u30ca abc", "wwwww"),
        ("\u00fcber \u0416\u0438", "ww"),
    ],
)
def test_tokens_are_tags_and_words(body: str, expected: str) -> None:
    # html and body begin before, and end behind.
    assert tokens(f"<html><head><title>x</title></head><body>{body}</body></html>") == f"<<{expected}<<"


@settings(deadline=None)
@given(MARKUP)
def test_tokens_are_those_of_the_canonical_page(html: str) -> None:
    canonical = tree_of(html).data.tobytes().decode()
    seen = re.sub(r"<!DOCTYPE[^>]*>|<head>.*?</head>|<select>.*?</select>", " ", canonical).replace("&nbsp;", " ")
    plain = re.sub("<[^>]*>", "<", re.sub("&[a-z]+;|[\u2014]", "-", seen))
    found = re.findall(r"(<)|([\u4e00-\u9fff])|([^<>\s\u4e00-\u9fff]+)", plain)
    assert tokens(html) == "".join("<" if tag else "w" for tag, *word in found if tag or re.search(r"\w", "".join(word)))


def test_the_stretch_with_most_words_is_kept() -> None:
    found = extracted(HTML, PAGE)
    assert found.text == TEXT
    assert (found.title, found.language, found.meta["engine"]) == ("A title", "en", "bte")


def test_tags_that_weigh_less_let_more_in() -> None:
    assert extracted(BTE(tag_weight=0.4), PAGE).text == f"Heading\n\n{TEXT}"
    assert extracted(BTE(tag_weight=0.4, format="markdown"), PAGE).text.startswith(f"# Heading\n\n{SENTENCE}")
    assert "Home" in extracted(BTE(tag_weight=0.01), PAGE).text


def test_what_stands_within_the_stretch_is_kept_whatever_it_is() -> None:
    within = PAGE.replace("<p>", "<div class=advert><a>Buy</a></div><p>")
    assert extracted(HTML, within).text == TEXT.replace("\n\n", "\n\nBuy\n\n")
    stars = PAGE.replace("word</article>", "word</article><p>* * *</p>").replace(f"{SENTENCE}<p>", f"{SENTENCE}<p>* * *<p>")
    assert extracted(HTML, stars).text == TEXT.replace("\n\n", "\n\n* * *\n\n")


def test_a_block_is_kept_if_more_than_half_of_its_words_are_in_the_stretch() -> None:
    cut = "<p>{before}<i></i><i></i><i></i>" + SENTENCE
    assert main_blocks(tree_of(cut.format(before="one two"))).tolist() == [True]
    before = cut.format(before="x " + "<i>one</i> " * 20)
    begin, end = span(sequence(tree_of(before))[0])
    assert (begin, end) == (70, 86)
    assert main_blocks(tree_of(before)).tolist() == [False]


def test_a_page_does_not_depend_on_the_pages_before_it() -> None:
    pages = [PAGE.replace("Heading", f"Heading {number}" * 9) for number in range(4)] + ["", "<p>x"]

    def texts(pages: list[str]) -> list[Extracted | Refused]:
        return [HTML.extract(page.encode(), record(b"")) for page in pages]

    assert texts(pages[::-1]) == texts(pages)[::-1]


def test_large_pages_take_time_in_proportion() -> None:
    assert extracted(HTML, "<div>x</div>" * 60_000).text == "x"
    assert len(extracted(HTML, "<p>" + "word " * 1_000_000).text) == 4_999_999


def test_limits_and_rubbish() -> None:
    assert refused(BTE(max_depth=50), "<div>" * 300 + SENTENCE) == ("extracted_text.max_depth", 50)
    assert refused(BTE(max_elements=40), "<p>x" * 50) == ("extracted_text.max_elements", 40)
    assert refused(BTE(max_bytes=10), PAGE) == ("extracted_text.max_bytes", 10)
    assert survives_rubbish(HTML)


def test_score_on_pages_whose_main_text_is_known(evaluation_data: Path) -> None:
    assert word_f1(HTML, evaluation_data) > 0.65
    assert word_f1(BTE(tag_weight=0.7), evaluation_data) > 0.67
