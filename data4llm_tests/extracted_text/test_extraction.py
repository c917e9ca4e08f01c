from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data4llm_assets.extracted_text.extraction import plain_form, tidy
from data4llm_assets.raw_crawl.media_type import BINARY, HTML, PLAIN, holds_binary, of_content

_PIECES = st.sampled_from(["\n", "\r", "\r\n", " ", "\t", "\x0b", "\x85", "\u2028", "\xa0", "\ufeff", "\0", "\ud800", "a", "ö"])


def test_tidy_text_has_no_space_at_ends_of_lines_and_one_empty_line_at_most() -> None:
    assert tidy("\ufeff a \r\nb\u2003\rc\0\n \n\t\n\n  d\n\n  e\ud800 ") == "a\nb\nc\n\nd\n\n  e\ufffd"


@given(st.lists(_PIECES).map("".join))
def test_tidy_does_what_its_definition_says(text: str) -> None:
    plain = plain_form(text)
    assert plain == re.sub("[\ud800-\udfff]", "\ufffd", re.sub("\r\n?", "\n", text).replace("\0", "")).removeprefix("\ufeff")
    lines = re.sub(r"(?m)[^\S\n]+$", "", plain)
    assert tidy(text) == re.sub(r"\n[^\S\n]*(?:\n[^\S\n]*){2,}", "\n\n", lines).strip()


def test_binary_is_more_than_a_tenth_of_control_characters_that_no_text_uses() -> None:
    assert holds_binary(b"\x00\x01" + b"a" * 17)
    assert not holds_binary(b"\x00\x01" + b"a" * 18)
    assert not holds_binary(b"\t\n\v\f\r\x1b" * 9)
    assert not holds_binary(b"\xff\xfe" + b"a\x00" * 9)


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_wide_text_is_told_from_binary_with_a_mark_and_without(codec: str) -> None:
    russian = "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 100
    for page, kind in (("<!DOCTYPE html>" + russian, HTML), (russian, PLAIN), ("plain words " * 9, PLAIN)):
        assert not holds_binary(page.encode(codec)[:4095])
        assert of_content(page.encode(codec)) == kind
    assert of_content(b"".join(number.to_bytes(2, "big") for number in range(1, 20)) * 9) == BINARY
    assert of_content(b"\x00\xd8a\x00b\x00\x00\xd9" * 99) == BINARY
    wave = [int(300 * math.sin(place / 9)) + 300 for place in range(2000)]
    tokens = [int(65_000 * (place * 0.618 % 1) ** 4) for place in range(2000)]
    for numbers in (wave, tokens):
        assert of_content(b"".join(number.to_bytes(2, "little") for number in numbers)) == BINARY
