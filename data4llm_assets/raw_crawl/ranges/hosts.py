"""How a host is treated: how often it is asked, when it asked for patience, and whether its address is a public one."""

from __future__ import annotations

import random
import socket
import threading
import time
from typing import Any

from pydantic import Field
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from data4llm_assets.method import Parameters
from data4llm_assets.raw_crawl.crawling import addresses


class Politeness(Parameters):
    """How a host is asked, and how often again."""

    connections: int = Field(4, ge=1, le=64, description="requests to a host at the same time")
    requests_per_second: float = Field(10.0, gt=0, description="most requests to a host; further ones wait")
    retries: int = Field(8, ge=0, le=100, description="tries again, one after another without success, before the landing stops")
    first_wait: float = Field(
        1.0, gt=0, description="seconds before the first try again; it doubles with each, half of it by chance"
    )
    longest_wait: float = Field(300.0, gt=0, description="seconds: no wait is longer, whatever a server's Retry-After says")
    timeout: float = Field(60.0, gt=0, description="seconds without a byte before a connection is given up")


class Host:
    """The pace at which one host is asked, by all threads together."""

    def __init__(self, politeness: Politeness, stopped: threading.Event) -> None:
        self._politeness, self._stopped = politeness, stopped
        self._lock = threading.Lock()
        self._next = 0.0

    def turn(self) -> None:
        """Wait until another request may be sent. Returns at once when everything stops."""
        with self._lock:
            now = time.monotonic()
            at = max(self._next, now)
            self._next = at + 1 / self._politeness.requests_per_second
        self._stopped.wait(at - now)

    def rest(self, failures: int, asked_for: float | None) -> None:
        """Wait after a failure: as long as the server asked for (then all threads do), else longer each time."""
        limits = self._politeness
        if asked_for is not None:
            wait = min(asked_for, limits.longest_wait)
            with self._lock:
                self._next = max(self._next, time.monotonic() + wait)
        else:
            wait = min(limits.first_wait * 2 ** (failures - 1), limits.longest_wait)
        # By chance, so that threads that failed together do not come again together.
        self._stopped.wait(wait * (1.0 if asked_for is not None else random.uniform(0.5, 1.0)))


class PrivateAddress(HTTPError):
    """A redirect that leads into a private network."""


def is_private(host: str) -> bool:
    """Whether a name leads to an address that is not of the public internet. A name that leads nowhere does not."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return any(addresses.is_private(str(each[4][0])) for each in found)


def _checked(connected: socket.socket) -> socket.socket:
    # Judged once connected: a name may resolve to another address each time it is asked for.
    if addresses.is_private(str(connected.getpeername()[0])):
        connected.close()
        msg = "a redirect to a private address"
        raise PrivateAddress(msg)
    return connected


class _PublicHTTPConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _PublicHTTPSConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _PublicHTTPPool(HTTPConnectionPool):
    ConnectionCls = _PublicHTTPConnection


class _PublicHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _PublicHTTPSConnection


PUBLIC_POOLS: dict[str, Any] = {"http": _PublicHTTPPool, "https": _PublicHTTPSPool}
"""Pools of urllib3 that connect to public addresses only."""
