"""Reading a part of an object: what lets a table in a bucket be read by column, as one in a folder is."""

from __future__ import annotations

import io
from typing import Any

import obstore


class Ranges(io.RawIOBase):
    """An object of a bucket as a file: only the stretches that are read are fetched, so a column that nobody asks for is not."""

    def __init__(self, objects: Any, path: str) -> None:
        self._objects, self._path, self._at = objects, path, 0
        self._size = int(obstore.head(objects, path)["size"])

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        length = max(0, min(len(buffer), self._size - self._at))
        if length:
            buffer[:length] = bytes(obstore.get_range(self._objects, self._path, start=self._at, length=length))
            self._at += length
        return length
