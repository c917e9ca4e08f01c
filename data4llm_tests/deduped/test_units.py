"""Texts cut into units, and digests of windows over them."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.deduped import flat
from data4llm_assets.deduped.scripts import KINDS, PASSED, folded
from data4llm_assets.deduped.units import Cut, Units, cut

SENTENCES, LINES = Cut(sentences=True, span=1, least=1), Cut(sentences=False, span=1, least=1)


def units(how: Cut, *texts: str) -> tuple[Units, list[int]]:
    found, sizes = cut(*flat.strings(pl.Series(texts, dtype=pl.String)), how)
    return found, sizes.tolist()


def pieces(text: str, how: Cut = SENTENCES) -> list[str]:
    """The units of a text, each with what follows it."""
    data = text.encode()
    starts = [int(place) >> 32 for place in units(how, text)[0].places]
    return [data[start:end].decode() for start, end in zip(starts, [*starts, len(data)][1:], strict=True)]


def digests(how: Cut, *texts: str) -> list[tuple[int, int]]:
    found, _ = units(how, *texts)
    return [(int(low), int(high)) for low, high in zip(found.low, found.high, strict=True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n * * *\n...", []),
        ("one", ["one"]),
        ("One. Two? Three!! Four... five", ["One. ", "Two? ", "Three!! ", "Four... ", "five"]),
        ("Version 3.14 is out. See a.b.c for it", ["Version 3.14 is out. ", "See a.b.c for it"]),
        ('He said "stop." (Really!) She did.', ['He said "stop." ', "(Really!) ", "She did."]),
        ("A line\nand another\r\n\r\nlast", ["A line\n", "and another\r\n\r\n", "last"]),
        ("First. * * *\n---\n  Second.", ["First. * * *\n---\n  ", "Second."]),
        ("今天好。「是的。」真的！好", ["今天好。", "「是的。」", "真的！", "好"]),
        ("यह है। वह है।", ["यह है। ", "वह है।"]),
        ("Ναι; Όχι… Καλά", ["Ναι; Όχι… ", "Καλά"]),
        ("نعم؟ لا۔ شكرا", ["نعم؟ ", "لا۔ ", "شكرا"]),
    ],
)
def test_sentences_end_with_marks_before_white_space_and_with_lines(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


def test_lines_end_with_line_breaks_only() -> None:
    assert pieces("One. Two!\n\n-- \nThree\u2028four", LINES) == ["One. Two!\n\n-- \n", "Three\u2028", "four"]


def test_a_place_tells_the_line_break_behind_a_unit() -> None:
    found, _ = units(SENTENCES, "Ä. B. ** \n C.\n", "D. \n")
    assert [(int(place) >> 32, int(place) & 0xFFFFFFFF) for place in found.places] == [(0, 4), (4, 10), (12, 15), (0, 4)]
    assert found.bounds.tolist() == [0, 3, 4]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Straße, NAÏVE été 1984!", "straße “naive” ete 2024"),
        ("ΟΔΟΣ", "οδος"),
        ("ОДИН й", "один и\u0306"),
        ("Łódź", "łodz"),
        ("soft\u00adhyphen", "softhyphen"),
        ("๑๒", "12"),
    ],
)
def test_case_accents_punctuation_and_the_values_of_digits_do_not_count(left: str, right: str) -> None:
    assert digests(LINES, left) == digests(LINES, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [("ab c", "a bc"), ("a b", "b a"), ("a a", "a"), ("12", "123"), ("が", "か"), ("東京", "京東"), ("क़", "क"), ("각", "가")],
)
def test_other_words_have_other_digests(left: str, right: str) -> None:
    assert digests(LINES, left) != digests(LINES, right)


@given(st.text(max_size=30), st.sampled_from(["NFC", "NFD"]))
@settings(max_examples=300, deadline=None)
def test_composed_and_decomposed_texts_have_the_same_windows(text: str, form: Any) -> None:
    assert digests(SENTENCES, text) == digests(SENTENCES, unicodedata.ucd_3_2_0.normalize(form, text))


def test_every_composed_character_reads_as_its_decomposition() -> None:
    composed = [chr(code) for code in range(0x2FA1E) if unicodedata.ucd_3_2_0.decomposition(chr(code)) or 0xAC00 <= code <= 0xD7A3]
    texts = [f"x{form}y" for one in composed for form in (one, unicodedata.ucd_3_2_0.normalize("NFD", one))]
    found, _ = units(LINES, *texts)
    assert len(found.low) == len(texts) > 20_000
    assert (found.low[::2] == found.low[1::2]).all()
    assert (found.high[::2] == found.high[1::2]).all()


def test_the_table_of_characters_is_what_it_was() -> None:
    table, several = folded()
    assert [chr(table[ord(one)]) for one in "AÉßς7٣Ω"] == ["a", "e", "ß", "σ", "0", "0", "ω"]
    assert KINDS[table[0x0301]] == PASSED
    assert flat.digest(pl.DataFrame({"table": table})) == "1b9e6c2d1764dbf137577821f37f1025"
    assert flat.digest(pl.DataFrame({"several": several})) == "5873430717279d3b03ba516437d19267"


ASCII = st.text(alphabet="ab .!?\n\"'", max_size=40)


def by_hand(text: str, sentences: bool) -> list[tuple[int, tuple[str, ...]]]:
    """Start and words of every unit of an ASCII text."""
    pattern = r"""[.!?][.!?"')\]]*(?=\s|$)|\n""" if sentences else r"\n"
    ends = [found.end() for found in re.finditer(pattern, text)]
    found = []
    for start, end in zip([0, *ends], [*ends, len(text)], strict=True):
        words = tuple(re.findall("[a-z]+", text[start:end]))
        if words:
            found.append((start + len(text[start:end]) - len(text[start:end].lstrip()), words))
    return found


@given(ASCII, st.booleans())
@settings(max_examples=300, deadline=None)
def test_units_are_those_cut_by_hand(text: str, sentences: bool) -> None:
    found, _ = units(Cut(sentences, 1, 1), text)
    expected = by_hand(text, sentences)
    assert [int(place) >> 32 for place in found.places] == [start for start, _ in expected]
    assert digests(Cut(sentences, 1, 1), text) == [digests(LINES, " ".join(words))[0] for _, words in expected]


@given(st.lists(ASCII, max_size=6), st.integers(1, 4), st.integers(1, 2))
@settings(max_examples=100, deadline=None)
def test_windows_are_runs_of_units_with_words_enough(texts: list[str], span: int, least: int) -> None:
    found, sizes = units(Cut(True, span, least), *texts)
    seen: dict[tuple[int, int], tuple[tuple[str, ...], ...]] = {}
    for row, text in enumerate(texts):
        words = [some for _, some in by_hand(text, True)]
        runs = [tuple(words[k : k + span]) for k in range(len(words))]
        real = [len(run) == span and all(len(some) >= least for some in run) for run in runs]
        assert sizes[row] == sum(real)
        begin = found.bounds[row]
        for k, run in enumerate(runs):
            digest = (int(found.low[begin + k]), int(found.high[begin + k]))
            assert (digest != (0, 0)) == real[k]
            assert seen.setdefault(digest, run) == run or not real[k]
    real_ones = [run for digest, run in seen.items() if digest != (0, 0)]
    assert len(real_ones) == len(set(real_ones))


def test_units_of_a_batch_are_those_of_its_texts() -> None:
    texts = ["One. Two. Three. Four.", "", "eins\nzwei", "。", "x" * 5000, "a. " * 5000]
    how = Cut(sentences=True, span=2, least=1)
    together, sizes = units(how, *texts)
    alone = [units(how, text) for text in texts]
    assert sizes == [3, 0, 1, 0, 0, 4999] == [size for _, (size,) in alone]
    for name in ("low", "high", "places"):
        assert np.array_equal(getattr(together, name), np.concatenate([getattr(some, name) for some, _ in alone]))


def test_a_text_beyond_offsets_of_32_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="4 GiB"):
        cut(np.zeros(0, np.uint8), np.array([0, 1 << 32]), LINES)
