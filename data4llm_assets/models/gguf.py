"""Metadata of GGUF files: the key-value header before the tensors, which holds a model's tokenizer among other things.

Here: reading the header of versions 2 and 3 (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). Not here: tensors, or
running a model.
"""

from __future__ import annotations

import struct
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
_LONGEST = 1 << 28
_DEEPEST = 4


def inside(package: str) -> Path | None:
    """The GGUF file in an installed package, found without importing it: packages of weights may import what is not installed."""
    spec = find_spec(package)
    files = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    return files[0] if files else None


def metadata(stream: BinaryIO, prefix: str = "") -> dict[str, Any]:
    """The metadata of a GGUF file whose keys start with `prefix`, as Python values; arrays are lists.

    Raises
    ------
    ValueError
        If the stream is no GGUF file of version 2 or 3 (little-endian), or ends early.
    """
    magic, version = struct.unpack("<4sI", _take(stream, 8))
    if magic != b"GGUF" or version not in (2, 3):
        msg = f"not a little-endian GGUF file of version 2 or 3 (it starts with {magic!r}, {version})"
        raise ValueError(msg)
    _tensors, pairs = struct.unpack("<QQ", _take(stream, 16))
    found = {}
    for _ in range(pairs):
        key = _string(stream)
        (kind,) = struct.unpack("<I", _take(stream, 4))
        value = _value(stream, kind, 0)
        if key.startswith(prefix):
            found[key] = value
    return found


def _value(stream: BinaryIO, kind: int, depth: int) -> Any:
    if kind == _STRING:
        return _string(stream)
    if kind == _ARRAY:
        if depth == _DEEPEST:
            msg = "GGUF metadata nests arrays too deeply"
            raise ValueError(msg)
        inner, count = struct.unpack("<IQ", _take(stream, 12))
        if inner in _SCALARS:
            layout = _SCALARS[inner]
            data = _take(stream, count * struct.calcsize(layout))
            return [value for (value,) in struct.iter_unpack(layout, data)]
        return [_value(stream, inner, depth + 1) for _ in range(count)]
    if kind not in _SCALARS:
        msg = f"GGUF metadata holds a value of unknown type {kind}"
        raise ValueError(msg)
    layout = _SCALARS[kind]
    return struct.unpack(layout, _take(stream, struct.calcsize(layout)))[0]


def _string(stream: BinaryIO) -> str:
    (length,) = struct.unpack("<Q", _take(stream, 8))
    return _take(stream, length).decode("utf-8")


def _take(stream: BinaryIO, count: int) -> bytes:
    # A damaged length must not become an allocation.
    data = stream.read(count) if count <= _LONGEST else b""
    if len(data) != count:
        msg = f"GGUF metadata ends early: {count} bytes wanted, {len(data)} left"
        raise ValueError(msg)
    return data
