"""Windows that occur twice, against a table of all windows and against a suffix array."""

from __future__ import annotations

import json
import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.deduped import coverage, symbol_windows
from data4llm_assets.models.tokenizer import FileTokenizer

GPT2 = Path(__file__).with_name("gpt2_part.json")
"""The part of GPT-2's published vocabulary (MIT) that the example below is spelt with: its byte ranges count token ids."""
ALL_BITS = 2**64 - 1


def marks(documents: list[bytes], length: int, *, every: bool = False, memory: int = 1 << 20, bits: int = ALL_BITS) -> list[int]:
    symbols = np.frombuffer(b"".join(documents), np.uint8)
    offsets = np.cumsum([0, *map(len, documents)])
    found = np.zeros(len(symbols), np.uint32)
    symbol_windows.mark(symbols, offsets, length, found, every=every, memory=memory, bits=bits)
    return [int(mark) for mark in found]


def marks_by_table(documents: list[bytes], length: int, *, every: bool) -> list[int]:
    seen: dict[bytes, tuple[int, int]] = {}
    found = [0] * sum(map(len, documents))
    begin = 0
    for row, document in enumerate(documents):
        for start in range(len(document) - length + 1):
            window = document[start : start + length]
            if window in seen:
                place, first = seen[window]
                found[begin + start] = first + 1
                found[place] = first + 1 if every else found[place]
            else:
                seen[window] = begin + start, row
        begin += len(document)
    return found


def suffix_array(text: bytes) -> list[int]:
    return sorted(range(len(text)), key=lambda start: text[start:])


def covered(found: list[int], length: int) -> list[tuple[int, int]]:
    """The union of marked windows."""
    ranges: list[tuple[int, int]] = []
    for start in (place for place, mark in enumerate(found) if mark):
        joined = bool(ranges) and start <= ranges[-1][1]
        ranges[-1:] = [(ranges[-1][0], start + length)] if joined else [*ranges[-1:], (start, start + length)]
    return ranges


DOCUMENTS = st.lists(st.text("ab", max_size=40).map(str.encode) | st.text("abc", max_size=40).map(str.encode), max_size=6)


@settings(deadline=None, max_examples=300)
@given(
    DOCUMENTS, st.integers(1, 12), st.booleans(), st.sampled_from([0, 1, 0xFF, 0xFF << 40, ALL_BITS]), st.sampled_from([0, 1 << 20])
)
def test_as_a_table_of_all_windows_says(documents: list[bytes], length: int, every: bool, bits: int, memory: int) -> None:
    found = marks(documents, length, every=every, bits=bits, memory=memory)
    assert found == marks_by_table(documents, length, every=every)


@settings(deadline=None)
@given(st.text("ab", max_size=60).map(str.encode), st.integers(1, 8))
def test_as_neighbours_in_a_suffix_array_say(text: bytes, length: int) -> None:
    order = suffix_array(text)
    share = [
        len(text) - max(one, other) >= length and text[one:][:length] == text[other:][:length] for one, other in pairwise(order)
    ]
    twice = {start for pair, same in zip(pairwise(order), share, strict=True) if same for start in pair}
    assert {start for start, mark in enumerate(marks([text], length, every=True)) if mark} == twice


def test_the_suffix_array_is_that_of_the_literature() -> None:
    assert suffix_array(b"patata") == [5, 3, 1, 0, 4, 2]


def test_the_first_copy_stays_or_none() -> None:
    assert marks([b"patata"], 2) == [0, 0, 0, 1, 1, 0]
    assert marks([b"patata"], 2, every=True) == [0, 1, 1, 1, 1, 0]


def test_no_window_reaches_across_documents() -> None:
    assert marks([b"abc", b"d", b"abcd"], 4) == [0] * 8
    assert marks([b"abc", b"", b"abcd", b"abc"], 3) == [0, 0, 0, 1, 0, 0, 0, 1, 0, 0]


def test_tables_that_hold_next_to_nothing_give_the_same_in_more_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = np.random.default_rng(1).integers(0, 256, 5000).astype(np.uint8)
    symbols, offsets = np.concatenate([drawn, drawn[1000:3000]]), np.array([0, 5000, 7000])
    passes, results = [], []
    for slots in (4, 64, 1 << 14):
        monkeypatch.setattr(symbol_windows, "LEAST_SLOTS", slots)
        found = np.zeros(7000, np.uint32)
        passes.append(symbol_windows.mark(symbols, offsets, 20, found, every=False, memory=0))
        results.append(found)
    assert passes[0] > passes[1] > passes[2] == 2
    assert (results[0] == results[2]).all()
    assert (results[1] == results[2]).all()
    assert np.flatnonzero(results[2]).tolist() == list(range(5000, 6981))


@pytest.mark.parametrize("text", [b"a", b"ab", bytes(range(97, 120))])
def test_a_long_document_of_one_short_period(text: bytes) -> None:
    symbols = np.resize(np.frombuffer(text, np.uint8), 50_000_000)
    found = np.zeros(len(symbols), np.uint32)
    assert symbol_windows.mark(symbols, np.array([0, len(symbols)]), 100, found, every=False, memory=1 << 27) == 2
    assert np.flatnonzero(found[:200]).tolist() == list(range(len(text), 200))
    assert np.count_nonzero(found) == len(symbols) - 99 - len(text)


def test_a_million_copies_of_boilerplate() -> None:
    text = np.random.default_rng(0).integers(97, 123, 120).astype(np.uint8)
    symbols, offsets = np.tile(text, 1_000_000), np.arange(1_000_001) * 120
    found = np.zeros(len(symbols), np.uint32)
    symbol_windows.mark(symbols, offsets, 100, found, every=False, memory=1 << 27)
    assert np.count_nonzero(found) == 999_999 * 21
    assert found.max() == 1


def test_what_is_covered_names_the_partner_of_the_first_window() -> None:
    offsets, found = np.array([0, 4, 8, 18]), np.zeros(18, np.uint32)
    found[[8, 9, 10, 12, 15]] = 1, 1, 2, 2, 1
    rows, starts, ends, partners = (np.zeros(9, np.int64) for _ in range(4))
    count = coverage.spans(offsets, found, 3, 0, 3, rows, starts, ends, partners)
    spans = np.stack([rows, starts, ends, partners], axis=1)[:count].tolist()
    assert spans == [[2, 8, 12, 0], [2, 12, 15, 1], [2, 15, 18, 0]]


@settings(deadline=None)
@given(st.lists(st.text("aé語🙂", max_size=5), max_size=4), st.data())
def test_spans_shrink_to_whole_characters(texts: list[str], data: st.DataObject) -> None:
    content = "".join(texts).encode()
    bounds = np.cumsum([0, *(len(text.encode()) for text in texts)])
    cuts: list[tuple[int, int, int]] = []
    kept = []
    for row, text in enumerate(texts):
        begin, size = int(bounds[row]), len(text.encode())
        edges = sorted(data.draw(st.sets(st.integers(0, size))))
        spans = [pair for pair in pairwise(edges) if data.draw(st.booleans())]
        cuts += [(row, begin + start, begin + end) for start, end in spans]
        gone = {place for start, end in spans for place in range(start, end)}
        ends = np.cumsum([len(character.encode()) for character in text]).tolist()
        whole = (set(range(end - len(c.encode()), end)) <= gone for c, end in zip(text, ends, strict=True))
        kept.append("".join(c for c, out in zip(text, whole, strict=True) if not out))
    rows, starts, ends = (np.array([cut[i] for cut in cuts], np.int64) for i in range(3))
    own = np.stack([bounds[rows], bounds[rows + 1]], axis=1)
    coverage.whole(np.frombuffer(content, np.uint8), own, starts, ends)
    assert (starts <= ends).all()
    for row, text in enumerate(kept):
        left = bytearray(content[bounds[row] : bounds[row + 1]])
        for start, end in zip(starts[rows == row][::-1], ends[rows == row][::-1], strict=True):
            del left[start - bounds[row] : end - bounds[row]]
        assert left.decode() == text


@pytest.mark.parametrize(("length", "found"), [(15, False), (16, True), (20, True), (36, True), (37, False), (100, False)])
def test_the_byte_ranges_of_the_reference(evaluation_data: Path, length: int, found: bool) -> None:
    """Sequences as datatrove writes them: a separator of 12 bytes before each document, then GPT-2's ids, two bytes each.

    The ranges were made with a threshold between 16 and 36 bytes: the shortest is of 45.
    """
    example = json.loads((evaluation_data / "filter-vectors" / "datatrove.json").read_text())["exact_substring_example"]
    tokenizer = FileTokenizer(path=str(GPT2)).load()
    sequence = b""
    for row, text in enumerate(example["documents"]):
        ids, _ = tokenizer.encode_batch([text])
        sequence += struct.pack("<HIHI", 0xFFFF, row, 0xFFFF, 0) + ids.astype("<u2").tobytes()
    expected = [tuple(map(int, line.split())) for line in example["bytearange"].partition("out\n")[2].splitlines()]
    assert len(expected) == 15
    assert (covered(marks([sequence], length, every=True), length) == expected) is found
