"""FastWARC over one stream: WARC records, where each lies in the file, and how to go on after damage.

What a record says is `warc.py`'s affair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, TypeVar

from data4llm_assets.raw_crawl.gzip_members import GzipMembers

T = TypeVar("T")


class Archive:
    """FastWARC over one stream: records, where each lies in the file, and how to go on after damage."""

    def __init__(self, stream: BinaryIO) -> None:
        head = bytes(stream.read(2))
        self._members = GzipMembers(stream, start=head) if head == b"\x1f\x8b" else None
        self._plain = _Prefixed(stream, head)
        self._source = self._members or self._plain
        self.broken = False
        """Whether the last reading stopped at something that is no WARC record."""

    def read(self) -> Iterator[Any]:
        """WARC records up to the end or to what is none; `broken` says which."""
        from fastwarc.warc import ArchiveIterator

        self.broken = False
        # Strict: its lenient mode would skip what is damaged without a word.
        records = self.guarded(
            lambda source: ArchiveIterator(source, parse_http=False, stream_detect=not self.compressed), self._source
        )
        while (record := self.guarded(next, records, None)) is not None:
            yield record

    def guarded(self, read: Callable[..., T], *arguments: Any) -> T | None:
        """What `read` gives; None, and `broken` is set, if the archive cannot be read there."""
        try:
            return read(*arguments)
        except OSError:
            self.broken = True
        except BaseException as error:
            # FastWARC is Rust: where it did not expect an input it panics, and a panic is no Exception.
            if type(error).__name__ != "PanicException":
                raise
            self.broken = True
        return None

    def place(self, start: int, end: int | None) -> tuple[int, int] | None:
        if self._members is not None:
            return self._members.place(start, end)
        after = self._plain.tell() if end is None else end
        return (start, after - start) if after > start else None

    @property
    def compressed(self) -> bool:
        """Whether records end where gzip members do, whatever stands in them."""
        return self._members is not None

    def damage(self) -> int | None:
        return self._members.damaged if self._members is not None else None

    def begins(self, start: int, damage: int) -> bool:
        return self._members is not None and self._members.start(start) == damage

    def spoiled(self, start: int) -> bool:
        """Whether the record's bytes came out of a member that proved damaged: they may be anything."""
        members = self._members
        return (
            members is not None
            and members.damaged is not None
            and not members.truncated
            and members.start(start) == members.damaged
        )

    def consumed(self) -> int:
        return self._members.offset if self._members is not None else self._plain.tell()

    def resume(self) -> bool:
        return self._members is not None and self._members.resume()


class _Prefixed:
    """A stream whose first bytes were taken and are given again. Never seeks."""

    def __init__(self, stream: BinaryIO, head: bytes) -> None:
        self._stream, self._head, self._position = stream, head, 0

    def read(self, size: int = -1) -> bytes:
        data = self._head + self._stream.read(size if size < 0 else max(0, size - len(self._head)))
        if 0 <= size < len(data):
            data, self._head = data[:size], data[size:]
        else:
            self._head = b""
        self._position += len(data)
        return data

    def tell(self) -> int:
        return self._position
