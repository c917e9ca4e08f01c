"""Where a host is: names are resolved once, every address is judged, and a connection goes to a judged address, not to a name.

So neither a name that points into the local network, nor one that points elsewhere when asked a second time, nor a redirect to
either, leads a crawl to where its recipe does not want it. Proxies named by the environment are not used for the same reason.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Addresses of a host. Raises OSError if it has none."""

_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_COMPATIBLE = ip_network("::/96")
_SITE_LOCAL = ip_network("fec0::/10")


class AddressRefused(ValueError):
    """A host lies in a network that the recipe does not let a crawl into."""


class Place(NamedTuple):
    """Where to connect to."""

    address: str
    port: int


class Addresses:
    """From host and port to the places one may connect to."""

    def __init__(self, private: bool, served: Mapping[str, Place], resolve: Resolve | None = None) -> None:
        """private: whether private networks are allowed. served: places of the hosts that are served for this crawl alone."""
        self._private, self._served, self._resolve = private, served, resolve or resolved

    def serves(self, host: str) -> bool:
        return host in self._served

    async def places(self, host: str, port: int) -> list[Place]:
        """Judged places of a host, in the resolver's order.

        Raises
        ------
        AddressRefused
            If one of its addresses is private: names that mix both are made to get past such a judgement.
        OSError
            If the name has no address.
        """
        served = self._served.get(host)
        if served is not None and port == 80:
            return [served]
        found = await self._resolve(host.strip("[]"), port)
        if not self._private and (refused := next((address for address in found if is_private(address)), None)):
            msg = f"{host} is {refused}, an address that is not public; `private_addresses: allow` lets it in"
            raise AddressRefused(msg)
        return [Place(address, port) for address in dict.fromkeys(found)]


async def resolved(host: str, port: int) -> list[str]:
    """Addresses by the system's resolver."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def is_private(address: str) -> bool:
    """Whether an address is anything but one of the public internet: private, loopback, link-local, metadata, reserved, multicast.

    IPv4 within IPv6 (mapped, compatible, NAT64, 6to4, Teredo) is judged as what it stands for.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return True
    return any(not each.is_global or each.is_multicast or each.is_reserved for each in _meant(found)) or (
        isinstance(found, IPv6Address) and found in _SITE_LOCAL
    )


def _meant(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    if isinstance(address, IPv4Address):
        return [address]
    if (inner := address.ipv4_mapped or address.sixtofour) is not None:
        return [inner]
    if (teredo := address.teredo) is not None:
        return list(teredo)
    if address in _COMPATIBLE or any(address in network for network in _NAT64):
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    return [address]
