"""Which characters make words: a fixed table, so that shingles depend on no release of the Unicode database.

Letters and digits stand in words, white space and punctuation between them. Marks are passed over. A character of a script
that is written without spaces is a word of its own: there, words between spaces would be whole clauses.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np

BETWEEN, LETTER, ALONE, PASSED = 0, 1, 2, 3

_BETWEEN = (
    (0x0000, 0x002F), (0x003A, 0x0040), (0x005B, 0x0060), (0x007B, 0x00A9), (0x00AB, 0x00B4), (0x00B6, 0x00B9),
    (0x00BB, 0x00BF), (0x00D7, 0x00D7), (0x00F7, 0x00F7), (0x037E, 0x037E), (0x0387, 0x0387), (0x055A, 0x055F),
    (0x0589, 0x058F), (0x05BE, 0x05BE), (0x05C0, 0x05C0), (0x05C3, 0x05C3), (0x05C6, 0x05C6), (0x05F3, 0x05F4),
    (0x0600, 0x060F), (0x061B, 0x061F), (0x066A, 0x066D), (0x06D4, 0x06D4), (0x0700, 0x070D), (0x0964, 0x0965),
    (0x0970, 0x0970), (0x0F04, 0x0F14), (0x10FB, 0x10FB), (0x1360, 0x1368), (0x1400, 0x1400), (0x166E, 0x166E),
    (0x1680, 0x1680), (0x169B, 0x169C), (0x1800, 0x180A), (0x2000, 0x206F), (0x20A0, 0x20CF), (0x2190, 0x2BFF),
    (0x2E00, 0x2E7F), (0x3000, 0x3004), (0x3008, 0x3020), (0x3030, 0x3030), (0x3036, 0x3037), (0x303D, 0x303F),
    (0xE000, 0xF8FF), (0xFE10, 0xFE1F), (0xFE30, 0xFE6F), (0xFF01, 0xFF0F), (0xFF1A, 0xFF20), (0xFF3B, 0xFF40),
    (0xFF5B, 0xFF65), (0xFFE0, 0xFFFE), (0x1F000, 0x1FAFF),
)  # fmt: skip
_ALONE = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17DD), (0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3021, 0x3029),
    (0x3031, 0x3035), (0x3038, 0x303C), (0x3040, 0x309F), (0x30A1, 0x30FA), (0x30FC, 0x30FF), (0x3100, 0x312F),
    (0x31A0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F), (0x1B000, 0x1B16F),
    (0x20000, 0x3FFFF),
)  # fmt: skip
# Thai, Burmese and Khmer punctuation lies inside the blocks above.
_BETWEEN_WITHIN = ((0x0E3F, 0x0E3F), (0x0E4F, 0x0E4F), (0x0E5A, 0x0E5B), (0x104A, 0x104F), (0x17D4, 0x17DB))
_PASSED = (
    (0x00AD, 0x00AD), (0x0300, 0x036F), (0x0591, 0x05BD), (0x05BF, 0x05BF), (0x05C1, 0x05C2), (0x0640, 0x0640),
    (0x064B, 0x065F), (0x0670, 0x0670), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x200C, 0x200F), (0x202A, 0x202E),
    (0x2060, 0x2064), (0x2066, 0x206F), (0x20D0, 0x20FF), (0xFE00, 0xFE0F), (0xFE20, 0xFE2F), (0xFEFF, 0xFEFF),
    (0xE0000, 0xE0FFF),
)  # fmt: skip


def _table() -> np.ndarray:
    table = np.full(0x110000, LETTER, np.uint8)
    for kind, ranges in ((BETWEEN, _BETWEEN), (ALONE, _ALONE), (BETWEEN, _BETWEEN_WITHIN), (PASSED, _PASSED)):
        for first, last in ranges:
            table[first : last + 1] = kind
    return table


KINDS = _table()
"""Kind of every code point, uint8[0x110000]."""

SEVERAL = np.uint32(1 << 31)
"""Marks an entry of `folded` for a character that reads as several."""
_SEVERAL_AT = 24
_DECOMPOSED = 0x2FA1E
"""No character at or after this one has a case, a decomposition or the value of a digit."""


@cache
def folded() -> tuple[np.ndarray, np.ndarray]:
    """What characters read as without case, accents and the values of digits, by Unicode 3.2 on every release of Python.

    A composed character reads as its decomposition does: marks that words pass over fall away, other parts stay. Digits are 0.
    Case pairs never change once both are assigned (Unicode's stability policy), so `casefold` may be asked for them.

    Returns
    -------
    Of every code point (uint32[0x110000]) the code point it reads as, or `SEVERAL` + count * 2^24 + offset; and the code points
    (uint32) that these offsets lead to.
    """
    unicode = unicodedata.ucd_3_2_0
    table = np.arange(0x110000, dtype=np.uint32)
    several: list[int] = []
    for code in range(_DECOMPOSED):
        character = chr(code)
        if unicode.category(character) in {"Cn", "Cs"}:
            continue
        parts = [_plain(part) for part in unicode.normalize("NFD", character)]
        heard = [part for part in parts if KINDS[part] != PASSED]
        if len(heard) > 1:
            table[code] = SEVERAL + np.uint32((len(heard) << _SEVERAL_AT) + len(several))
            several += heard
        else:
            table[code] = heard[0] if heard else parts[0]
    return table, np.array(several, np.uint32)


def _plain(character: str) -> int:
    if unicodedata.ucd_3_2_0.category(character) == "Nd":
        return ord("0")
    lower = character.casefold()
    return ord(lower if len(lower) == 1 else character)
