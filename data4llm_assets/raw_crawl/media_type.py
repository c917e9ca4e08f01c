"""What kind of text a file holds: by its name, else by its first bytes. The system's own tables are not asked: they differ."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from data4llm_assets.raw_crawl import programming_language

HTML, MARKDOWN, RESTRUCTURED_TEXT, PLAIN, CODE = "text/html", "text/markdown", "text/x-rst", "text/plain", "text/x-source"
XHTML = "application/xhtml+xml"
BINARY = "application/octet-stream"
TEXTS = frozenset({HTML, XHTML, MARKDOWN, RESTRUCTURED_TEXT, PLAIN, CODE})

_BY_SUFFIX = {
    ".html": HTML, ".htm": HTML, ".xhtml": XHTML, ".md": MARKDOWN, ".markdown": MARKDOWN, ".mdown": MARKDOWN, ".mkd": MARKDOWN,
    ".rst": RESTRUCTURED_TEXT, ".rest": RESTRUCTURED_TEXT, ".txt": PLAIN, ".text": PLAIN,
    ".csv": "text/csv", ".tsv": "text/tab-separated-values", ".svg": "image/svg+xml", ".ipynb": "application/x-ipynb+json",
}  # fmt: skip
_MAGIC = (
    (b"%PDF-", "application/pdf"), (b"PK\x03\x04", "application/zip"), (b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"), (b"\x1f\x8b", "application/gzip"), (b"BZh", "application/x-bzip2"), (b"\xfd7zXZ", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"), (b"\x7fELF", "application/x-elf"), (b"RIFF", "application/x-riff"),
    (b"OggS", "application/ogg"), (b"ID3", "audio/mpeg"), (b"SQLite format 3", "application/vnd.sqlite3"),
    (b"PAR1", "application/vnd.apache.parquet"),
)  # fmt: skip
_HTML_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\v\f\r\x1b")
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
_FEWEST_NULS, _ONE_SIDED = 8, 4
"""NULs, and times as many of them in one of two bytes as in the other: from here on these may be 16-bit characters, many ASCII."""
_BETWEEN_WORDS = 50
"""One character in so many at least is a space, a line feed or an angle bracket, if they are characters."""


def of_file(path: str, payload: bytes) -> str:
    """Media type of a whole file. A name that says a kind of text is believed unless the first bytes are no text."""
    for mark, found in _MAGIC:
        if payload.startswith(mark):
            return found
    if PurePosixPath(path).name.lower() in programming_language.BY_NAME:
        return CODE
    said = _BY_SUFFIX.get(PurePosixPath(path).suffix.lower()) or (CODE if programming_language.by_name(path) else None)
    if said is None:
        return of_content(payload)
    return BINARY if said in TEXTS and holds_binary(payload[:4096]) else said


def of_content(payload: bytes) -> str:
    """Media type by the first 4 kB alone: HTML, a script with a known interpreter, plain text, or bytes that are no text."""
    head = payload[:4096]
    if _HTML_START.match(_as_utf8(head)):
        return HTML
    if head.startswith(_WIDE_MARKS):
        return PLAIN
    if any(head.startswith(mark) for mark, _ in _MAGIC) or holds_binary(head):
        return BINARY
    return CODE if programming_language.by_shebang(head) else PLAIN


def holds_binary(head: bytes) -> bool:
    """Whether more than a tenth of the bytes are control characters that no text uses. UTF-16 text is not binary."""
    if head.startswith(_WIDE_MARKS):
        return False
    text = _as_utf8(head)
    return (len(text) - len(text.translate(None, _CONTROLS))) * 10 > len(text)


def unmarked_utf16(sample: bytes) -> str | None:
    """The codec of UTF-16 that bytes without a mark seem to be, by NULs on one side: not where hardly any character is ASCII."""
    first, second = sample[::2].count(0), sample[1::2].count(0)
    fewer, more = sorted((first, second))
    if more < max(_FEWEST_NULS, len(sample) // 20) or more <= _ONE_SIDED * fewer:
        return None
    codec = "utf-16-be" if first > second else "utf-16-le"
    text = sample.decode(codec, "replace")
    # Samples of sound and ids of tokens have zeros on one side, too.
    return codec if sum(map(text.count, " \n<>")) * _BETWEEN_WORDS >= len(text) else None


def _as_utf8(head: bytes) -> bytes:
    """The beginning of UTF-16 text as UTF-8, NULs for what is no character; other bytes as they are."""
    codec = "utf-16" if head.startswith(_WIDE_MARKS) else unmarked_utf16(head)
    if codec is None:
        return head
    return head.decode(codec, "replace").replace("\ufffd", "\0").encode()
