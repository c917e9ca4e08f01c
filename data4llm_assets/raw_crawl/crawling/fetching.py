"""Asking for URLs under limits, over connections to addresses that were judged before. How a response is read: `connection.py`."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

import h11

from data4llm_assets.raw_crawl.crawling.addresses import Addresses
from data4llm_assets.raw_crawl.crawling.connection import WITHHELD, Connection, Exchange, Header, Terms, Wanted, broken
from data4llm_assets.raw_crawl.crawling.limits import Timeouts

_IDLE = 10.0
"""Seconds that a connection may have lain idle and still be used."""


class FetchFailed(Exception):
    """A request brought no response to use. `reason` quotes nothing that the server sent.

    lasting: nor will the next one. silent: there was no answer at all, so that there may be nobody.
    """

    def __init__(self, reason: str, *, lasting: bool = False, silent: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.lasting, self.silent = reason, lasting, silent


class Client:
    """Asks for URLs, and keeps connections open for the next request to the same host."""

    def __init__(self, addresses: Addresses, timeouts: Timeouts, headers: Mapping[str, str], secrets: Mapping[str, str]) -> None:
        """headers: sent with every request. secrets: sent as well where `fetch` is told so, and kept nowhere."""
        self._addresses, self._timeouts = addresses, timeouts
        self._headers, self._secrets = dict(headers), dict(secrets)
        self._idle: dict[str, Connection] = {}
        self._tls: ssl.SSLContext | None = None

    async def fetch(
        self, url: str, *, limit: int, conditions: tuple[Header, ...] = (), wanted: Wanted | None = None, trusted: bool = False
    ) -> Exchange:
        """The response to a GET, whatever its status.

        Parameters
        ----------
        limit : bytes of body; a longer one is `stopped`.
        trusted : whether the host is told the secrets.

        Raises
        ------
        AddressRefused
            If the host lies where the recipe lets no crawl in. Nothing was connected to.
        FetchFailed
            If there is no response that can be used.
        """
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        plain = [("Host", parts.netloc), *self._headers.items(), *conditions]
        hidden = list(self._secrets.items()) if trusted else []
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        shown = "".join(f"{name}: {value}\r\n" for name, value in [*plain, *((name, WITHHELD) for name, _ in hidden)])
        request = f"GET {target} HTTP/1.1\r\n{shown}\r\n".encode("latin-1")
        asked = h11.Request(method="GET", target=target, headers=[*plain, *hidden])
        began = datetime.now(UTC)
        try:
            async with asyncio.timeout(self._timeouts.total) as whole:
                return await self._exchange(site, url, asked, Terms(url, request, began, limit, wanted))
        except TimeoutError:
            kind = "the whole response took too long" if whole.expired() else "the server sent nothing for too long"
            raise FetchFailed(kind, silent=True) from None
        except ssl.SSLCertVerificationError as error:
            msg = f"the certificate is not valid: {error.verify_message}"
            raise FetchFailed(msg, lasting=True) from None
        except ssl.SSLError as error:
            msg = f"TLS failed: {error.reason or 'no reason given'}"
            raise FetchFailed(msg) from None
        except h11.RemoteProtocolError as error:
            raise FetchFailed(broken(error)) from None
        except OSError as error:
            # The number's own words: those of asyncio name the address, which is looked up on the way.
            msg = f"no connection: {os.strerror(error.errno) if error.errno else error.strerror or type(error).__name__}"
            raise FetchFailed(msg, silent=True) from None

    def close(self) -> None:
        for connection in self._idle.values():
            connection.abort()
        self._idle.clear()

    async def _exchange(self, site: str, url: str, asked: h11.Request, terms: Terms) -> Exchange:
        loop = asyncio.get_running_loop()
        kept = self._idle.pop(site, None)
        if kept is not None and loop.time() - kept.idle_since < _IDLE:
            try:
                return await self._over(kept, site, asked, terms)
            except (OSError, h11.RemoteProtocolError):
                # A server may close a kept connection as the next request is on its way: that says nothing about the page.
                if kept.answered:
                    raise
        elif kept is not None:
            kept.abort()
        return await self._over(await self._connected(url), site, asked, terms)

    async def _over(self, connection: Connection, site: str, asked: h11.Request, terms: Terms) -> Exchange:
        try:
            exchange = await connection.exchange(asked, terms, self._timeouts.read)
        except BaseException:
            connection.abort()
            raise
        if connection.reusable():
            if (other := self._idle.pop(site, None)) is not None:
                other.abort()
            self._idle[site] = connection
        else:
            connection.abort()
        return exchange

    async def _connected(self, url: str) -> Connection:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        try:
            async with asyncio.timeout(self._timeouts.connect):
                places = await self._addresses.places(
                    parts.netloc if not parts.port else parts.netloc.rpartition(":")[0], _port(url)
                )
        except TimeoutError:
            msg = "the name was not resolved in time"
            raise FetchFailed(msg, silent=True) from None
        if secure and self._tls is None:
            self._tls = ssl.create_default_context()
        failure: OSError | None = None
        for place in places:
            try:
                async with asyncio.timeout(self._timeouts.connect):
                    reader, writer = await asyncio.open_connection(
                        place.address,
                        place.port,
                        ssl=self._tls if secure else None,
                        server_hostname=parts.hostname if secure else None,
                    )
                return Connection(reader, writer, place)
            except TimeoutError:
                failure = OSError(0, "no connection in time")
            except ssl.SSLError:
                raise
            except OSError as error:
                failure = error
        raise failure or OSError(0, "the name has no address")


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)
