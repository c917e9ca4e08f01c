"""What the Gopher rules count in whole columns of texts: words, lines, paragraphs, repeated n-grams.

Here: what a word is, and the way from a column to the compiled kernels of `scan`. Import it inside functions only: numba is heavy.
`WORD` says as one Rust regular expression what a word is; the kernels split exactly so, but make no list of strings.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl

from data4llm_assets.filtered import scan
from data4llm_assets.filtered.scan import ALONE, BREAK, JOINER, LETTER, MARK, SPACE, SYMBOL, WORDLIKE, Bytes, Integers

UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]&&\p{L}"
SPACE_CLASS = r"\s\x1c-\x1f"
RUN = rf"[\w--[{UNSPACED}]]+"
WORD = (
    rf"[{UNSPACED}]\p{{M}}*|{RUN}(?:[.'’\u00ad]{RUN})*(?:://[^{SPACE_CLASS}()<>\[\]\x22]+)?"
    rf"|\.{{2,}}|-{{2,}}|[^\w{SPACE_CLASS}]"
)
"""A letter of a script written without spaces, with its marks; or a run of word characters, a single `.`, `'`, `’` or soft hyphen
inside allowed, and what follows `://` in a web address; or two or more dots or hyphens; or any other visible character alone.
White space is Python's."""

CLASSES = {
    SPACE: rf"[{SPACE_CLASS}]",
    WORDLIKE: r"\w",
    ALONE: rf"[{UNSPACED}]",
    MARK: r"\p{M}",
    LETTER: r"\p{L}",
    SYMBOL: r"[\p{P}\p{Cc}$+<=>^`|~]",
    BREAK: r"[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]",
    JOINER: r"[.'’\u00ad]",
}
"""Bits of a character's class. SYMBOL: punctuation, ASCII symbols, controls. BREAK: where `str.splitlines` splits."""

QUALITY = (
    "tokens", "words", "word_characters", "alphabetic", "stop_words",
    "lines", "bullets", "ellipsis_lines", "hashes", "ellipses",
)  # fmt: skip
TOP, DUPLICATED = (2, 3, 4), (5, 6, 7, 8, 9, 10)
REPETITION = (
    "characters", "paragraphs", "duplicate_paragraphs", "duplicate_paragraph_characters",
    "lines", "duplicate_lines", "duplicate_line_characters",
    *(f"top_{n}" for n in TOP), *(f"duplicated_{n}" for n in DUPLICATED),
)  # fmt: skip


@cache
def character_classes() -> Bytes:
    """The class of every code point, as Polars' regular expressions (and so its Unicode version) see it."""
    points = np.arange(0x110000, dtype="<u4")
    points[0xD800:0xE000] = 0xFFFF  # surrogates are not text
    alphabet = pl.Series([points.tobytes().decode("utf-32-le")])
    classes = np.zeros(0x110000, dtype=np.uint8)
    for bit, pattern in CLASSES.items():
        # U+F0000 is private, unassigned for good, and in no class: what turned into it had matched
        marked = alphabet.str.replace_all(pattern, "\U000f0000").item()
        found = np.frombuffer(marked.encode("utf-32-le"), dtype="<u4") != points
        classes[found] |= np.uint8(bit)
    return classes


def flat(texts: pl.Series) -> tuple[Bytes, Integers]:
    """UTF-8 bytes of all texts, end to end, and where each begins (len(texts) + 1 offsets)."""
    offsets = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum(texts.str.len_bytes().to_numpy(), out=offsets[1:])
    joined = texts.str.join("").item() if len(texts) else ""
    return np.frombuffer(bytearray(joined, "utf-8"), dtype=np.uint8), offsets  # a bytearray, for numba wants it writable


def quality_counts(texts: pl.Series, stop_words: tuple[str, ...]) -> dict[str, Integers]:
    """The integers behind Gopher's quality signals, by the names in QUALITY."""
    data, offsets = flat(texts)
    counts = np.zeros((len(texts), len(QUALITY)), dtype=np.int64)
    stops = pl.Series(sorted(set(stop_words)), dtype=pl.String)
    stop_data, stop_offsets = flat(stops)
    scan.quality(data, offsets, character_classes(), scan.hashes(stop_data, stop_offsets), counts)
    return dict(zip(QUALITY, counts.T, strict=True))


def repetition_counts(texts: pl.Series) -> dict[str, Integers]:
    """The integers behind Gopher's repetition signals, by the names in REPETITION; `top_n` is -1 where there is no n-gram."""
    data, offsets = flat(texts)
    counts = np.zeros((len(texts), len(REPETITION)), dtype=np.int64)
    scan.repetition(data, offsets, character_classes(), counts)
    return dict(zip(REPETITION, counts.T, strict=True))
