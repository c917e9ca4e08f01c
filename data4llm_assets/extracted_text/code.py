"""Source code: kept to the letter, with the programming language that its name or its first line says."""

from __future__ import annotations

import re
from typing import ClassVar, Literal

from pydantic import Field

from data4llm_assets.extracted_text.charset import decode
from data4llm_assets.extracted_text.extraction import Extracted, LimitedExtraction, Refused, encodable
from data4llm_assets.method import Measure
from data4llm_assets.raw_crawl import programming_language
from data4llm_assets.raw_crawl.source import Record

_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.MULTILINE)


class Code(LimitedExtraction):
    """Whitespace, line ends and comments stay as they are; only a byte order mark and NULs go. `meta` gains `language`."""

    version: ClassVar[str] = "2"
    uses: ClassVar[tuple[str, ...]] = ("charset-normalizer",)
    contained: ClassVar[bool] = False
    method: Literal["code"] = "code"
    max_bytes: Measure[int] = Field(5_000_000, ge=1, description="bytes of source; larger files are generated")

    def extract(self, payload: bytes, record: Record) -> Extracted | Refused:
        if refused := self.oversize(payload):
            return refused
        # PEP 263: only the first two lines may say so.
        said = _CODING.search(b"\n".join(payload.split(b"\n", 2)[:2]))
        charset = record.meta.get("charset") or (said[1].decode("ascii") if said else None)
        text = encodable(decode(payload, charset).text.removeprefix("\ufeff").replace("\0", ""))
        name = record.locator.partition("#")[0].removesuffix(".gz")
        language = programming_language.by_name(name) or programming_language.by_shebang(payload)
        return Extracted(text, meta={"language": language} if language else {})
