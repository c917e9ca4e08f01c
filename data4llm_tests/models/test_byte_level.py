from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import metadata

import numpy as np
import polars as pl
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import PreTokenizedString, Regex, pre_tokenizers

from data4llm_assets.models import byte_level, pretokens
from data4llm_assets.models.byte_level import ByteLevel
from data4llm_assets.models.tokenizer import FileTokenizer, SmolLM2Tokenizer

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)  # fmt: skip
WORDS = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
FORMS = {
    "gpt2": WORDS,
    "smollm2": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), WORDS]),
    "llama3": pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    ),
    "qwen2": pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(LLAMA3.replace("{1,3}", "")), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    ),
}  # fmt: skip
every_form = pytest.mark.parametrize("name", FORMS)

NASTY = [
    "", " ", "\n", "a", "'", "it's I'LL we've they'd 'tis rock'n'roll can't''s ''ll 'S 'Ve 'rE d'd 'm'x I'\u017f 'l", "don\u2019t",
    "a  b   c", "a \n b\n\n c\t\td \t e", "trailing   ", "trailing \n", "\n\n\n  \n x", "\r\n\r\n  x\r\r", " \r\n",
    "x\u00a0\u00a0y \u00a0 z", "\u2003\u2003a \u3000\u3000\u4e2d", "\u0085\u0085x\u180e\u200b\u2028\u2029",
    "\u4e2d\u6587\u5b57\u7b26\uff0c\u3002\u65e5\u672c\u8a9e 12", "\ud55c\uad6d\uc5b4",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea\ufe0f", "e\u0301 a\u0300\u0301b \u0301",
    "1234567 12 3 1a2b 12.5e-10 3,000", "a 1 b  2   3\n4 \t5", "...!!! ?? --- ()[]{} == != #@$%^&*", ".\n\n,\r\n x)\n",
    "\u0661\u0662\u0663 \u0967\u0968 \u00bd\u00b2\u2167 \u3007\u4e00 \u2460\U0001d7d8\U0001d7d9",
    "\u01c5\u02b0\u00aa\u00ba\u0130\u0131",
    "<|endoftext|> a<|im_start|>b<|im_end|> <|endoftext", "foo(bar)\n\n\tif x:\n\t\treturn 'x'\n    # done\n",
    "\x00\x01\x04\x06\x13\x14\x16\x1d\x7f a\x04b", "\U00040000\U00050000x \U000e0100 \U0010ffff\ue000",
    "x" * 1000, "ab" * 300 + " " * 500 + "\n" * 200, "'" * 50 + "s",
]  # fmt: skip


@cache
def library(name):
    model = tokenizers.Tokenizer(SmolLM2Tokenizer().load()._model.model)
    model.pre_tokenizer = FORMS[name]
    return model


@cache
def lookup(name, most_slots=byte_level.MOST_SLOTS, bits=2**64 - 1):
    content = json.loads(library(name).to_str())
    return ByteLevel(library(name), byte_level.form_of(content), content, most_slots, bits)


def agree(model, encoder, texts):
    ids, lengths = encoder.encode(pl.Series(texts, dtype=pl.String))
    expected = [encoding.ids for encoding in model.encode_batch_fast(texts, add_special_tokens=False)]
    assert lengths.tolist() == [len(one) for one in expected]
    assert ids.tolist() == [token for one in expected for token in one]


def pieces(name, text):
    """How the compiled kernel splits a text."""
    encoder = lookup(name, 1 << 18)  # not one that encodes: the entries get no ids
    encoder._clear(1 << 18)
    data = np.frombuffer(text.encode(), np.uint8)
    found = np.empty(len(data) + 1, np.int32)
    count = pretokens.look_up(
        data, np.array([0, len(data)]), np.zeros(3, np.int64), encoder._kinds, encoder._form.style, encoder._form.digits,
        encoder._bits, encoder._slots, encoder._entries, encoder._keys, encoder._used, found,
    )  # fmt: skip
    assert found[count - 1] == pretokens.END
    return encoder._entries[found[: count - 1], 1].tolist()


def pieces_of_the_library(name, text):
    split = PreTokenizedString(text)
    library(name).pre_tokenizer.pre_tokenize(split)
    return [end - begin for _, (begin, end), _ in split.get_splits("original", "byte")]


@every_form
def test_ids_of_nasty_texts_are_the_librarys(name):
    agree(library(name), lookup(name), NASTY)
    for text in NASTY:
        assert pieces(name, text) == pieces_of_the_library(name, text)


@every_form
def test_every_character_has_the_kind_that_the_library_gives_it(name):
    kinds = lookup(name)._kinds
    alphabet = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))
    points = np.frombuffer(alphabet.encode("utf-32-le"), "<u4")
    cut = np.zeros(0x110000, bool)
    if name == "smollm2":
        digits = PreTokenizedString("\0".join(alphabet))
        pre_tokenizers.Digits(individual_digits=True).pre_tokenize(digits)
        cut[[ord(piece) for piece, *_ in digits.get_splits("original", "byte")[1::2]]] = True
        assert cut.sum() > 1000
    for kind, regex in ((pretokens.LETTER, r"[^\p{L}]+"), (pretokens.NUMBER, r"[^\p{N}]+"), (pretokens.SPACE, r"[^\s]+")):
        kept = tokenizers.normalizers.Replace(Regex(regex), "").normalize_str(alphabet)
        expected = np.zeros(0x110000, bool)
        expected[np.frombuffer(kept.encode("utf-32-le"), "<u4")] = True
        same = kinds == kind
        if kind == pretokens.SPACE:
            same |= kinds == pretokens.NEWLINE
        assert (same[points] == (expected & ~cut)[points]).all()
    assert ((kinds == pretokens.CUT) == cut).all()


@every_form
def test_characters_at_the_edges_of_each_kind_split_as_in_the_library(name):
    kinds = lookup(name)._kinds
    edges = np.flatnonzero(np.diff(kinds)) + 1
    folding = [point for point in range(0x3000) if set(chr(point).casefold()) & set("stredmlv")]
    chosen = sorted({point for edge in edges.tolist() for point in (edge - 1, edge)} | set(folding) | set(range(0x180)))
    for template in ("a{0}b {0} 1{0}2", "\n{0}\n {0}  {0}\t", "'{0} 'r{0} '{0}e '{0}l 'l{0}", "!{0}? {0}{0}\r"):
        text = "\x02".join(template.format(chr(point)) for point in chosen if not 0xD800 <= point < 0xE000)
        assert pieces(name, text) == pieces_of_the_library(name, text)


@pytest.mark.parametrize(("most_slots", "bits"), [(1 << 20, 2**64 - 1), (16, 2**64 - 1), (64, 0), (1024, 0xF)])
@every_form
@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=60) | st.text("aA1 \n\t'sSlLrRe\u00a0\u0663\u4e2d\u0301.\u017f", max_size=60), max_size=5))
def test_any_text_and_full_tables_and_collisions_change_nothing(name, most_slots, bits, texts):
    agree(library(name), lookup(name, most_slots, bits), texts)


@every_form
def test_real_texts_have_the_ids_of_the_library(name):
    texts = [distribution.read_text("METADATA") or "" for distribution in metadata.distributions()][:60]
    assert sum(map(len, texts)) > 100_000
    agree(library(name), lookup(name), texts)
    agree(library(name), lookup(name, 256), texts)


def test_a_megabyte_without_spaces_is_one_word():
    long = "abcdefghij" * 100_000
    agree(library("smollm2"), lookup("smollm2", 16), ["before", long, "after " + long, "1" * 200_000])


def test_slices_of_a_column_are_encoded_by_themselves():
    texts = pl.Series(["first", "second text", "", "third"])
    ids, lengths = lookup("smollm2").encode(texts.slice(1, 2))
    assert ids.tolist() == library("smollm2").encode("second text").ids
    assert lengths.tolist() == [len(ids), 0]


def test_threads_share_a_table():
    texts = [[f"{word} number {index * thread}" for index in range(300) for word in ("some", "other")] for thread in range(8)]
    encoder = lookup("gpt2", 64)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda each: encoder.encode(pl.Series(each))[0].tolist(), texts))
    assert found == [encoder.encode(pl.Series(each))[0].tolist() for each in texts]
    agree(library("gpt2"), encoder, texts[7])


def variant(folder, change):
    content = json.loads(library("gpt2").to_str())
    added = {"id": 0, "content": "<|endoftext|>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    content["added_tokens"] = [added | {"special": True}]
    change(content)
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(content))
    return FileTokenizer(path=str(path)).load()


def without_a_byte(content, unknown):
    vocabulary, model = content["model"]["vocab"], content["model"]
    gone = [token for token in vocabulary if "q" in token]
    model["merges"] = [pair for pair in model["merges"] if "q" not in "".join(pair)]
    for token in gone:
        del vocabulary[token]
    model["unk_token"] = unknown


def whole_words_first(content):
    content["model"]["ignore_merges"] = True
    content["model"]["merges"] = content["model"]["merges"][:5000]


def one_more_token(content):
    token = content["added_tokens"][0]
    content["added_tokens"].append(token | {"id": 49152, "content": "it's", "special": False})


@pytest.mark.parametrize(
    ("change", "looked_up"),
    [
        (lambda content: None, True),
        (lambda content: without_a_byte(content, None), True),
        (lambda content: without_a_byte(content, "<|endoftext|>"), True),
        (lambda content: content["model"].update(unk_token="!", fuse_unk=True) or without_a_byte(content, "!"), True),
        (whole_words_first, True),
        (lambda content: content["model"].update(dropout=0.0, end_of_word_suffix="s"), False),
        (lambda content: content["model"].update(byte_fallback=True), False),
        (lambda content: content["pre_tokenizer"].update(add_prefix_space=True), False),
        (lambda content: content["pre_tokenizer"].update(use_regex=False), False),
        (lambda content: content.update(normalizer={"type": "Lowercase"}), False),
        (lambda content: one_more_token(content), False),
        (lambda content: content.update(pre_tokenizer={"type": "Whitespace"}), False),
        (lambda content: content.update(pre_tokenizer=None), False),
        (lambda content: content.update(pre_tokenizer={"type": "Sequence", "pretokenizers": []}), False),
    ],
)  # fmt: skip
def test_a_tokenizer_is_looked_up_only_where_its_file_allows_it(tmp_path, change, looked_up):
    encoder = variant(tmp_path, change)
    assert (encoder._fast is not None) == looked_up
    texts = [*NASTY[:-3], "quite queer qqq quality it's", "The quick brown fox, it's 1234"]
    ids, lengths = encoder.encode_batch(texts)
    expected, counts = encoder._encode_by_library(texts)
    assert ids.tolist() == expected.tolist()
    assert lengths.tolist() == counts.tolist()
