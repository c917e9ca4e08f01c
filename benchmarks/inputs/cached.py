"""One way to make an input: beside its place, then renamed, and not at all where it stands already."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def digest(value: Any) -> str:
    """Of a JSON value: 32 hex digits, independent of key order."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def cached(path: Path, key: Mapping[str, Any], make: Callable[[Path], Mapping[str, Any]]) -> dict[str, Any]:
    """The description of the file or folder `path`, made by `make` unless it was made with the same `key` before.

    `make` is given a path beside the final one, and returns what is to be known of what it wrote there (JSON values). The
    description, with the key's digest as `key`, is written last, as `path` with the suffix `.json`: its existence means that
    the input is complete.
    """
    description, wanted = path.with_name(path.name.split(".")[0] + ".json"), digest(key)
    if path.exists() and description.is_file():
        known: dict[str, Any] = json.loads(description.read_text())
        if known.get("key") == wanted:
            return known
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        made = dict(make(beside)) | {"key": wanted}
        description.unlink(missing_ok=True)
        _remove(path)
        beside.rename(path)
    finally:
        _remove(beside)
    draft = description.with_name(f".{description.name}.{os.getpid()}")
    draft.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n")
    draft.rename(description)
    return made


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
