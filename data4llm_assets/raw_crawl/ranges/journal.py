"""What has landed, line by line, so that a landing that was cut off at any moment goes on from there.

In the landing's folder `.landing/` lie `wanted.parquet`, what is to land, frozen before anything is fetched, and `journal.jsonl`.
Its first line says what was asked for; each further one that the rows of the plan up to there have landed, and which bytes were
appended to which file; the last one that everything has. Records are appended in the order of the plan, so that a landing is the
same whatever order they arrive in, and one number says where to go on. Nothing is synced to disk on the way: whoever goes on
compares what is there with the journal and cuts off the rest.
"""

from __future__ import annotations

import fcntl
import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from data4llm_assets.node import LandingFailed

_FORMAT = 1
_HIDDEN = ".landing"


class Journal:
    """The journal of one landing. `through`: rows of the plan that have landed or have their substitute."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._hidden = folder, folder / _HIDDEN
        self._path, self._plan = self._hidden / "journal.jsonl", self._hidden / "wanted.parquet"
        self._stream: BinaryIO | None = None
        self._files: dict[str, BinaryIO] = {}
        self._sizes: dict[str, int] = {}
        self.request: dict[str, Any] | None = None
        self.finished = False
        self.through = self.landed = self.bad = 0

    @classmethod
    @contextmanager
    def opened(cls, folder: Path) -> Iterator[Journal]:
        """The journal of the landing in `folder`, what was torn cut off; no other process can open it meanwhile.

        Raises
        ------
        LandingFailed
            If another process lands there, or files lie there that no landing made.
        """
        journal = cls(folder)
        journal._hidden.mkdir(parents=True, exist_ok=True)
        with (journal._hidden / "lock").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                msg = f"another process is landing in {folder}: wait until it ends"
                raise LandingFailed(msg) from None
            journal._recover()
            try:
                yield journal
            finally:
                for stream in (*journal._files.values(), *([journal._stream] if journal._stream else [])):
                    stream.close()

    def begin(self, request: Mapping[str, Any], plan: pl.DataFrame) -> None:
        """Freeze what is to land."""
        unfinished = self._plan.with_suffix(".tmp")
        plan.write_parquet(unfinished)
        _synced(unfinished)
        unfinished.replace(self._plan)
        self.request = dict(request)
        self._stream = self._path.open("wb", buffering=0)
        self._write({"format": _FORMAT, "request": self.request})

    def plan(self) -> pl.DataFrame:
        return pl.read_parquet(self._plan)

    def commit(self, through: int, pieces: Sequence[tuple[str, bytes]], *, bad: int) -> None:
        """Append `pieces`, each to its file, and note that rows up to `through` are done; `bad` of them are substitutes."""
        joined: dict[str, list[bytes]] = {}
        for name, data in pieces:
            joined.setdefault(name, []).append(data)
        appended = []
        for name, parts in joined.items():
            data = b"".join(parts)
            _write_all(self._file(name), data)
            appended.append([name, len(data), zlib.crc32(data)])
        self._count({"through": through, "landed": len(pieces) - bad, "bad": bad, "appended": appended})
        self._write({"through": through, "landed": len(pieces) - bad, "bad": bad, "appended": appended})

    def finish(self) -> None:
        for stream in self._files.values():
            os.fsync(stream.fileno())
        self._write({"finished": True, "landed": self.landed, "bad": self.bad})
        os.fsync(self._journal().fileno())
        self.finished = True

    def _recover(self) -> None:
        """Read the journal up to where it, or what it speaks of, is torn; cut everything off there."""
        good = 0
        readers: dict[str, BinaryIO] = {}
        try:
            for line in self._path.open("rb") if self._path.is_file() else ():
                entry = _entry(line)
                if entry is None or not self._agrees(entry, readers):
                    break
                good += len(line)
        finally:
            for reader in readers.values():
                reader.close()
        if self.finished:
            return
        if self.request is None:
            if found := sorted(path.name for path in self._folder.iterdir() if path.name != _HIDDEN):
                msg = f"{self._folder} holds {found[0]}, which no landing made: move it away, or name another folder as `path`"
                raise LandingFailed(msg)
            return
        os.truncate(self._path, good)
        for path in self._folder.glob("*.warc.gz"):
            if size := self._sizes.get(path.name):
                os.truncate(path, size)
            else:
                path.unlink()
        self._stream = self._path.open("ab", buffering=0)

    def _agrees(self, entry: dict[str, Any], readers: dict[str, BinaryIO]) -> bool:
        if self.request is None:
            if entry.get("format") != _FORMAT:
                msg = f"{self._path} is of another version of this program: land under another snapshot's name"
                raise LandingFailed(msg)
            self.request = entry["request"]
            return self._plan.is_file()
        if entry.get("finished"):
            self.finished = True
            return True
        for name, size, checksum in entry["appended"]:
            if name not in readers:
                path = self._folder / name
                if not path.is_file():
                    return False
                readers[name] = path.open("rb")
            data = readers[name].read(size)
            if len(data) != size or zlib.crc32(data) != checksum:
                return False
        self._count(entry)
        return True

    def _count(self, entry: dict[str, Any]) -> None:
        for name, size, _ in entry["appended"]:
            self._sizes[name] = self._sizes.get(name, 0) + size
        self.through = entry["through"]
        self.landed += entry["landed"]
        self.bad += entry["bad"]

    def _file(self, name: str) -> BinaryIO:
        if name not in self._files:
            self._files[name] = (self._folder / name).open("ab", buffering=0)
        return self._files[name]

    def _journal(self) -> BinaryIO:
        if self._stream is None:
            msg = "begin() comes first"
            raise RuntimeError(msg)
        return self._stream

    def _write(self, entry: Mapping[str, Any]) -> None:
        _write_all(self._journal(), json.dumps(entry).encode() + b"\n")


def _entry(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _write_all(stream: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[stream.write(view) :]


def _synced(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
