"""Ranges of bytes wherever a file lies: a folder, behind http(s), in a bucket; and such a file as a stream to seek in."""

from __future__ import annotations

import io
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

from data4llm_assets.node import LandingFailed
from data4llm_assets.raw_crawl.ranges.hosts import Politeness
from data4llm_assets.raw_crawl.ranges.places import remote, shown
from data4llm_assets.raw_crawl.ranges.range_requests import HttpRanges, Missing, Range


class Files:
    """Reads ranges of files by their place: a path, an http(s) URL, or the URL of an object in a bucket. For several threads."""

    def __init__(self, politeness: Politeness) -> None:
        self._stopped = threading.Event()
        self._http = HttpRanges(politeness, self._stopped)
        self._politeness = politeness
        self._buckets: dict[str, Any] = {}
        self._sizes: dict[str, int] = {}

    def read(self, place: str, start: int, end: int) -> Range:
        """Bytes `start` to `end`, exclusive; fewer where the file ends before. Raises Missing, LandingFailed."""
        if not remote(place):
            return _from_disk(place, start, end)
        if place.lower().startswith(("http://", "https://")):
            return self._http.read(place, start, end)
        return self._from_bucket(place, start, end)

    def size(self, place: str) -> int:
        total = self.read(place, 0, 1).total
        if total is None:
            msg = f"{shown(place)}: the server does not say how large it is"
            raise LandingFailed(msg)
        return total

    def open(self, place: str) -> io.BufferedIOBase | io.RawIOBase:
        """The whole file as a stream that seeks and reads ranges as they are asked for. Raises Missing, LandingFailed."""
        return RangeStream(self, place) if remote(place) else _opened(place)

    def beneath(self, place: str) -> list[str]:
        """The objects of a bucket beneath the URL `place`, sorted. Raises LandingFailed."""
        import obstore

        bucket, prefix = _bucket_and_key(place)
        try:
            found = [entry["path"] for batch in obstore.list(self._bucket(bucket), prefix) for entry in batch]
        except (obstore.exceptions.BaseError, ValueError, OSError) as error:
            raise _bucket_failed(place, error) from None
        return [f"{bucket}/{path}" for path in sorted(found)]

    def stop(self) -> None:
        """Waits end, and requests that wait give up: from another thread, before its threads are joined."""
        self._stopped.set()

    def close(self) -> None:
        self._http.close()

    def _bucket(self, url: str) -> Any:
        from obstore.store import from_url

        if url not in self._buckets:
            limits = self._politeness
            waits = {"init_backoff": timedelta(seconds=limits.first_wait), "max_backoff": timedelta(seconds=limits.longest_wait)}
            retries: Any = {
                "max_retries": limits.retries,
                "backoff": {**waits, "base": 2},
                "retry_timeout": timedelta(seconds=limits.longest_wait * 4),
            }
            self._buckets[url] = from_url(url, retry_config=retries)
        return self._buckets[url]

    def _from_bucket(self, place: str, start: int, end: int) -> Range:
        import obstore

        bucket, key = _bucket_and_key(place)
        try:
            store = self._bucket(bucket)
            size = self._sizes.get(place) or self._sizes.setdefault(place, int(obstore.head(store, key)["size"]))
            if start >= size:
                return Range(b"", size)
            return Range(bytes(obstore.get_range(store, key, start=start, end=min(end, size))), size)
        except (FileNotFoundError, obstore.exceptions.NotFoundError):
            raise Missing from None
        except (obstore.exceptions.BaseError, ValueError, OSError) as error:
            raise _bucket_failed(place, error) from None


class RangeStream(io.RawIOBase):
    """A remote file as a stream: every read is one range request, so that readers decide what is fetched."""

    def __init__(self, files: Files, place: str) -> None:
        self._files, self._place, self._position = files, place, 0
        self._size = files.size(place)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        end = min(self._position + len(view), self._size)
        if end <= self._position:
            return 0
        data = self._files.read(self._place, self._position, end).data
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


def _opened(path: str) -> io.BufferedReader:
    try:
        return Path(path).open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise Missing from None
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}"
        raise LandingFailed(msg) from None


def _from_disk(path: str, start: int, end: int) -> Range:
    with _opened(path) as stream:
        total = stream.seek(0, io.SEEK_END)
        stream.seek(start)
        return Range(stream.read(max(0, end - start)), total)


def _bucket_and_key(place: str) -> tuple[str, str]:
    scheme, _, rest = place.partition("://")
    bucket, _, key = rest.partition("/")
    return f"{scheme}://{bucket}", key


def _bucket_failed(place: str, error: Exception) -> LandingFailed:
    # What the library says may quote the request, and with it what signs it.
    what = f"{shown(place)} cannot be read ({type(error).__name__})"
    return LandingFailed(f"{what}: are its name and the credentials in the environment right? The same command goes on from here")
