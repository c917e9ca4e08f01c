"""Canonical addresses of pages: which URLs name the same page in every snapshot. RFC 3986, section 6, and no guesses beyond it.

Scheme and host lose their case, default ports, credentials and fragments go, percent-escapes of plain characters are undone, and
http and https are one. Query strings stay as they are: which of their parts matter is the site's own affair.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_STRIPPED = "".join(map(chr, range(33)))
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]")
_WRITTEN = "!\"#$%&'()*+,-./0123456789:;=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]_abcdefghijklmnopqrstuvwxyz~"
"""ASCII characters that stand in the path and query of a request as they are."""


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


def request_url(url: str) -> str | None:
    """What to ask a server for: the canonical address with its scheme, in ASCII. None if it is no http or https URL with a host.

    Credentials are left out, as in `canonical_url`: whoever cares asks `has_credentials` first.
    """
    # As browsers read what authors write: white space goes, and a backslash before the query is a slash.
    before, mark, query = url.strip(_STRIPPED).replace("\t", "").replace("\r", "").replace("\n", "").partition("?")
    url = before.replace("\\", "/") + mark + query
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not (name := _ascii_host(host)) or port == 0:
        return None
    rest = quote(parts.path, safe=_WRITTEN) + (f"?{quote(parts.query, safe=_WRITTEN)}" if parts.query else "")
    return f"{scheme}:{canonical_url(f'{scheme}://{name}' + (f':{port}' if port else '') + rest)}"


def has_credentials(url: str) -> bool:
    """Whether a URL says who asks, as `//user:password@host` does."""
    return "@" in url.partition("//")[2].replace("\\", "/").partition("/")[0].partition("?")[0].partition("#")[0]


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


def _ascii_host(host: str) -> str:
    """A host name as a request says it, empty if it is none."""
    import idna

    if ":" in host:
        host = f"[{host}]"
    elif not host.isascii():
        try:
            host = idna.encode(host.rstrip("."), uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            return ""
    host = host.rstrip(".").lower()
    return host if len(host) < 254 and _HOST.fullmatch(host) else ""
