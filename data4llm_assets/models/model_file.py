"""Model files: named arrays and a record of how they came about. Read without running anything that stands in the file.

A line that says what it is, a line of JSON (kind, format, record, and name, dtype and shape of each array), the arrays' bytes,
little-endian, one after another, and the SHA-256 of all that, 32 bytes. The same content gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, NonNegativeInt, ValidationError

_MAGIC = b"data4llm model\n"
_DTYPES = frozenset({"<f4", "<f8", "<i2", "<i4", "<i8", "|u1", "<u2", "<u8"})
_LONGEST_HEADER = 1 << 20


class ModelFileError(ValueError):
    """A model file that cannot be used: says which, why, and how to get another."""


class _Header(BaseModel):
    """record: of the training. arrays: dtype and shape of each."""

    kind: str
    version: int
    record: dict[str, Any]
    arrays: dict[str, tuple[str, tuple[NonNegativeInt, ...]]]


class ModelFile(NamedTuple):
    """arrays : read-only, by name. record : what the model was made of. digest : SHA-256 of the file, 32 hex digits."""

    arrays: Mapping[str, NDArray[Any]]
    record: Mapping[str, Any]
    digest: str


def write(path: Path, kind: str, version: int, arrays: Mapping[str, NDArray[Any]], record: Mapping[str, Any]) -> None:
    """Write a model file. `kind` and `version` are what its reader asks for. Raises ValueError for arrays it would not read."""
    told = {name: [array.dtype.newbyteorder("<").str, list(array.shape)] for name, array in sorted(arrays.items())}
    for name, (dtype, _) in told.items():
        if dtype not in _DTYPES:
            msg = f"array {name!r} is none of numbers that model files hold: {dtype}"
            raise ValueError(msg)
    header = json.dumps({"kind": kind, "version": version, "record": record, "arrays": told}, sort_keys=True, separators=(",", ":"))
    body = [_MAGIC, header.encode(), b"\n"]
    body += [np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes() for _, array in sorted(arrays.items())]
    content = b"".join(body)
    path.write_bytes(content + hashlib.sha256(content).digest())


def read(path: Path, kind: str, version: int) -> ModelFile:
    """The model in a file.

    Raises
    ------
    ModelFileError
        If it is no model file, is cut short or damaged, or is of another kind or version.
    FileNotFoundError
    """
    content = path.read_bytes()

    def wrong(what: str) -> ModelFileError:
        return ModelFileError(f"{path}: {what}; train it anew (data4llm train) or install data4llm again")

    if not content.startswith(_MAGIC):
        raise wrong("this is no model file of data4llm")
    if hashlib.sha256(content[:-32]).digest() != content[-32:]:
        raise wrong("the file is cut short or damaged: its digest does not match")
    # The digest keeps off accidents alone: whoever writes a file can write a digest that fits.
    end = content.find(b"\n", len(_MAGIC), len(_MAGIC) + _LONGEST_HEADER)
    try:
        header = _Header.model_validate_json(content[len(_MAGIC) : max(end, 0)])
    except ValidationError as error:
        raise wrong("its header cannot be read") from error
    if header.kind != kind:
        raise wrong(f"this is a model of kind {header.kind!r}, and {kind!r} is wanted")
    if header.version != version:
        raise wrong(f"the model is of version {header.version}, and this data4llm reads version {version}")
    arrays: dict[str, NDArray[Any]] = {}
    place = end + 1
    for name, (dtype, shape) in sorted(header.arrays.items()):
        if dtype not in _DTYPES:
            raise wrong(f"array {name!r} has a dtype that is none of numbers")
        stop = place + math.prod(shape) * np.dtype(dtype).itemsize
        if stop > len(content) - 32:
            raise wrong("the arrays are shorter than the header says")
        # A copy begins where a processor likes to read, the file's bytes anywhere.
        arrays[name] = np.frombuffer(content[place:stop], dtype).reshape(shape)
        place = stop
    if place != len(content) - 32:
        raise wrong("the arrays are longer than the header says")
    return ModelFile(arrays, header.record, hashlib.sha256(content).hexdigest()[:32])


def digest(path: Path, kind: str, version: int) -> str:
    """Digest of a model file that can be read: read again when it has changed. Raises as `read` does."""
    told = path.stat()
    return _digest(path, kind, version, told.st_mtime_ns, told.st_size)


@cache
def _digest(path: Path, kind: str, version: int, _changed: int, _size: int) -> str:
    return read(path, kind, version).digest
