"""Whose page it is. Pages of one site share a template, so they must not be on both sides of a comparison."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlsplit

_HEAD = 100_000
_TAG = re.compile(r"<(?:link|meta)\b[^<>]{0,2000}>", re.I)
_NAMES_IT = re.compile(r"\b(?:rel|property)\s*=\s*[\"']?(?:canonical|og:url)\b", re.I)
_ADDRESS = re.compile(r"\b(?:href|content)\s*=\s*[\"']?(https?://[^\s\"'<>]+)", re.I)


def site_of(url: str | None, html: bytes, name: str) -> str:
    """The registrable domain of the URL, or of the address that the page gives as its own; the page's name if there is neither."""
    return domain(url or _own_address(html) or "") or name


def domain(url: str) -> str | None:
    """The registrable domain of a URL, or its host if that is in no public suffix; None if it has no host."""
    # The Public Suffix List comes with the package: nothing is fetched.
    from tld import get_fld

    try:
        host = urlsplit(url).hostname
    except ValueError:
        return None
    return get_fld(url, fail_silently=True) or host


def _own_address(html: bytes) -> str | None:
    for tag in _TAG.findall(html[:_HEAD].decode(errors="replace")):
        if _NAMES_IT.search(tag) and (address := _ADDRESS.search(tag)):
            return unescape(address[1])
    return None
