"""Which columns of a row hold what, for sources whose records are rows (`jsonl`, `parquet`), and how a row becomes a record."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from data4llm_assets.method import Parameters
from data4llm_assets.raw_crawl.address import canonical_url, without_credentials
from data4llm_assets.raw_crawl.source import Bad, Found, Record, Repair, SourceSection, payload_digest

_SURROGATE = re.compile("[\ud800-\udfff]")


class MissingColumn(ValueError):
    """The recipe maps a column that a file does not have."""

    def __init__(self, path: str, column: str, existing: Iterable[str]) -> None:
        names = sorted(existing)
        close = difflib.get_close_matches(column, names, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        super().__init__(f"{path} has no column {column!r}; it has: {', '.join(names) or 'none'}.{hint}")


class Fields(Parameters):
    """Columns by what they hold. None: the rows have no such column."""

    text: str = Field("text", description="the document itself; a row without it is quarantined")
    id: str | None = Field(None, description="a name of the page that stays the same in every delivery")
    url: str | None = Field(None, description="address of the page; names it before `id` does")
    title: str | None = Field(None, description="title of the document; null: the one that extraction finds")
    language: str | None = Field(None, description="language code that the row declares; null: what a page says of itself")
    license: str | None = Field(None, description="licence of the row; where it has none, the source's `license`")
    fetched_at: str | None = Field(None, description="when the page was fetched, kept as it is written")
    meta: tuple[str, ...] = Field((), description="further columns to keep beside the text, as strings")

    def columns(self) -> tuple[str, ...]:
        """Every mapped column, each once, the text first."""
        named = (self.text, self.id, self.url, self.title, self.language, self.license, self.fetched_at, *self.meta)
        return tuple(dict.fromkeys(name for name in named if name is not None))


def row_record(source: SourceSection, fields: Fields, row: Mapping[str, Any], path: str, locator: str, media_type: str) -> Found:
    """One row as a record. Its payload is its text as UTF-8.

    NULs are removed and lone surrogates (or invalid UTF-8) become U+FFFD, each counted as a repair: a stray byte is no reason to
    lose a document, and no reason to keep quiet either. A row is known by its URL or id and its text; a row with neither has its
    file's path for identity, and its text alone for an address: the only name that another delivery of it would share.
    """
    value = row.get(fields.text)
    if value is None:
        return Bad("raw_crawl.missing_text", f"the row has no text in column {fields.text!r}", locator)
    if not isinstance(value, (str, bytes)):
        return Bad("raw_crawl.not_text", f"column {fields.text!r} holds {type(value).__name__}, not text", locator)
    text, repairs = repaired(value)
    payload = text.encode()
    if len(payload) > source.max_bytes:
        return source.too_large("the text", locator, len(payload))
    if not text.strip():
        return Bad("raw_crawl.empty", "the text is empty", locator)

    def cell(column: str | None) -> str | None:
        found = row.get(column) if column is not None else None
        return None if found is None else repaired(as_text(found))[0]

    digest = payload_digest(payload)
    url, identifier = cell(fields.url), cell(fields.id)
    address = canonical_url(url) if url else identifier or f"sha256:{digest}"
    identity = address if url or identifier else path
    meta = {column: found for column in fields.meta if (found := cell(column)) is not None}
    return Record(
        (identity, digest),
        address,
        locator,
        payload,
        digest,
        media_type,
        url=without_credentials(url) if url else None,
        fetched_at=cell(fields.fetched_at),
        title=cell(fields.title),
        language=cell(fields.language),
        license=cell(fields.license) or source.license,
        meta=meta,
        repairs=repairs,
    )


def repaired(value: str | bytes) -> tuple[str, tuple[Repair, ...]]:
    """Text that UTF-8 can hold and that has no NULs, and what was mended to get it."""
    found: list[Repair] = []
    if isinstance(value, bytes):
        try:
            text = value.decode()
        except UnicodeDecodeError:
            text = value.decode(errors="replace")
            found.append(Repair("raw_crawl.invalid_utf8", text.count("\ufffd")))
    else:
        text = value
        try:
            text.encode()
        except UnicodeEncodeError:
            text, count = _SURROGATE.subn("\ufffd", text)
            found.append(Repair("raw_crawl.lone_surrogates", count))
    if nuls := text.count("\0"):
        text = text.replace("\0", "")
        found.append(Repair("raw_crawl.nul", nuls))
    return text, tuple(found)


def as_text(value: Any) -> str | bytes:
    """A cell as a string: text as it is, anything else as JSON, and what JSON has no form for (a date) as Python prints it."""
    return value if isinstance(value, (str, bytes)) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
