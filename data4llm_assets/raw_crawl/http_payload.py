"""HTTP bodies as WARC files hold them: chunked or not, compressed or not, and whether they are what their digest says."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import re
import zlib

_DIGEST = re.compile(r"\s*(?P<algorithm>[A-Za-z0-9-]+)\s*:\s*(?P<value>\S+)\s*")
_ALGORITHMS = {"sha1": "sha1", "sha256": "sha256", "sha512": "sha512", "md5": "md5"}
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")


class TooLarge(ValueError):
    """A body that expands to more bytes than the limit: a decompression bomb, or close to one."""


def dechunked(body: bytes) -> bytes:
    """A body without its chunked transfer coding; as it is if it has none, whatever its headers say."""
    pieces: list[bytes] = []
    position = 0
    while match := _CHUNK_SIZE.match(body, position):
        size = int(match[1], 16)
        if size == 0:
            return b"".join(pieces)
        piece = body[match.end() : match.end() + size]
        pieces.append(piece)
        position = match.end() + size
        if body[position : position + 2] == b"\r\n":
            position += 2
        elif body[position : position + 1] == b"\n":
            position += 1
        elif position < len(body):
            return body
    # A body cut off between chunks still is what came before.
    return b"".join(pieces) if pieces and position >= len(body) else body


def decoded(body: bytes, encoding: str, limit: int) -> bytes:
    """A body without its content coding; as it is if it has none, whatever its headers say, or one that is not known.

    Raises
    ------
    TooLarge
        If more than `limit` bytes come out.
    """
    for name in reversed([part.strip().lower() for part in encoding.split(",")]):
        if name in ("gzip", "x-gzip", "deflate"):
            body = _inflated(body, limit)
        elif name == "br":
            body = _unbrotli(body, limit)
        elif name == "zstd":
            body = _unzstd(body, limit)
    return body


def matches_digest(header: str, *bodies: bytes) -> bool | None:
    """Whether one of `bodies` has the digest that a `WARC-Payload-Digest` header names; None if it names no known algorithm.

    Writers differ in what they digest (the body as sent, or freed of its transfer coding) and in how they print it (base32 as in
    most archives, hexadecimal, base64): any agreement is agreement.
    """
    match = _DIGEST.fullmatch(header)
    algorithm = _ALGORITHMS.get(match["algorithm"].lower().replace("-", "")) if match else None
    if match is None or algorithm is None:
        return None
    return any(
        match["value"] in _spellings(hashlib.new(algorithm, body, usedforsecurity=False).digest(), match["value"])
        for body in bodies
    )


def _spellings(digest: bytes, like: str) -> set[str]:
    base32 = base64.b32encode(digest).decode()
    hexadecimal = digest.hex()
    plain, safe = base64.b64encode(digest).decode(), base64.urlsafe_b64encode(digest).decode()
    found = {base32, hexadecimal, plain, safe}
    found |= {each.rstrip("=") for each in found}
    # Base32 and hexadecimal know no case; base64 does.
    return found | ({like} if like.upper().rstrip("=") == base32.rstrip("=") or like.lower() == hexadecimal else set())


def _inflated(body: bytes, limit: int) -> bytes:
    for window in (47, -15):  # zlib or gzip by header, then raw deflate, which some servers send by that name
        decompressor = zlib.decompressobj(window)
        try:
            data = decompressor.decompress(body, limit + 1)
        except zlib.error:
            continue
        if len(data) > limit:
            raise TooLarge
        if data or decompressor.eof:
            return data
    return body


def _unbrotli(body: bytes, limit: int) -> bytes:
    from fastwarc.stream_io import BrotliReader

    try:
        data = bytes(BrotliReader(io.BytesIO(body)).read(limit + 1))
    except (OSError, ValueError, binascii.Error):
        return body
    if len(data) > limit:
        raise TooLarge
    return data or body


def _unzstd(body: bytes, limit: int) -> bytes:
    import pyarrow as pa

    try:
        with pa.CompressedInputStream(pa.BufferReader(body), "zstd") as stream:
            data = bytes(stream.read(limit + 1))
    except (OSError, ValueError):
        return body
    if len(data) > limit:
        raise TooLarge
    return data or body
