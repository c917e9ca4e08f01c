"""Memory that allocators keep though nobody uses it: given back between partitions, so that a node's budget is its own."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

import psutil
import pyarrow as pa


def release(above: int) -> None:
    """Give freed memory back to the system if this process holds more than `above` bytes; below that it is not worth the time.

    Arrow's pool and the C library's heap keep what large partitions needed. Where the C library is not GNU's, only the pool is
    asked.
    """
    if psutil.Process().memory_info().rss <= above:
        return
    pa.default_memory_pool().release_unused()
    if (library := _c_library()) is not None:
        library.malloc_trim(0)


@cache
def _c_library() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") else None
