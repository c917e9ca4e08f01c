"""Bytes to text: what the bytes say of themselves first, then what others say of them, and a detector where they lie.

Labels are understood as browsers do (WHATWG Encoding Standard): `iso-8859-1` means windows-1252, `gb2312` means gb18030.
"""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from data4llm_assets.raw_crawl.media_type import unmarked_utf16

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_AS_BROWSERS_DO = {
    "iso8859-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949",
    "johab": "cp949", "iso8859-9": "cp1254", "tis-620": "cp874", "iso8859-11": "cp874", "big5": "big5hkscs",
}  # fmt: skip
_LABELS = {
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "x-gbk": "gb18030",
    "unicode": "utf-16-le",
    "ks_c_5601-1987": "cp949",
    "x-cp1251": "cp1251",
}
_MULTIBYTE = frozenset({"gb18030", "cp932", "cp949", "big5hkscs", "euc_jp"})
_ON_THE_WEB = [
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp866", "cp874", "koi8_r", "koi8_u",
    "iso8859_2", "iso8859_5", "iso8859_7", "iso8859_15", "mac_roman", "gb18030", "big5hkscs", "euc_jp", "cp932", "cp949",
]  # fmt: skip
"""What pages are written in. Among all of Python's hundred codecs the detector takes Polish for a charset nobody uses."""
_META = re.compile(rb"<meta[^>]{0,400}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]+)", re.I)
_XML = re.compile(rb"\s*<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([A-Za-z0-9_:.-]+)", re.I)
_TAG = re.compile(rb"<[^<>]*>")
_NO_CHARSETS = frozenset({"idna", "mbcs", "oem", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"})
_SEARCHED, _SAMPLE = 1 << 20, 1 << 14
_BROKEN_AT_MOST = 10
"""One character in so many may be none, as `media_type.holds_binary` has it."""
_SURE = 16
"""Non-ASCII bytes: fewer that happen to be valid UTF-8 may be a word of a multi-byte charset."""


class Decoded(NamedTuple):
    """Text, the codec that gave it, and how many characters could not be decoded (U+FFFD)."""

    text: str
    charset: str
    replaced: int


def decode(payload: bytes, declared: str | None = None, *, markup: bool = False) -> Decoded:
    """Decode a payload.

    In order: a byte order mark; UTF-16, where NULs show it; UTF-8, if that is what the bytes are, whatever was declared; the
    charset of the HTTP header; that of a `meta` element (with `markup`); charset-normalizer's guess, if none was declared, or the
    one declared leaves undecodable bytes that the guess can read.
    """
    for mark, codec in _MARKS:
        if payload.startswith(mark):
            return _decoded(payload[len(mark) :], codec)
    if (unmarked := unmarked_utf16(payload[:_SAMPLE])) is not None:
        # Half a character may be left at the end of what was cut short.
        wide = _decoded(payload[: len(payload) // 2 * 2], unmarked)
        if (wide.replaced + wide.text.count("\0")) * _BROKEN_AT_MOST <= len(wide.text):
            return wide
    named = [codec_of(declared)] if declared else []
    if markup:
        named.extend(codec_of(label) for label in _inner_labels(payload))
    # What is declared as ASCII and is none says nothing about what it is.
    candidates = list(dict.fromkeys(codec for codec in named if codec not in (None, "ascii")))
    if candidates and candidates[0].startswith(("iso2022", "utf-16", "utf-32", "hz")):
        # Seven-bit and wide charsets look like ASCII, or like text with NULs: only the declaration tells.
        wide = _decoded(payload, candidates[0])
        if not wide.replaced and "\0" not in wide.text:
            return wide
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        pass
    else:
        certain = payload.isascii() or not candidates or candidates[0] not in _MULTIBYTE or _high_bytes(payload) >= _SURE
        if certain:
            return Decoded(text, "utf-8", text.count("\ufffd"))
    tried = [_decoded(payload, codec) for codec in candidates]
    if tried and not tried[0].replaced:
        return tried[0]
    guess = _guess(payload)
    if guess is not None:
        tried.append(_decoded(payload, guess))
    tried.append(_decoded(payload, "utf-8"))
    # The first of the best: what is declared wins over a guess that reads no more.
    return min(tried, key=lambda each: each.replaced)


def codec_of(label: str) -> str | None:
    """Python's codec for a charset label, as a browser would read the label; None for a label that names none."""
    label = label.strip().strip("\"'").lower()
    if label in _LABELS:
        return _LABELS[label]
    try:
        found = codecs.lookup(label)
        # Python also has codecs that are no charsets (rot13, zlib): it decodes nothing with those.
        b"a".decode(label, "replace")
    except (LookupError, ValueError):
        return None
    return None if found.name in _NO_CHARSETS else _AS_BROWSERS_DO.get(found.name, found.name)


def _inner_labels(payload: bytes) -> list[str]:
    head = payload[:4096]
    found = [match[1].decode("ascii") for match in (_META.search(head), _XML.match(head)) if match is not None]
    # A page that could be searched for its own label is not UTF-16, whatever the label says.
    return ["utf-8" if label.lower().startswith("utf-16") else label for label in found]


def _decoded(payload: bytes, codec: str) -> Decoded:
    text = payload.decode(codec, "replace")
    return Decoded(text, codec, text.count("\ufffd"))


def _high_bytes(payload: bytes) -> int:
    return len(payload[: 1 << 20].translate(None, bytes(range(128))))


def _guess(payload: bytes) -> str | None:
    """charset-normalizer's best guess from the passages that are not ASCII: the markup around them says nothing."""
    from charset_normalizer import from_bytes

    passages = [passage.strip() for passage in _TAG.split(payload[:_SEARCHED]) if not passage.isascii()]
    best = from_bytes(b"\n".join(passages)[:_SAMPLE] or payload[:_SAMPLE], cp_isolation=_ON_THE_WEB).best()
    return None if best is None else codec_of(best.encoding)
