from __future__ import annotations

import numpy as np

from data4llm_assets.extracted_text.dom.tree import Tree, parse
from data4llm_assets.training.labels import block_labels, block_words

PAGE = (
    "<nav><a>Home</a> <a>News of cats</a></nav><h1>News of cats</h1><p>Cats sleep all day, <i>and</i> eat<br>at night.</p>"
    "<p>&mdash;</p><aside>Read all about dogs</aside><p>They are R&amp;D de<b>part</b>ments&nbsp;of nature.</p>"
)
TRUTH = "News of cats\n\nCats sleep all day, and eat at night.\n\nThey are R&D departments of nature."


def tree_of(html: str) -> Tree:
    tree = parse(html)
    assert isinstance(tree, Tree)
    return tree


def test_words_of_a_block_are_those_that_a_reader_sees() -> None:
    assert block_words(tree_of(PAGE), np.arange(6)) == [
        ["home", "news", "of", "cats"], ["news", "of", "cats"], ["cats", "sleep", "all", "day", "and", "eat", "at", "night"],
        [], ["read", "all", "about", "dogs"], ["they", "are", "r", "d", "departments", "of", "nature"],
    ]  # fmt: skip


def test_what_stands_in_the_menu_too_is_main_text_where_the_rest_follows() -> None:
    shares = block_labels(tree_of(PAGE), np.arange(6), TRUTH)
    assert shares.dtype == np.float32
    assert shares.tolist() == [0, 1, 1, 0, 0, 1]


def test_rows_may_be_some_of_the_blocks() -> None:
    assert block_labels(tree_of(PAGE), np.array([2, 4]), TRUTH).tolist() == [1, 0]


def test_a_block_may_be_main_text_in_part() -> None:
    tree = tree_of("<p>Said by a reader: Cats sleep all day and eat at night</p>")
    assert np.allclose(block_labels(tree, np.arange(1), "Cats sleep all day and eat at night"), [8 / 12])


def test_nothing_is_main_text_of_nothing() -> None:
    tree = tree_of(PAGE)
    assert block_labels(tree, np.arange(6), " ").tolist() == [0] * 6
    assert block_labels(tree, np.zeros(0, np.int64), TRUTH).tolist() == []
    assert block_labels(tree, np.array([3]), TRUTH).tolist() == [0]
    assert block_labels(tree_of("<p>Dogs</p>"), np.arange(1), TRUTH).tolist() == [0]
