"""Canonical addresses of pages: which URLs name the same page in every snapshot. RFC 3986, section 6, and no guesses beyond it.

Scheme and host lose their case, default ports, credentials and fragments go, percent-escapes of plain characters are undone, and
http and https are one. Query strings stay as they are: which of their parts matter is the site's own affair.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def canonical_url(url: str) -> str:
    """The address of a page: `//host/path?query` for http and https, the URL without its fragment for other schemes."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not parts.netloc:
        return url.partition("#")[0]
    host, _, port = _host_and_port(parts.netloc.rpartition("@")[2].lower())
    place = host if port in ("", _DEFAULT_PORTS[scheme]) else f"{host}:{port}"
    query = f"?{_unescaped(parts.query)}" if parts.query else ""
    return f"//{place}{_without_dots(_unescaped(parts.path)) or '/'}{query}"


def without_credentials(url: str) -> str:
    """`url` without a `user:password@` part: an index must not carry passwords on."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    place, slash, path = rest.partition("/")
    return f"{scheme}://{place.rpartition('@')[2]}{slash}{path}"


def _host_and_port(place: str) -> tuple[str, str, str]:
    # An IPv6 host has colons of its own, within brackets.
    host, colon, port = place.rpartition(":")
    if not colon or "]" in port:
        return place.rstrip("."), "", ""
    return host.rstrip("."), colon, port


def _unescaped(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if character in _PLAIN else match[0].upper()

    return _ESCAPE.sub(plain, text)


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", "..") and kept and kept[-1]:
        kept.append("")
    return "/".join(kept)
