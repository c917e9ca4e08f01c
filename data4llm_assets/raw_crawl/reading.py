"""Reading the files of a partition: what `raw_crawl` indexes, and what `extracted_text` reads again, by the same readers."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from typing import Any, BinaryIO, cast

from data4llm_assets.document import document_id
from data4llm_assets.node import Partition, SourceFile, Work
from data4llm_assets.raw_crawl.source import Bad, Found, Record, Reference, SourceSection

VANISHED = "raw_crawl.vanished"
CHANGED = "raw_crawl.changed"
EMPTY_FILE = "raw_crawl.empty_file"
_CHUNK = 1 << 20


class SourceUnreachable(RuntimeError):
    """A file could not be read to its end: a failure of the disk or the network, not of the data. Nothing is decided from it."""


def source_records(
    source: SourceSection, work: Work, *, verify: bool = True, without: Collection[str] = ()
) -> Iterator[tuple[SourceFile, Found]]:
    """Everything in every file of the partition's frozen listing but those in `without`, file by file, in order of path.

    A file that has vanished, holds nothing, or (with `verify`) is not the one that was listed gives a `Bad` of its own. Whether it
    is the listed one is known only at its end: that `Bad` takes back everything the file gave before.

    Raises
    ------
    SourceUnreachable
        If reading failed. A broken disk must not be taken for broken data.
    """
    for file in work.files():
        if file.path in without:
            continue
        if file.bytes == 0:
            yield file, Bad(EMPTY_FILE, "the file has 0 bytes", file.path, 0.0)
            continue
        try:
            with work.open(file.path) as opened:
                for found in _file_records(source, file, opened, verify):
                    yield file, source.resolve(found, work.open) if isinstance(found, Reference) else found
        except FileNotFoundError:
            yield file, Bad(VANISHED, "the file has gone since it was listed", file.path)


def identify(partition: Partition, found: Record | Bad) -> str:
    """The doc_id of what was found. What is bad goes by its place, since its content cannot be trusted."""
    identity = found.identity if isinstance(found, Record) else ("bad", found.locator)
    return document_id(partition.source, partition.snapshot, *identity)


def _file_records(source: SourceSection, file: SourceFile, opened: BinaryIO, verify: bool) -> Iterator[Found | Reference]:
    changed = Bad(CHANGED, "the file is not the one that was listed", file.path)
    stream = SourceStream(opened)
    if verify and source.random_access and source.digests_bytes():
        stream.drain()
        if stream.hexdigest() != file.digest:
            yield changed
            return
        stream.seek(0)
    yield from source.records(cast("BinaryIO", stream), file.path)
    if verify and not source.random_access:
        stream.drain()
        if (stream.hexdigest() != file.digest) if source.digests_bytes() else (stream.passed != file.bytes):
            yield changed


class SourceStream:
    """A source file as bytes, digested as they pass. Its errors are told apart from those of the parsers above it."""

    closed = False

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        self._seeking = False
        self.passed = 0

    def read(self, size: int = -1) -> bytes:
        try:
            # A bucket's reader gives a buffer, not bytes.
            data = bytes(self._stream.read(size) if size >= 0 else self._stream.read())
        except OSError as error:
            raise SourceUnreachable(str(error)) from error
        if not self._seeking:
            self._digest.update(data)
            self.passed += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        self._seeking = True
        try:
            self._stream.seek(offset, whence)
            return int(self._stream.tell())
        except OSError as error:
            raise SourceUnreachable(str(error)) from error

    def tell(self) -> int:
        return int(self._stream.tell()) if self._seeking else self.passed

    def drain(self) -> None:
        """Read to the end, for the digest."""
        while self.read(_CHUNK):
            pass

    def hexdigest(self) -> str:
        """SHA-256 of what passed before the first seek, 32 hex digits."""
        return self._digest.hexdigest()[:32]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def close(self) -> None:
        """The stream belongs to whoever opened it."""

    def flush(self) -> None:
        """Nothing is written."""
