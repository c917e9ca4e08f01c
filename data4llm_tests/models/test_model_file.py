from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data4llm_assets.models.model_file import ModelFileError, read, write

ARRAYS = {
    "b.numbers": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a": np.array([-1, 2, 300], np.int16),
    "c": np.zeros((0, 4), np.uint64),
    "bytes": np.arange(5, dtype=np.uint8),
    "big-endian": np.arange(3, dtype=">f8"),
    "strided": np.arange(12, dtype=np.int64).reshape(3, 4)[:, ::2],
}
RECORD = {"pages": 3, "columns": {"first": ["a", "é"]}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path / "a.model", "trees", 3, ARRAYS, RECORD)
    return tmp_path / "a.model"


def told(path: Path, kind: str = "trees", version: int = 3) -> str:
    """What is wrong with a file. Always said: which file, and the way out."""
    with pytest.raises(ModelFileError) as caught:
        read(path, kind, version)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "train it anew (data4llm train) or install data4llm again" in message
    return message


def forged(path: Path, header: Any, arrays: bytes = b"") -> str:
    """What is said of a file whose digest is right and whose header is this one."""
    written = header if isinstance(header, bytes) else json.dumps(header).encode()
    content = b"data4llm model\n" + written + b"\n" + arrays
    path.write_bytes(content + hashlib.sha256(content).digest())
    return told(path)


def header(**arrays: Any) -> dict[str, Any]:
    return {"kind": "trees", "version": 3, "record": {}, "arrays": arrays}


def test_what_was_written_is_read(path: Path) -> None:
    found = read(path, "trees", 3)
    assert found.record == RECORD
    assert sorted(found.arrays) == sorted(ARRAYS)
    for name, expected in ARRAYS.items():
        assert np.array_equal(found.arrays[name], expected), name
        assert found.arrays[name].dtype == expected.dtype.newbyteorder("<")
        # As compiled loops like them, wherever in the file they lie; and nobody can change what others use.
        assert found.arrays[name].flags.aligned
        assert found.arrays[name].flags.c_contiguous
        assert not found.arrays[name].flags.writeable
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()[:32]


def test_the_same_content_gives_the_same_bytes(path: Path, tmp_path: Path) -> None:
    backwards = dict(reversed(ARRAYS.items()))
    write(tmp_path / "b.model", "trees", 3, backwards, dict(reversed(RECORD.items())))
    assert (tmp_path / "b.model").read_bytes() == path.read_bytes()
    write(tmp_path / "b.model", "trees", 3, ARRAYS | {"a": np.array([-1, 2, 301], np.int16)}, RECORD)
    assert read(tmp_path / "b.model", "trees", 3).digest != read(path, "trees", 3).digest


def test_a_file_that_is_cut_short_anywhere_is_none(path: Path) -> None:
    whole = path.read_bytes()
    for length in range(0, len(whole), 10):
        path.write_bytes(whole[:length])
        assert ("cut short or damaged" in told(path)) == (length >= 15)


def test_a_byte_that_changed_anywhere_is_seen(path: Path) -> None:
    whole = path.read_bytes()
    for place in (*range(0, len(whole), 7), len(whole) - 1):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        assert ("damaged" in told(path)) == (place >= 15)


def test_what_is_no_model_or_another_is_named(path: Path) -> None:
    assert "this is a model of kind 'trees', and 'extractor' is wanted" in told(path, kind="extractor")
    assert "the model is of version 3, and this data4llm reads version 4" in told(path, version=4)
    path.write_bytes(b"\x93NUMPY" + b"\0" * 200)
    assert "this is no model file" in told(path)
    with pytest.raises(FileNotFoundError):
        read(path.with_name("none.model"), "trees", 3)


@pytest.mark.parametrize("dtype", ["|O", "O", "<U9", "|V8", "<M8[s]", ">f4", "f4", "<f4,<f4", "no such"])
def test_arrays_of_anything_but_numbers_are_refused(path: Path, dtype: str) -> None:
    assert "array 'a' has a dtype that is none of numbers" in forged(path, header(a=[dtype, [1]]), b"\0" * 8)


@pytest.mark.parametrize(
    ("arrays", "content", "fault"),
    [
        ({"a": ["<f4", [3]]}, b"\0" * 8, "the arrays are shorter than the header says"),
        ({"a": ["<f4", [1]]}, b"\0" * 8, "the arrays are longer than the header says"),
        ({"a": ["<f4", [2]], "b": ["|u1", [33]]}, b"\0" * 8, "the arrays are shorter"),
        ({"a": ["<f8", [10**30, 10**30]]}, b"\0" * 8, "the arrays are shorter"),
        ({"a": ["<f4", [-1]]}, b"\0" * 8, "its header cannot be read"),
        ({"a": ["<f4", [-1, -2]]}, b"\0" * 8, "its header cannot be read"),
        ({"a": ["<f4", ["2"], 1]}, b"\0" * 8, "its header cannot be read"),
        ({"a": "<f4"}, b"", "its header cannot be read"),
    ],
)
def test_arrays_are_as_long_as_the_header_says(path: Path, arrays: dict[str, Any], content: bytes, fault: str) -> None:
    assert fault in forged(path, header(**arrays), content)


@pytest.mark.parametrize(
    "written",
    [b"", b"{", b"[]", b"null", b'{"kind": "trees"}', b"\xff", b"[" * 100_000, b'{"a": ' * 50_000, b" " * (1 << 20)],
)
def test_a_header_that_cannot_be_read_is_told_of(path: Path, written: bytes) -> None:
    assert "its header cannot be read" in forged(path, written)


def test_an_array_that_is_no_number_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="array 'a' is none of numbers"):
        write(tmp_path / "a.model", "trees", 1, {"a": np.array([None])}, {})
    assert not (tmp_path / "a.model").exists()
