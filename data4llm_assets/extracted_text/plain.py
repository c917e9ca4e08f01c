"""Plain text: decoded, with line feeds for newlines; nothing else is touched."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from data4llm_assets.extracted_text.charset import decode
from data4llm_assets.extracted_text.extraction import Extracted, LimitedExtraction, Refused, plain_form
from data4llm_assets.method import Measure
from data4llm_assets.raw_crawl.source import Record


class Plain(LimitedExtraction):
    """The text as it is, without byte order mark and NULs."""

    version: ClassVar[str] = "2"
    uses: ClassVar[tuple[str, ...]] = ("charset-normalizer",)
    contained: ClassVar[bool] = False
    method: Literal["plain"] = "plain"
    max_bytes: Measure[int] = Field(100_000_000, ge=1, description="bytes of text")

    def extract(self, payload: bytes, record: Record) -> Extracted | Refused:
        return self.oversize(payload) or Extracted(plain_form(decode(payload, record.meta.get("charset")).text))
