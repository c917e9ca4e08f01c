from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.extracted_text.dom import page_signals
from data4llm_assets.extracted_text.dom.announcements import announcements
from data4llm_assets.extracted_text.dom.tree import Tree, parse


def canonical(html: str) -> bytes:
    tree = parse(html)
    assert isinstance(tree, Tree)
    return tree.data.tobytes()


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<title>One</title><meta property=og:title content=Two><title>Three</title>", ("One Two", "", "")),
        (
            "<meta name=description content='Of &quot;cats&quot;'><meta content=\"a > b\" property=og:description>"
            "<meta name=twitter:description content=c><meta name=keywords content=d><meta name=description>",
            ("", "Of &quot;cats&quot; a &gt; b c", ""),
        ),
        ("<body><p>a</p><title>b</title><meta name=description content=c>", ("", "", "")),
        (
            '<script type="application/ld+json">{"description": "a\\n\\"b\\"", "text" :"c", "name": "d", "reviewBody":""}</script>'
            '<script>{"text": "e"}</script><p>"text": "f"'
            '<script type=application/ld+json>[{"articleBody": "g\\u00e9"}, {"text": "h',
            ("", "", 'a\n"b" c  gé'),
        ),
        ('<script type="application/ld+json">{"text": "\\q"}</script>', ("", "", "\\q")),
        ("", ("", "", "")),
    ],
)
def test_what_a_page_says_of_its_text(html: str, expected: tuple[str, str, str]) -> None:
    assert tuple(each.decode() for each in announcements(canonical(html))) == expected


def test_announcements_are_read_to_a_limit_and_in_time() -> None:
    data = '<script type="application/ld+json">' + '{"text": "' + "word " * 30_000 + '"},' * 3 + "</script>"
    assert 140_000 < len(announcements(canonical(data * 3))[2]) < 400_000
    begun = time.process_time()
    for unit in ('"text":"', '"text":"\\"', "<script ld+json", "<meta ", '<meta name="description" content="'):
        announcements(unit.encode() * 200_000)
    assert time.process_time() - begun < 5


def test_signs_of_what_a_page_is() -> None:
    def signs(html: str) -> set[str]:
        return {name for name, value in zip(page_signals.NAMES, page_signals.signals(html.encode()), strict=True) if value}

    assert signs('<script>{"@type": "NewsArticle"}</script><meta property="og:type" content="article">') == {
        "data_article",
        "type_article",
    }
    assert signs('{"@type":["Product","Thing"],"offers":{"@type": "Offer"}}<button>Add to cart</button>') == {
        "data_product",
        "data_offer",
        "to_cart",
    }
    assert signs('<meta name="generator" content="Discourse 3"><nav class="pagination">') == {"forum_software", "next_page"}
    assert signs("An article.") == set()
    assert page_signals.signals(b"").dtype == "float32"


WORDS = [word for words in page_signals._WORDS.values() for word in words]
PIECES = st.sampled_from([*WORDS, b"c", b"co", b"<"]).flatmap(lambda word: st.sampled_from([word, word[:-1], word[1:]]))


@settings(deadline=None)
@given(st.lists(PIECES))
def test_signs_are_words_that_stand_in_the_page(pieces: list[bytes]) -> None:
    page = b"".join(pieces)
    said = page_signals.signals(page)[-len(page_signals._WORDS) :].astype(bool).tolist()
    assert said == [any(word in page for word in words) for words in page_signals._WORDS.values()]
