from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.extracted_text.dom import lexicon
from data4llm_assets.extracted_text.dom import measures as m
from data4llm_assets.extracted_text.dom.features import LEVELS, NAMES, PAGE_COLUMNS, features, word_hashes
from data4llm_assets.extracted_text.dom.hashing import Table, fnv
from data4llm_assets.extracted_text.dom.tree import Tree, parse

PAGE = (
    '<html><head><title>Cats of Rome</title><meta name=description content="&quot;Cats sleep in the sun.&quot;"></head><body>'
    '<nav class="menu"><a href=/>Home</a> <a>About us</a></nav><main><h1>Cats of Rome</h1>'
    '<p class="post-body">Cats sleep in the sun, and <a>eat <b>fish</b></a>. It costs $5!</p><p>Cats sleep.</p><p>*</p><img></main>'
)
WORDS = [3, 3, 11, 2]
"""In the menu, the heading and two paragraphs."""


def tree_of(html: str) -> Tree:
    tree = parse(html)
    assert isinstance(tree, Tree)
    return tree


def column(html: str, name: str) -> list[float]:
    """Of a named column, the values of all blocks."""
    return list(features(tree_of(html)).blocks[:, NAMES.index(name)].tolist())


def close(values: Sequence[float]) -> object:
    return pytest.approx(values, rel=1e-6)


def test_each_column_has_a_name_and_each_name_a_column() -> None:
    found = features(tree_of(PAGE))
    assert found.blocks.dtype == np.float32
    assert found.blocks.shape == (4, len(NAMES))
    assert {name for name in NAMES if NAMES.count(name) > 1} <= {"in_article"}
    assert found.words.tolist() == WORDS
    assert found.rows.tolist() == [0, 1, 2, 3]
    assert found.headings.tolist() == [0, 1, 0, 0]
    assert found.ends.tolist() == [3, 6, 17, 19]
    assert len(found.stream) == 19
    # The last before those of the page, and those: what stands around a name that is missing, or one too many, would be moved.
    assert column(PAGE, "heading_+3") == [0, -1, -1, -1]
    assert NAMES[PAGE_COLUMNS][0] == "page_words"
    assert column(PAGE, "page_elements") == [16] * 4


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("words", WORDS),
        ("characters", [4 + 5 + 2, 4 + 2 + 4, 4 + 5 + 2 + 3 + 3 + 3 + 3 + 4 + 2 + 5 + 1, 4 + 5]),
        ("link_density", [1, 0, 2 / 11, 0]),
        ("word_length", [11 / 3, 10 / 3, 35 / 11, 9 / 2]),
        ("sentences", [0, 0, 2 / 11, 1 / 2]),
        ("commas", [0, 0, 1 / 11, 0]),
        ("digits", [0, 0, 1 / 35, 0]),
        ("capitals", [2 / 11, 2 / 10, 2 / 35, 1 / 9]),
        ("titled", [2 / 3, 2 / 3, 2 / 11, 1 / 2]),
        ("currencies", [0, 0, 1, 0]),
        ("bold", [0, 0, 1 / 11, 0]),
        ("links", [2, 0, 2, 0]),
        ("ends_sentence", [0, 0, 1, 1]),
        ("starts_upper", [1, 1, 1, 1]),
        ("longest_word", [5, 4, 5, 5]),
        ("repeated", [1, 1, 1, 1]),
        ("repeated_words", [3 / 19, 3 / 19, 11 / 19, 2 / 19]),
        # Words of the title; runs of three in the description, or all of a shorter block.
        ("in_title", [0, 1, 1 / 11, 1 / 2]),
        ("in_description", [0, 0, 5 / 11, 1]),
        ("in_data", [0, 0, 0, 0]),
        ("says_function", [1 / 3, 1 / 3, 4 / 11, 0]),
        ("is_p", [0, 0, 1, 1]),
        ("is_div", [0, 0, 0, 0]),
        ("in_nav", [1, 0, 0, 0]),
        ("in_main", [0, 1, 1, 1]),
        ("in_a", [1, 0, 0, 0]),
        ("near_nav", [1, 0, 0, 0]),
        ("near_post", [0, 0, 1, 0]),
        ("all_text", [0, 0, 1, 0]),
        ("depth", [2, 3, 3, 3]),
        ("rank", [0, 1 / 4, 2 / 4, 3 / 4]),
        ("words_before", [0, 3, 6, 17]),
        ("share_before", [0, 3 / 19, 6 / 19, 17 / 19]),
        ("after_h1", [0, 0, 1, 1]),
        ("since_h1", [-1, 0, 1, 2]),
        ("since_heading", [1, 0, 1, 2]),
        ("heading_above", [0, 1, 1, 1]),
        ("heading", [0, 1, 0, 0]),
        ("hidden", [0, 0, 0, 0]),
        ("alike", [1, 1, 1, 1]),
        ("in_article", [0, 0, 0, 0]),
        ("main_share", [0, 16 / 19, 16 / 19, 16 / 19]),
        ("first_of_parent", [1, 1, 1, 1]),
        # Its own element; main, or the body around the menu; the body; the page; what is outermost stands again.
        ("share_0", [3 / 19, 3 / 19, 11 / 19, 2 / 19]),
        ("share_1", [1, 16 / 19, 16 / 19, 16 / 19]),
        ("share_2", [1, 1, 1, 1]),
        (f"share_{LEVELS - 1}", [1, 1, 1, 1]),
        ("link_density_1", [5 / 19, 2 / 16, 2 / 16, 2 / 16]),
        ("blocks_1", [4, 3, 3, 3]),
        ("words_per_block_1", [19 / 4, 16 / 3, 16 / 3, 16 / 3]),
        ("sentences_1", [3 / 19, 3 / 16, 3 / 16, 3 / 16]),
        ("images_1", [1, 1, 1, 1]),
        ("images_0", [0, 0, 0, 0]),
        ("words_-1", [-1, 3, 3, 11]),
        ("words_+2", [11, 2, -1, -1]),
        ("link_density_+1", [0, 2 / 11, 0, -1]),
        ("same_holder_-1", [0, 0, 1, 1]),
        ("same_holder_+3", [0, 0, 0, 0]),
        ("heading_-1", [-1, 0, 1, 0]),
        ("page_words", [19] * 4),
        ("page_blocks", [4] * 4),
        ("page_link_density", [5 / 19] * 4),
        ("page_sentences", [3 / 19] * 4),
        ("page_h1", [1] * 4),
        ("page_has_main", [1] * 4),
        ("page_images", [1] * 4),
        ("page_paragraphs", [13 / 19] * 4),
        ("page_headings", [1 / 4] * 4),
        ("page_depth", [11 / 4] * 4),
        ("page_currencies", [1 / 4] * 4),
        ("page_digits", [1 / 65] * 4),
        ("page_function", [6 / 19] * 4),
        ("page_main_words", [16 / 19] * 4),
        ("page_alike_most", [11 / 19] * 4),
    ],
)
def test_features_are_those_counted_by_hand(name: str, values: list[float]) -> None:
    assert column(PAGE, name) == close(values)


def test_blocks_of_one_kind_and_words_that_stand_again_are_counted() -> None:
    page = "<ul><li>More cats</li><li>Fewer dogs here</li><li>More cats</li></ul><p>More cats</p>"
    for name, values in {
        "alike": [3, 3, 3, 1],
        "alike_words": [7 / 9, 7 / 9, 7 / 9, 2 / 9],
        "alike_mean": [7 / 3, 7 / 3, 7 / 3, 2],
        "repeated": [3, 1, 3, 3],
        "repeated_words": [6 / 9, 3 / 9, 6 / 9, 6 / 9],
        "first_of_parent": [1, 1, 1, 1],
    }.items():
        assert column(page, name) == close(values), name


def test_parts_of_a_block_are_counted_by_what_is_around_them() -> None:
    page = "<article hidden><p>a <code>b c</code><br>d<br>e</p>f <strong>g</strong><div>h</div>i</article>"
    for name, values in {
        "words": [5, 2, 1, 1],
        "code": [2 / 5, 0, 0, 0],
        "bold": [0, 1 / 2, 0, 0],
        "breaks": [2, 0, 0, 0],
        "hidden": [1, 1, 1, 1],
        "in_article": [1, 1, 1, 1],
        "article_share": [1, 1, 1, 1],
        "first_of_parent": [1, 1, 1, 1],
        "page_largest_article": [1, 1, 1, 1],
    }.items():
        assert column(page, name) == close(values), name
    assert column("a<br>b<br><br>c", "first_of_parent") == [1, 0]


def test_texts_of_linked_data_are_found_in_the_page() -> None:
    data = '{"@type": "Article", "articleBody": "R\\u0026D \\"pays\\" & more", "name": "Nothing of it"}'
    page = f'<script type="application/ld+json">{data}</script><p>R&amp;D "pays" &amp; more.</p><p>Nothing of it</p>'
    assert column(page, "in_data") == [1, 0]


@pytest.mark.parametrize(
    ("text", "words", "told"),
    [
        ("don’t won't", 2, {"characters": 4 + 4}),
        ("rock 'n' roll", 3, {}),
        ("snake_case 3.14 example.org", 5, {"sentences": 0, "ends_sentence": 0}),
        ("“Go!” she said… (Yes.)", 4, {"sentences": 3, "ends_sentence": 1}),
        ("a&amp;b &lt;c&gt;&nbsp;d", 4, {"separators": 1}),
        ("Home › News &gt; Cats | 1/2", 5, {"separators": 4}),
        ("€20, $5 or ₹9", 4, {"currencies": 3, "digits": 4 / 6, "commas": 1}),
        ("H₂O", 1, {"currencies": 0, "characters": 3}),
        # Chinese and Japanese have no spaces: a character is a word.
        ("数据质量。", 4, {"sentences": 1, "ends_sentence": 1, "characters": 4}),
        ("使用GPU，很快！", 5, {"commas": 1, "sentences": 1, "longest_word": 3}),
        ("カタカナ「ひら」", 6, {}),
        ("한국어 단어", 2, {"characters": 5}),
        ("Война и мир", 3, {"characters": 5 + 1 + 3, "starts_upper": 1}),
        ("ⵜⴰⵎⴰⵣⵉⵖⵜ ⲁⲃ", 2, {"characters": 10}),
        ("a → b • c — d", 4, {"separators": 1}),
        ("é", 1, {"longest_word": 1}),
    ],
)
def test_what_a_word_is(text: str, words: int, told: dict[str, float]) -> None:
    html = f"<p>{text}</p>"
    assert column(html, "words") == [words]
    per_word = {"sentences", "separators", "commas"}
    for name, value in told.items():
        assert column(html, name) == close([value / words if name in per_word else value]), name


def test_a_tag_ends_a_word() -> None:
    assert column("<p>de<b>part</b>ment</p>", "words") == [3]


def test_words_of_a_text_hash_as_those_of_a_page_do() -> None:
    found = features(tree_of('<p>Terms &amp; conditions &lt;apply&gt; to R&amp;D, "so" they&nbsp;say</p>'))
    other = "TERMS &amp; conditions apply to R &amp; D &quot;so&quot; they&nbsp;say &"
    for text in ('Terms & conditions <apply> to R&D, "so" they say', other):
        assert word_hashes(text.encode()).tolist() == found.stream.tolist()
    assert word_hashes(b"cat dog").tolist() == [fnv(b"cat"), fnv(b"dog")]
    assert word_hashes("Straße".encode()).tolist() == [fnv("straße".encode())]
    assert word_hashes(b"").tolist() == []


@settings(deadline=None)
@given(st.text("ab &;'.\"€é数,#ltgmnspquo\xa0", max_size=30))
def test_the_end_of_a_text_is_the_end(text: str) -> None:
    data = text.encode()
    one = np.zeros(1, np.int32)
    run, block = (one, one, np.full(1, len(data), np.int32)), (one, one + 1, one)
    arguments = (
        *(np.frombuffer(data, np.uint8), run, block, np.zeros(1, np.uint64)),
        *(*lexicon.TEXT_WORDS, len(lexicon.TEXT_NAMES), (np.uint64(0),) * 3),
    )
    with np.errstate(over="ignore"):
        slow = m.counts.py_func(*arguments)
    # The loop as it is written knows where the text ends, the compiled one does not: both come to the same.
    for ours, theirs in zip(slow, m.counts(*arguments), strict=True):
        assert ours.tolist() == theirs.tolist()


def test_a_page_without_words_has_no_rows() -> None:
    for html in ("", "<p>*</p><p>…</p>"):
        found = features(tree_of(html))
        assert found.blocks.shape == (0, len(NAMES))
        assert (len(found.rows), len(found.words), found.holders.shape) == (0, 0, (0, LEVELS))


def test_the_same_page_gives_the_same_bits() -> None:
    pages = [PAGE, PAGE.replace("Cats", "Dogs"), "<p>a"]
    first = [features(tree_of(page)).blocks.tobytes() for page in pages]
    assert [features(tree_of(page)).blocks.tobytes() for page in reversed(pages)] == first[::-1]


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), max_size=12), st.lists(st.integers(0, 3), max_size=8), st.integers(1, 3))
def test_what_is_covered_stands_in_a_run_of_the_other_text(words: list[int], other: list[int], width: int) -> None:
    ends = [5, 5, 8, 12]
    stream, told = (np.array(each, np.uint64) for each in (words, other))
    shares = m.covered(stream, np.minimum(ends, len(words)), told, width)
    begin = 0
    for share, end in zip(shares, ends, strict=True):
        block = words[begin:end]
        size = min(width, len(block))
        runs = {tuple(other[at : at + size]) for at in range(len(other) - size + 1)}
        begins = [at for at in range(len(block) - size + 1) if size and tuple(block[at : at + size]) in runs]
        inside = {at + step for at in begins for step in range(size)}
        assert share == np.float32(len(inside) / max(len(block), 1))
        begin = min(end, len(words))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), max_size=40))
def test_repeated_values_are_counted_and_their_weights_summed(rows: list[tuple[int, int]]) -> None:
    # Few bits differ: values fall into the same places of a table.
    keys = np.array([key << 60 for key, _ in rows], np.uint64)
    times, sums = m.repeated(keys, np.array([weight for _, weight in rows], np.float32))
    assert times.tolist() == [sum(other == key for other, _ in rows) for key, _ in rows]
    assert sums.tolist() == [sum(weight for other, weight in rows if other == key) for key, _ in rows]


@pytest.mark.parametrize(
    ("groups", "found", "letters"),
    [
        (lexicon.CLASS_GROUPS, lexicon.CLASS_WORDS, r"[a-z]+"),
        (lexicon.TEXT_GROUPS, lexicon.TEXT_WORDS, r"[^\W\d_]+"),
    ],
)
def test_every_word_of_the_lexicon_can_be_found(groups: dict[str, str], found: Table, letters: str) -> None:
    numbers = {int(key): int(value) for key, value in zip(found.keys, found.values, strict=True) if key}
    first: dict[str, int] = {}
    for number, words in enumerate(groups.values(), 1):
        for word in words.split():
            assert re.fullmatch(letters, word), word
            assert word == word.lower()
            assert numbers[fnv(word.encode())] == first.setdefault(word, number)
