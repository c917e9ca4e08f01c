"""What changed between two texts: hunks of changed lines, and within them the words, for `data4llm try`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

Mark = Literal["same", "gone", "new"]
MOST_WORDS = 4000
"""Words of a hunk that are compared one by one: time grows with their square."""
_WORD = re.compile(r"\s+|\S+")


class Piece(NamedTuple):
    mark: Mark
    text: str


class Hunk(NamedTuple):
    """line: the first changed line of the text before, 1 being the first. pieces: in order, with a line of context around them."""

    line: int
    pieces: tuple[Piece, ...]


def hunks(before: str, after: str) -> Iterator[Hunk]:
    """Every changed stretch, in order; nothing if the texts are equal."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=len(old) + len(new) > MOST_WORDS)
    for tag, start, end, new_start, new_end in matcher.get_opcodes():
        if tag == "equal":
            continue
        pieces = [*words("".join(old[start:end]), "".join(new[new_start:new_end]))]
        if start:
            pieces.insert(0, Piece("same", old[start - 1]))
        if end < len(old):
            pieces.append(Piece("same", old[end]))
        yield Hunk(start + 1, tuple(pieces))


def words(before: str, after: str) -> Iterator[Piece]:
    """The same text, word by word; as a whole where it is long."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    if len(old) + len(new) > MOST_WORDS:
        yield from (Piece(mark, text) for mark, text in (("gone", before), ("new", after)) if text)  # type: ignore[arg-type]
        return
    for tag, start, end, new_start, new_end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Piece("same", "".join(old[start:end]))
            continue
        if end > start:
            yield Piece("gone", "".join(old[start:end]))
        if new_end > new_start:
            yield Piece("new", "".join(new[new_start:new_end]))
