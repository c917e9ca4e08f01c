"""The decompressed bytes of a multi-member gzip file, with the place of every member, and a way on past a damaged one.

WARC files are gzipped record by record, so that a record can be read alone at (offset, length), and damage ends with its record.
The libraries hide where members begin and give up at the first broken one, or stop at a truncated one without a word.
"""

from __future__ import annotations

import zlib
from typing import BinaryIO

_CHUNK = 1 << 18
_REPLAY = 1 << 24
_MAGIC = b"\x1f\x8b\x08"
_GZIP = 31


class GzipMembers:
    """A readable stream of decompressed bytes. At a damaged or truncated member it reports the end, and `resume` goes on."""

    def __init__(self, stream: BinaryIO, *, start: bytes = b"") -> None:
        """`start` holds bytes already taken from `stream`."""
        self._stream = stream
        self._compressed = start
        self._taken = len(start)
        self._decompressor: zlib._Decompress | None = None
        self._member = 0
        self._position = 0
        self._ready = b""
        self._starts: dict[int, int] = {}
        self._replay = bytearray()
        self._replay_at = 0
        self.damaged: int | None = None
        """Compressed offset of the member that is damaged or ends early, if reading stopped at one."""
        self.truncated = False
        """Whether the file ended inside that member."""

    def read(self, size: int = -1) -> bytes:
        """Up to `size` decompressed bytes; none at the end and at a damaged member."""
        while not self._ready and self.damaged is None and self._fill():
            pass
        wanted = len(self._ready) if size < 0 else size
        data, self._ready = self._ready[:wanted], self._ready[wanted:]
        self._position += len(data)
        return data

    def tell(self) -> int:
        """Decompressed bytes read since the last `resume`."""
        return self._position

    def place(self, start: int, end: int | None) -> tuple[int, int] | None:
        """Compressed (offset, length) of the decompressed range, if whole members hold it; `end` None means up to the end."""
        first = self._starts.get(start)
        after = self._starts.get(end) if end is not None else self.offset
        if end is None and self.damaged is not None and self.damaged != first:
            after = self.damaged
        for known in [known for known in self._starts if known < start]:
            del self._starts[known]
        return None if first is None or after is None or after <= first else (first, after - first)

    def start(self, position: int) -> int | None:
        """Compressed offset of the member that begins at a decompressed position, if one does."""
        return self._starts.get(position)

    def resume(self) -> bool:
        """Go to the next member after the damaged one that decompresses to a WARC record. False if there is none."""
        if self.damaged is None:
            return False
        data = bytes(self._replay)
        searched = 1 if self._replay_at == self.damaged else 0
        while True:
            found = data.find(_MAGIC, searched)
            if found < 0:
                # Only the part not searched yet is kept: a damaged file may go on for gigabytes.
                data, searched = data[max(searched, len(data) - len(_MAGIC) + 1) :], 0
                more = self._take()
                if not more:
                    return False
                data += more
                continue
            if len(data) - found < _CHUNK and (more := self._take()):
                data += more
                continue
            if _begins_record(data[found : found + 4096]):
                break
            searched = found + 1
        self._compressed = data[found:]
        self._decompressor = None
        self._ready, self._position, self._starts = b"", 0, {}
        self.damaged, self.truncated = None, False
        return True

    @property
    def offset(self) -> int:
        """Compressed offset of what will be decompressed next."""
        return self._taken - len(self._compressed)

    def _take(self) -> bytes:
        data = bytes(self._stream.read(_CHUNK))
        self._taken += len(data)
        return data

    def _fill(self) -> bool:
        """Decompress some more. False at the end of the file, and where nothing more can be decompressed."""
        if not self._compressed:
            self._compressed = self._take()
            if not self._compressed:
                if self._decompressor is None:
                    return False
                self._ready = self._decompressor.flush()
                self.damaged, self.truncated = self._member, True
                return False
        if self._decompressor is None:
            # Padding of NULs after the last member is allowed, and some writers pad.
            self._compressed = self._compressed.lstrip(b"\0")
            if not self._compressed:
                return True
            self._member = self.offset
            self._decompressor = zlib.decompressobj(_GZIP)
            self._starts[self._position + len(self._ready)] = self._member
            self._replay, self._replay_at = bytearray(), self._member
        # Kept until the member is known to be whole: what follows a broken header may be the next member.
        self._replay += self._compressed
        given = self._compressed
        try:
            data = self._decompressor.decompress(given, _CHUNK * 8)
        except zlib.error:
            self.damaged = self._member
            self._compressed = b""
            return False
        if self._decompressor.eof:
            self._compressed = self._decompressor.unused_data
            self._decompressor = None
        else:
            self._compressed = self._decompressor.unconsumed_tail
        if self._compressed:
            del self._replay[len(self._replay) - len(self._compressed) :]
        if len(self._replay) > _REPLAY:
            self._replay_at += len(self._replay) - _REPLAY // 2
            del self._replay[: len(self._replay) - _REPLAY // 2]
        self._ready = data
        return True


def _begins_record(data: bytes) -> bool:
    try:
        return zlib.decompressobj(_GZIP).decompress(data, 16).startswith(b"WARC/")
    except zlib.error:
        return False
