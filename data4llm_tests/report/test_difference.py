from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.report.difference import Hunk, Piece, hunks, words

LINES = st.lists(st.sampled_from(["a b", "c", "d e f", ""]), max_size=8).map("\n".join)


def test_equal_texts_have_no_hunks() -> None:
    assert list(hunks("a\nb\n", "a\nb\n")) == []


def test_a_changed_word_stands_between_the_lines_around_it() -> None:
    (hunk,) = hunks("one\ntwo three\nfour\n", "one\ntwo 3\nfour\n")
    pieces = (Piece("same", "one\n"), Piece("same", "two "), Piece("gone", "three"), Piece("new", "3"), Piece("same", "\n"))
    assert hunk == Hunk(2, (*pieces, Piece("same", "four\n")))


def test_a_long_hunk_is_shown_whole() -> None:
    assert [piece.mark for piece in words("a " * 3000, "b " * 3000)] == ["gone", "new"]


@settings(max_examples=50, deadline=None)
@given(LINES, LINES)
def test_pieces_of_words_put_together_are_the_two_texts(before: str, after: str) -> None:
    found = list(words(before, after))
    assert "".join(piece.text for piece in found if piece.mark != "new") == before
    assert "".join(piece.text for piece in found if piece.mark != "gone") == after
