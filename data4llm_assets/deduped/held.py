"""Arrays that may be larger than memory: those are held in scratch files, which are mapped, and gone when their step is done."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO

import numpy as np

from data4llm_assets.node import Work

_ZEROS = bytes(1 << 20)


class Held:
    """An array. What is mapped of a file counts as this process's memory until `rest` hands it to the system's cache."""

    def __init__(self, values: np.ndarray, mapped: mmap.mmap | None = None) -> None:
        self.values, self._mapped = values, mapped

    def rest(self) -> None:
        """Say that nothing of it is needed just now."""
        if self._mapped is not None:
            self._mapped.madvise(mmap.MADV_DONTNEED)


def held(work: Work, stack: ExitStack, count: int, dtype: Any, most: int, what: str) -> Held:
    """`count` zeros, in memory if they take `most` bytes or fewer, else in a scratch file that `stack` closes.

    Raises
    ------
    OSError
        If the disk is full; the message says of `what`.
    """
    size = count * np.dtype(dtype).itemsize
    if size <= most:
        return Held(np.zeros(count, dtype))
    with writing(what, size):
        file = stack.enter_context(work.scratch())
        _reserve(file, size)
        mapped = mmap.mmap(file.fileno(), size)
    return Held(np.frombuffer(mapped, dtype), mapped)


@contextmanager
def writing(what: str, size: int) -> Iterator[None]:
    """What the system says while scratch files are written, said more clearly."""
    try:
        yield
    except OSError as error:
        msg = f"cannot write {what} ({size / 1e6:,.0f} MB) to the system's temporary folder: {error.strerror or error}"
        raise OSError(error.errno, msg) from error


def _reserve(file: BinaryIO, size: int) -> None:
    """Take the room now: where a mapped file has none left on disk, the process is killed."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    for start in range(0, size, len(_ZEROS)):
        file.write(_ZEROS[: size - start])
    file.flush()
