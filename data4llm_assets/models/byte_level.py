"""Byte-level BPE by looking up: natural text repeats its words, so nearly every pre-token was encoded before.

Here: which tokenizers can be encoded so, as their own JSON says, and the way from a column of texts to ids. A pre-token's ids
depend on its bytes alone, so remembering them changes nothing; the table is bounded and started anew when it is full. Import it
inside functions only: numba is heavy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from data4llm_assets.models import merges, pretokens
from data4llm_assets.models.pretokens import CL100K, CUT, GPT2, LETTER, NEWLINE, NUMBER, SPACE, Bytes

CONTRACTION_LETTER = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
THE_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
FIRST_SLOTS, MOST_SLOTS = 1 << 15, 1 << 20
"""Slots of the table at first and at most: then it takes 50 MB."""
KEY_BYTES = 12
"""Room for each pre-token: half of the slots stay free, and the common ones have six bytes."""
PIECE = 1 << 16
"""Pre-tokens looked up before their ids are written."""
LONGEST = 128
"""Bytes of the longest pre-token that is merged here and not by the library."""


class Form(NamedTuple):
    """How a tokenizer splits texts."""

    style: int
    digits: int
    """Most digits of one pre-token, where the style asks."""
    cut: bool
    """Whether numerals are cut out, one by one, before anything else."""


def form_of(content: Mapping[str, Any]) -> Form | None:
    """The form of a `tokenizer.json`, None if it is no byte-level BPE whose pre-tokens are known and encoded each for itself.

    Tokens marked special count as text here: whoever asks has to tell the library the same (`encode_special_tokens`).
    """
    model, normalizer = content["model"], content.get("normalizer")
    plain = model["type"] == "BPE" and not any(
        model.get(key) for key in ("dropout", "byte_fallback", "continuing_subword_prefix", "end_of_word_suffix")
    )
    if not plain or normalizer is not None or not all(token["special"] for token in content.get("added_tokens") or ()):
        return None
    steps = content.get("pre_tokenizer") or {}
    steps = list(steps["pretokenizers"]) if steps.get("type") == "Sequence" else [steps]
    last = steps.pop() if steps else {}
    if last.get("type") != "ByteLevel" or last["add_prefix_space"]:
        return None
    before = steps.pop() if steps else None
    if steps:
        return None
    if last["use_regex"]:
        digits = {"type": "Digits", "individual_digits": True}
        return Form(GPT2, 0, before is not None) if before in (None, digits) else None
    for most, pattern in ((1, r"\p{N}"), (3, r"\p{N}{1,3}")):
        regex = {"Regex": f"{CONTRACTION_LETTER}{pattern}{THE_REST}"}
        if before == {"type": "Split", "pattern": regex, "behavior": "Isolated", "invert": False}:
            return Form(CL100K, most, False)
    return None


@cache
def kinds_of(form: Form) -> Bytes:
    """The kind of every code point, uint8[0x110000], as the library's regular expressions (and so its Unicode version) see it."""
    from tokenizers import PreTokenizedString, Regex, pre_tokenizers

    # The planes above hold no letters, numbers or spaces. Surrogates are not text.
    points = np.arange(0x40000, dtype="<u4")
    points[0xD800:0xE000] = 0xFFFF
    alphabet = points.tobytes().decode("utf-32-le")
    kinds = np.zeros(0x110000, np.uint8)
    regexes = ((LETTER, r"\p{L}+"), (NUMBER, r"\p{N}+"), (SPACE, r"\s+"))
    splits: list[tuple[int, Any]] = [(kind, pre_tokenizers.Split(Regex(regex), "isolated")) for kind, regex in regexes]
    if form.cut:
        splits.append((CUT, pre_tokenizers.Digits(individual_digits=False)))
    for kind, split in splits:
        pieces = PreTokenizedString(alphabet)
        split.pre_tokenize(pieces)
        # U+0000 is of no kind, so every second run of characters is one that matched.
        matched = "".join(piece for piece, *_ in pieces.get_splits("original", "byte")[1::2])
        kinds[np.frombuffer(matched.encode("utf-32-le"), "<u4")] = kind
    if form.style == CL100K:
        kinds[[0x0A, 0x0D]] = NEWLINE
    return kinds


class ByteLevel:
    """One tokenizer and the pre-tokens that it met.

    Parameters
    ----------
    model : a `tokenizers.Tokenizer`.
    most_slots : bounds the table, a power of two.
    bits : which bits of hashes to use: fewer make collisions.
    """

    def __init__(
        self, model: Any, form: Form, content: Mapping[str, Any], most_slots: int = MOST_SLOTS, bits: int = 2**64 - 1
    ) -> None:
        from tokenizers import Tokenizer, pre_tokenizers

        self._words = Tokenizer(model.model)
        self._words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        self._form, self._kinds = form, kinds_of(form)
        self._merging = _Merging.of(content["model"])
        self._most, self._bits = most_slots, np.uint64(bits)
        self._alone = Lock()  # a process has one table, and the kernels let other threads run
        self._clear(min(FIRST_SLOTS, most_slots))

    def encode(self, texts: pl.Series) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """The ids of all texts (String, no nulls) one after another, and how many belong to each text."""
        lengths = np.zeros(len(texts), np.int64)
        if not texts.len():
            return np.zeros(0, np.uint32), lengths
        array = texts.rechunk().to_arrow()
        _, bounds, content = array.buffers()
        offsets = np.frombuffer(bounds, np.int64)[array.offset : array.offset + len(array) + 1]
        data = np.frombuffer(content if content is not None else b"", np.uint8)
        out = np.empty(offsets[-1] - offsets[0], np.uint32)
        place, written = np.array([0, offsets[0], 0]), np.zeros(2, np.int64)
        found = np.empty(PIECE, np.int32)
        with self._alone:
            while place[0] < len(texts):
                first = self._used[0]
                count = pretokens.look_up(
                    data, offsets, place, self._kinds, self._form.style, self._form.digits,
                    self._bits, self._slots, self._entries, self._keys, self._used, found,
                )  # fmt: skip
                self._encode_entries(int(first))
                pretokens.write(found, count, self._entries, self._ids, out, lengths, written)
                if place[2]:
                    self._make_room(int(place[2]))
        return out[: written[1]], lengths

    def _clear(self, slots: int, key_bytes: int = 0) -> None:
        self._slots = np.zeros((slots, 2), np.uint64)
        self._entries = np.empty((slots // 2, 4), np.int32)
        self._keys = np.empty(max(KEY_BYTES * slots // 2, key_bytes), np.uint8)
        # A token is never shorter than a byte.
        self._ids = np.empty(len(self._keys), np.uint32)
        self._used = np.zeros(3, np.int64)
        """Entries, bytes of keys, ids."""

    def _make_room(self, key_bytes: int) -> None:
        """For a key of `key_bytes` at least: the table is doubled, or, once it is as large as it may be, begun anew."""
        before = self._slots, self._entries, self._keys, self._ids
        count, keys, ids = self._used
        if 2 * len(self._slots) > self._most:
            self._clear(self._most, key_bytes)
            return
        self._clear(2 * len(self._slots), int(keys) + key_bytes)
        self._used[:] = count, keys, ids
        self._entries[:count], self._keys[:keys], self._ids[:ids] = before[1][:count], before[2][:keys], before[3][:ids]
        pretokens.move(before[0], self._slots, self._bits)

    def _encode_entries(self, first: int) -> None:
        """Give ids to the entries from `first` on."""
        if first == self._used[0]:
            return
        left = np.empty(self._used[0] - first, np.int32)
        count = merges.merge(self._entries, first, self._used, self._keys, self._ids, *self._merging, left)
        if not count:
            return
        begins = self._entries[left[:count], 0].tolist()
        sizes = self._entries[left[:count], 1].tolist()
        words = [self._keys[begin : begin + size].tobytes().decode() for begin, size in zip(begins, sizes, strict=True)]
        encoding = self._words.encode_batch([words], is_pretokenized=True, add_special_tokens=False)[0]
        counts = np.bincount(np.array(encoding.word_ids, np.int64), minlength=count)
        begin, end = self._used[2], self._used[2] + len(encoding.ids)
        self._ids[begin:end] = encoding.ids
        self._entries[left[:count], 2] = begin + np.cumsum(counts) - counts
        self._entries[left[:count], 3] = counts
        self._used[2] = end


class _Merging(NamedTuple):
    """What `merges.merge` needs of a model."""

    alphabet: NDArray[np.int64]
    longest: int
    names: NDArray[np.uint64]
    values: NDArray[np.int64]

    @classmethod
    def of(cls, model: Mapping[str, Any]) -> _Merging:
        vocabulary, given = model["vocab"], model["merges"]
        absent = -1 if model.get("unk_token") is None else -2
        alphabet = np.array([vocabulary.get(letter, absent) for letter in _letters()], np.int64)
        if model.get("ignore_merges"):  # whole words of the vocabulary come first: left to the library
            return cls(alphabet, 0, *merges.pairs_table(np.zeros(0, np.uint64), np.zeros(0, np.int64)))
        left = np.array([vocabulary[left] for left, _ in given], np.uint64)
        right = np.array([vocabulary[right] for _, right in given], np.uint64)
        merged = np.array([vocabulary[left + right] for left, right in given], np.int64)
        ranks = np.arange(len(given), dtype=np.int64)
        return cls(alphabet, LONGEST, *merges.pairs_table(left << np.uint64(32) | right, ranks << 32 | merged))


def of(model: Any) -> ByteLevel | None:
    """What encodes as the `tokenizers.Tokenizer` does whose special tokens are text, None if only the library can."""
    content = json.loads(model.to_str())
    form = form_of(content)
    return ByteLevel(model, form, content) if form else None


def spellings(vocabulary: Mapping[str, int], size: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The bytes of ids 0 to `size` end to end, and where they begin; none where a token is no string of byte-level letters."""
    values = {letter: byte for byte, letter in enumerate(_letters())}
    spelled = [b""] * size
    for token, index in vocabulary.items():
        if all(letter in values for letter in token):
            spelled[index] = bytes(values[letter] for letter in token)
    offsets = np.concatenate([[0], np.cumsum([len(some) for some in spelled])]).astype(np.int64)
    return np.frombuffer(b"".join(spelled), np.uint8), offsets


def _letters() -> list[str]:
    """The character that byte-level vocabularies write for each byte."""
    visible = {*range(33, 127), *range(161, 173), *range(174, 256)}
    hidden = iter(range(256, 512))
    return [chr(byte) if byte in visible else chr(next(hidden)) for byte in range(256)]
