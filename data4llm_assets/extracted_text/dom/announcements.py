"""What a page says beforehand of its text: its title, its descriptions, and the texts in its linked data (JSON-LD)."""

from __future__ import annotations

import json
import re

_META = re.compile(rb"<meta\s[^<>]*>")
_CONTENT = re.compile(rb'\scontent="([^"]*)"')
_DESCRIBES = (b'"description"', b'"og:description"', b'"twitter:description"')
_TITLES = (b'"og:title"', b'"twitter:title"')
_TITLE = re.compile(rb"<title[^<>]*>([^<]*)")
_DATA = re.compile(rb"<script[^<>]*ld\+json[^<>]*>")
_TEXTS = re.compile(rb'"(?:description|articleBody|text|reviewBody)"\s{0,4}:\s{0,4}"((?:[^"\\]|\\.)*+)"')
_MOST = 200_000
"""Bytes that are read of what is announced."""


def announcements(canonical: bytes) -> tuple[bytes, bytes, bytes]:
    """(title, descriptions, texts of linked data) of a page as canonical HTML; empty where there is none."""
    body = canonical.find(b"<body")
    head = min(body, _MOST) if body >= 0 else _MOST
    titles, descriptions = [found[1] for found in _TITLE.finditer(canonical, 0, head)][:1], []
    for meta in _META.finditer(canonical, 0, head):
        if (content := _CONTENT.search(meta[0])) is not None:
            if any(name in meta[0] for name in _DESCRIBES):
                descriptions.append(content[1])
            elif any(name in meta[0] for name in _TITLES):
                titles.append(content[1])
    texts, read, end = [], 0, 0
    # Each script is looked for behind the end of the last one: what looks like a tag within it is none.
    while read < _MOST and canonical.find(b"ld+json", end) >= 0 and (script := _DATA.search(canonical, end)) is not None:
        end = canonical.find(b"</script", script.end())
        if end < 0:
            break
        for found in _TEXTS.finditer(canonical, script.end(), min(end, script.end() + _MOST - read)):
            texts.append(_unescaped(found[1]))
            read += len(found[1])
    return b" ".join(titles), b" ".join(descriptions), b" ".join(texts)


def _unescaped(written: bytes) -> bytes:
    """A string of JSON as text; as it stands if it is none."""
    try:
        return str(json.loads(b'"' + written + b'"', strict=False)).encode("utf-8", "replace")
    except ValueError:
        return written
