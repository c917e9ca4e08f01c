"""Which column of a table holds what, guessed from names and values: what `data4llm init` proposes as `fields`.

Every guess says why. Not here: reading the rows (`sampled.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from data4llm_assets.raw_crawl import media_type

Rows = Sequence[Mapping[str, Any]]

TEXT_NAMES = ("text", "content", "body", "raw_content", "markdown", "article", "document", "passage", "code", "html")
NAMES = {
    "url": ("url", "uri", "link", "source_url", "page_url", "canonical_url", "warc_target_uri"),
    "id": ("id", "doc_id", "docid", "document_id", "_id", "uuid", "guid", "page_id", "pageid", "article_id", "arxiv_id", "blob_id"),
    "title": ("title", "headline", "page_title"),
    "language": ("language", "lang", "language_code", "lang_code"),
    "license": ("license", "licence", "license_type", "licenses"),
    "fetched_at": ("fetched_at", "date_download", "crawl_date", "timestamp", "date", "created", "created_at", "published", "added"),
}
"""Names that say what a column holds, the most telling first. Compared without case, dashes as underscores."""
_DATE = re.compile(r"\d{4}-\d\d(-\d\d([T ]\d\d:\d\d.*)?)?$")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z]{2,4}){0,2}$")
_URL = re.compile(r"(?i)(?:https?|ftp)://\S+$")
_COMPARABLE = 4
"""A column called `text` is believed if the longest one is at most so many times longer."""
_MOST = 0.9
_META_CHARACTERS = 200


class Guess(NamedTuple):
    """What a column was taken for, and why."""

    column: str
    why: str


class Mapped(NamedTuple):
    """fields: by key of `raw_crawl.fields.Fields`. media_type: of the text. further: short columns that could be kept as `meta`."""

    fields: dict[str, Guess]
    media_type: Guess | None
    further: tuple[str, ...]


def mapping(rows: Rows) -> Mapped | None:
    """The columns of a table by what they hold; None if none holds text."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    values = {name: [row[name] for row in rows if row.get(name) is not None] for name in names}
    text = text_column(values)
    if text is None:
        return None
    found = {"text": text}
    for role, usual in NAMES.items():
        free = [name for name in names if name not in {guess.column for guess in found.values()}]
        guess = _role(role, usual, {name: values[name] for name in free}, len(rows))
        if guess is not None:
            found[role] = guess
    taken = {guess.column for guess in found.values()}
    further = tuple(name for name in names if name not in taken and _is_short(values[name]))
    return Mapped(found, text_type(text.column, values[text.column]), further)


def text_column(values: Mapping[str, Sequence[Any]]) -> Guess | None:
    """The string column with the longest values on average, unless one nearly as long bears a usual name. Addresses are no text."""
    lengths = {
        name: sum(len(value) for value in column) / len(column)
        for name, column in values.items()
        if column and all(isinstance(value, (str, bytes)) for value in column) and _share(_URL, column) <= _MOST
    }
    if not lengths:
        return None
    longest = max(lengths, key=lambda name: lengths[name])
    told = "the longest string column" if len(lengths) > 1 else "the only string column"
    for usual in TEXT_NAMES:
        for name, length in lengths.items():
            if plain(name) == usual and length * _COMPARABLE >= lengths[longest] and name != longest:
                return Guess(name, f"by its name; {length:,.0f} characters on average, {longest} has {lengths[longest]:,.0f}")
    return Guess(longest, f"{told}: {lengths[longest]:,.0f} characters on average")


def text_type(name: str, column: Sequence[Any]) -> Guess | None:
    """The media type of a text column that holds markup; None if it is plain text."""
    kinds = [media_type.of_content(value if isinstance(value, bytes) else value.encode(errors="replace")) for value in column]
    if kinds.count(media_type.HTML) > len(kinds) / 2:
        return Guess(media_type.HTML, f"{kinds.count(media_type.HTML)} of {len(kinds)} values looked at begin like HTML pages")
    if plain(name) in ("markdown", "md"):
        return Guess(media_type.MARKDOWN, "by the column's name")
    return None


def _role(role: str, usual: Sequence[str], values: Mapping[str, Sequence[Any]], rows: int) -> Guess | None:
    for name in usual:
        for column, found in values.items():
            if plain(column) == name and found and _fits(role, found, rows):
                return Guess(column, f"by its name{_told(role, found)}")
    if role == "url":
        for column, found in values.items():
            if found and _share(_URL, found) > _MOST:
                return Guess(column, "its values are URLs")
    return None


def _fits(role: str, found: Sequence[Any], rows: int) -> bool:
    """Whether the values are such as the role can have: a column called `id` that repeats is no id."""
    if role == "id":
        return len(found) == rows and len({str(value) for value in found}) == rows
    if role == "url":
        return _share(_URL, found) > _MOST
    if role == "language":
        return _share(_LANGUAGE, found) > _MOST
    if role == "fetched_at":
        return all(isinstance(value, (date, datetime)) for value in found) or _share(_DATE, found) > _MOST
    return all(isinstance(value, str) for value in found)


def _told(role: str, found: Sequence[Any]) -> str:
    if role == "id":
        return f"; all {len(found)} looked at differ"
    if role in ("language", "license"):
        distinct = list(dict.fromkeys(str(value) for value in found))
        return f"; {', '.join(distinct[:4])}{', …' if len(distinct) > 4 else ''}"
    return ""


def _is_short(found: Sequence[Any]) -> bool:
    return bool(found) and all(isinstance(value, (str, int, float)) and len(str(value)) <= _META_CHARACTERS for value in found)


def _share(pattern: re.Pattern[str], found: Sequence[Any]) -> float:
    return sum(isinstance(value, str) and pattern.match(value) is not None for value in found) / len(found)


def plain(name: str) -> str:
    return name.lower().replace("-", "_")
