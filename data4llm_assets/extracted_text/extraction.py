"""What an extraction method is: a pure function from the payload of one record to its text, or to a reason why there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from data4llm_assets.method import Measure, Method
from data4llm_assets.raw_crawl.source import Record

if TYPE_CHECKING:
    # The process that engines run in has no use for Polars, which comes with it.
    from data4llm_assets.node import Part

FAULTS = "markup_faults"
_SURROGATE = re.compile("[\ud800-\udfff]")
_BLANK_LINES = re.compile(r"\n{3,}[^\S\n]*")


class Extracted(NamedTuple):
    """The text of one document. `meta[FAULTS]` counts faults of the markup that the parser got over, if there were any."""

    text: str
    title: str | None = None
    language: str | None = None
    meta: Mapping[str, str] = {}


class Refused(NamedTuple):
    """Why a payload has no text: the rule, a sentence, and the limit it broke, if it is one."""

    rule: str
    reason: str
    value: float | None = None
    threshold: float | None = None


class Extraction(Method):
    """One way from bytes to text. Users subclass this one for media types or layouts of their own."""

    contained: ClassVar[bool] = True
    """Whether it runs in a process of its own, which may crash or hang. A class says so of itself alone: others run other code."""

    def prepare(self) -> None:
        """Import, compile and load what `extract` needs and would else fetch when it is first called.

        A process of its own begins with this, so that no page is charged with the time it takes.
        """

    def extract(self, payload: bytes, record: Record) -> Extracted | Refused:
        """The text of a payload. `record` is what the index knows of it; its own `payload` is the same bytes.

        Must be a pure function of its arguments and of the parameters: no clock, no cache whose state shows, no network. When and
        where within its file a record was fetched must not matter: what is made of a page is taken over while the page stays.
        """
        raise TypeError(f"{type(self).__name__} must define extract()")

    def judged(self, payload: bytes, record: Record) -> tuple[Part, ...]:
        """The parts of a page and how each was judged, for people who ask why; none where a method judges no parts."""
        return ()


class LimitedExtraction(Extraction):
    """An extraction that takes payloads up to a size. Limits are bytes, not seconds: they hold on every machine alike."""

    method: str
    max_bytes: Measure[int] = 20_000_000

    def oversize(self, payload: bytes) -> Refused | None:
        if len(payload) <= self.max_bytes:
            return None
        return Refused("extracted_text.max_bytes", "the payload is larger than its parser takes", len(payload), self.max_bytes)


def plain_form(text: str) -> str:
    """Text as every method but `code` leaves it: line feeds alone, no BOM, no NULs, nothing that UTF-8 cannot hold."""
    return encodable(line_feeds(text))


def line_feeds(text: str) -> str:
    """`plain_form` of what was decoded from bytes, and so holds no lone surrogates: to look for them takes longer than the rest."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        text = text.replace("\0", "")
    return text.removeprefix("\ufeff")


def tidy(text: str) -> str:
    """`plain_form` without space at the ends of lines and without runs of empty lines."""
    return _BLANK_LINES.sub("\n\n", "\n".join([line.rstrip() for line in plain_form(text).split("\n")])).strip()


def encodable(text: str) -> str:
    """`text` with U+FFFD for lone surrogates."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text)
    return text
