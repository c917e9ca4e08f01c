"""Shingles for the libraries that leave them to their user: n words in a row of the lower-cased text, each once."""

from __future__ import annotations

import re

_WORD = re.compile(r"\w+")


def shingles(text: str, ngram: int) -> set[str]:
    """A text shorter than that is one shingle."""
    words = _WORD.findall(text.lower())
    count = max(len(words) - ngram + 1, 1)
    return {" ".join(words[start : start + ngram]) for start in range(count)}
