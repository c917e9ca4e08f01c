"""Source kind `files`: HTML, text, Markdown, reStructuredText and source code, one document per file; `.gz` is opened."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import BinaryIO, ClassVar, Literal

from data4llm_assets.raw_crawl import media_type
from data4llm_assets.raw_crawl.source import Bad, Found, Record, Skipped, SourceSection, payload_digest


class Files(SourceSection):
    """One document per file. Files that hold no text (images, archives) are skipped and counted by media type."""

    version: ClassVar[str] = "2"
    kind: Literal["files"]

    def records(self, stream: BinaryIO, path: str) -> Iterator[Found]:
        yield file_record(self, stream, path)


def file_record(source: SourceSection, stream: BinaryIO, path: str) -> Found:
    """The one record of a file: identity (path, payload digest), address and locator are the path."""
    name = path
    try:
        if path.endswith(".gz"):
            name = path.removesuffix(".gz")
            with gzip.GzipFile(fileobj=stream) as opened:
                payload = opened.read(source.max_bytes + 1)
        else:
            payload = stream.read(source.max_bytes + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        return Bad("raw_crawl.unreadable", f"cannot be decompressed ({type(error).__name__})", path)
    if len(payload) > source.max_bytes:
        return source.too_large("the file", path)
    kind = media_type.of_file(name, payload)
    if kind not in media_type.TEXTS:
        return Skipped(kind)
    if not payload.strip():
        return Bad("raw_crawl.empty", "the file holds nothing but white space", path)
    digest = payload_digest(payload)
    return Record((path, digest), path, path, payload, digest, kind, license=source.license)
