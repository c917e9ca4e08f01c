"""Ranges of bytes over HTTP (RFC 9110, section 14): exactly the bytes asked for, or an error that says why not.

Servers drop connections, ask for patience, leave ranges out of account and redirect. What came before a connection broke is kept,
and only the rest is asked for again. A file that is not there is told apart from a server that cannot give it: only the first says
something about the data.
"""

from __future__ import annotations

import re
import threading
from typing import NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError

from data4llm_assets.node import LandingFailed
from data4llm_assets.raw_crawl.ranges.hosts import PUBLIC_POOLS, Host, Politeness, PrivateAddress, is_private
from data4llm_assets.raw_crawl.ranges.places import shown
from data4llm_assets.retry_after import retry_after

AGENT = "data4llm (a build system for training data)"
IGNORED_RANGE = 32 << 20
"""Bytes that are read and thrown away, at most, where a server sends a whole file in place of a range."""

_CHUNK = 1 << 16
_PROGRESS = 1 << 16
_REDIRECTS = (301, 302, 303, 307, 308)
_HOPS = 5
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_GONE = frozenset({404, 410})
_RANGE = re.compile(r"bytes\s+(\d+)-(\d+)/(\d+|\*)")


class Missing(Exception):
    """There is no such file."""


class Range(NamedTuple):
    """The bytes asked for, or as many as there are. total: bytes of the whole file, if that is known."""

    data: bytes
    total: int | None


class _Again(Exception):
    """A failure that may pass."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class HttpRanges:
    """Ranges of files behind http(s) URLs. For several threads."""

    def __init__(self, politeness: Politeness, stopped: threading.Event) -> None:
        self._politeness, self._stopped = politeness, stopped
        timeout = urllib3.Timeout(connect=politeness.timeout, read=politeness.timeout)
        self._any = urllib3.PoolManager(maxsize=politeness.connections, timeout=timeout)
        self._public = urllib3.PoolManager(maxsize=politeness.connections, timeout=timeout)
        self._public.pool_classes_by_scheme = PUBLIC_POOLS
        self._hosts: dict[str, Host] = {}
        self._private: dict[str, bool] = {}
        self._lock = threading.Lock()

    def read(self, url: str, start: int, end: int) -> Range:
        """Bytes `start` to `end`, exclusive.

        Raises
        ------
        Missing
            If there is no such file.
        LandingFailed
            If the server does not give them, also when asked again.
        """
        received = bytearray()
        failures, counted = 0, 0
        host = self._host(url)
        while True:
            if self._stopped.is_set():
                msg = "stopped"
                raise LandingFailed(msg)
            try:
                host.turn()
                total = self._attempt(url, start, end, received)
                if len(received) == end - start or (total is not None and start + len(received) >= total):
                    return Range(bytes(received), total)
                why, after = "it sends fewer bytes than it says", None
            except _Again as error:
                why, after = str(error), error.after
            except PrivateAddress:
                msg = f"{shown(url)} redirects to a private address: say the address itself in the recipe if that is meant"
                raise LandingFailed(msg) from None
            except LocationValueError:
                msg = f"{shown(url)} is no URL that can be asked for"
                raise LandingFailed(msg) from None
            except HTTPError as error:
                # Messages of the library name the URL, and with it what signs it.
                why, after = type(error).__name__, None
            if len(received) - counted >= _PROGRESS:
                failures, counted = 0, len(received)
            failures += 1
            if failures > self._politeness.retries:
                msg = f"{shown(url)} cannot be read, tried {failures} times: {why}; once it can, the same command goes on from here"
                raise LandingFailed(msg)
            host.rest(failures, after)

    def close(self) -> None:
        self._any.clear()
        self._public.clear()

    def _attempt(self, url: str, start: int, end: int, received: bytearray) -> int | None:
        """Add to `received` what one request brings; the size of the file, if it is told."""
        begin = start + len(received)
        response = self._response(url, {"Range": f"bytes={begin}-{end - 1}", "Accept-Encoding": "identity"})
        whole = False
        try:
            status = response.status
            if status == 206:
                said = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
                if said is None or int(said[1]) != begin or not begin <= int(said[2]) < end:
                    raise _Again("it answers with other bytes than those asked for (Content-Range)")
                count = int(said[2]) + 1 - begin
                _take(response, count, received)
                whole = response.headers.get("Content-Length") == str(count)
                return None if said[3] == "*" else int(said[3])
            if status == 200:
                return _take_from_whole(url, response, begin, end, received)
            if status == 416:
                known = re.fullmatch(r"bytes\s+\*/(\d+)", response.headers.get("Content-Range", "").strip())
                if known is None or int(known[1]) <= begin:
                    return int(known[1]) if known else begin
                raise _Again("it refuses a range that lies within the file")
            if status in _GONE:
                raise Missing
            if status in _AGAIN:
                raise _Again(f"status {status}", retry_after(response.headers.get("Retry-After")))
            hint = "; are credentials needed, or has it had too many requests?" if status in (401, 403) else ""
            msg = f"{shown(url)} answers with status {status}{hint}"
            raise LandingFailed(msg)
        finally:
            if not whole:
                # What is left of the body is not wanted: to read on would cost more than a new connection.
                response.close()
            response.release_conn()

    def _response(self, url: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """The answer to a GET, redirects followed: to public addresses only, unless the first one is private itself."""
        at, home = url, urlsplit(url)
        for _ in range(_HOPS + 1):
            parts = urlsplit(at)
            same = (parts.scheme, parts.hostname, parts.port) == (home.scheme, home.hostname, home.port)
            pool = self._any if same or self._is_private(home.hostname or "") else self._public
            own = _authorization(home.netloc) if same else {}
            bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
            response = pool.request(
                "GET",
                bare,
                headers={"User-Agent": AGENT, **headers, **own},
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
            location = response.headers.get("Location")
            if response.status not in _REDIRECTS or not location:
                return response
            response.close()
            response.release_conn()
            at = urljoin(at, location)
            to = urlsplit(at).scheme
            if to not in ("http", "https") or (home.scheme == "https" and to == "http"):
                msg = f"{shown(url)} redirects to {shown(at)}, which is not followed"
                raise LandingFailed(msg)
        msg = f"{shown(url)} redirects without end"
        raise LandingFailed(msg)

    def _host(self, url: str) -> Host:
        name = urlsplit(url).netloc.rpartition("@")[2].lower()
        with self._lock:
            return self._hosts.setdefault(name, Host(self._politeness, self._stopped))

    def _is_private(self, host: str) -> bool:
        if host not in self._private:
            self._private[host] = is_private(host)
        return self._private[host]


def _authorization(place: str) -> dict[str, str]:
    user = place.rpartition("@")[0]
    return dict(urllib3.make_headers(basic_auth=unquote(user))) if user else {}


def _take(response: urllib3.BaseHTTPResponse, count: int, received: bytearray | None) -> None:
    """Read `count` bytes; those that came before a drop are kept."""
    while count > 0:
        data = response.read1(min(count, _CHUNK))
        if not data:
            raise _Again("the connection was dropped")
        if received is not None:
            received += data
        count -= len(data)


def _take_from_whole(url: str, response: urllib3.BaseHTTPResponse, begin: int, end: int, received: bytearray) -> int | None:
    """The range out of a whole file, sent by a server that knows no ranges."""
    length = response.headers.get("Content-Length", "")
    total = int(length) if length.isdecimal() else None
    if begin > IGNORED_RANGE:
        msg = (
            f"{shown(url)} answers requests for ranges with whole files (status 200), and what is wanted lies further in than "
            f"{IGNORED_RANGE >> 20} MiB: fetch the files by other means, and say their folder as `data`"
        )
        raise LandingFailed(msg)
    if total is not None and begin >= total:
        return total
    _take(response, begin, None)
    _take(response, (end if total is None else min(end, total)) - begin, received)
    return total
