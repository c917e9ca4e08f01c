"""Indexes as text: CDXJ (SURT, timestamp, JSON object), CDX (columns by letters), and the JSON lines that index servers answer."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

import polars as pl

from data4llm_assets.document import digest
from data4llm_assets.node import LandingFailed
from data4llm_assets.raw_crawl.ranges.index import BROKEN, captures, troubled

_BLOCK = 8 << 20
_NAMES = ("timestamp", "url", "status", "mime", "mime-detected", "languages", "digest", "filename", "offset", "length")
_FIELDS = pl.Struct(dict.fromkeys(_NAMES, pl.String))
_LETTERS = {"b": "timestamp", "a": "url", "s": "status", "m": "mime", "k": "digest", "g": "filename", "V": "offset", "S": "length"}
_ORDER = {11: "N b a m s k r M S V g", 10: "N b a m s k r M V g", 9: "N b a m s k r V g"}
_MANY = 64


def read(stream: BinaryIO, shown: str, keys: Sequence[str] | None) -> Iterator[pl.DataFrame]:
    """Captures of an index file, plain or gzipped, block by block, in its order.

    keys: beginnings of the SURTs that are looked for; other lines are passed over. A line that cannot be read is a capture with
    nothing but its `trouble`: nobody knows what it was.

    Raises
    ------
    LandingFailed
        If the file is damaged, or no CDX.
    """
    header = _ORDER
    for lines in _blocks(stream, shown):
        frame = pl.DataFrame({"line": lines}, schema={"line": pl.String}).filter(pl.col("line").str.len_bytes() > 0)
        stated = frame.filter(pl.col("line").str.contains(r"^ ?CDX "))
        if stated.height:
            letters = stated["line"][0].strip().removeprefix("CDX ")
            header = {len(letters.split()): letters}
            frame = frame.filter(~pl.col("line").str.contains(r"^ ?CDX "))
        found = parsed(frame["line"], header, keys)
        if found.height:
            yield found


def parsed(lines: pl.Series, header: dict[int, str] | None = None, keys: Sequence[str] | None = None) -> pl.DataFrame:
    """Captures out of lines; see `read`."""
    if keys is not None and len(keys) <= _MANY:
        begins = pl.any_horizontal(pl.col("line").str.starts_with(key) for key in keys) | pl.col("line").str.starts_with("{")
        lines = lines.alias("line").to_frame().filter(begins).to_series()
    parts = lines.str.splitn(" ", 3).struct.unnest()
    alone = lines.str.starts_with("{")
    text = pl.select(pl.when(alone).then(lines).otherwise(parts["field_2"])).to_series()
    objects = text.str.starts_with("{").fill_null(False)
    frames = [_of_objects(text.filter(objects), parts["field_1"].filter(objects), alone.filter(objects))]
    if not objects.all():
        frames.append(_of_columns(lines.filter(~objects), header or _ORDER))
    return troubled(pl.concat(frames))


def _of_objects(text: pl.Series, timestamp: pl.Series, alone: pl.Series) -> pl.DataFrame:
    fields = _decoded(text)
    said = pl.select(pl.when(alone).then(fields["timestamp"]).otherwise(timestamp)).to_series()
    broken = fields["url"].is_null()
    found = _captures(fields.with_columns(timestamp=said).filter(~broken))
    return pl.concat([found, captures(trouble=_unreadable(text.filter(broken)))]) if broken.any() else found


def _decoded(text: pl.Series) -> pl.DataFrame:
    try:
        found = text.str.json_decode(_FIELDS)
        if len(found) == len(text):
            return found.struct.unnest()
    except pl.exceptions.PolarsError:
        pass
    # Some line is broken: line by line, so that it costs no other.
    return pl.DataFrame([_object(line) for line in text], schema=dict(_FIELDS))


def _object(line: str) -> dict[str, str | None]:
    try:
        value = json.loads(line)
    except ValueError:
        value = None
    given = value if isinstance(value, dict) else {}
    return {field.name: str(found) if isinstance(found := given.get(field.name), (str, int)) else None for field in _FIELDS.fields}


def _of_columns(lines: pl.Series, header: dict[int, str]) -> pl.DataFrame:
    parts = lines.str.split(" ").alias("parts").to_frame().with_columns(width=pl.col("parts").list.len())
    frames = []
    for width, letters in header.items():
        rows = parts.filter(pl.col("width") == width)
        columns = {
            _LETTERS[letter]: rows["parts"].list.get(index) for index, letter in enumerate(letters.split()) if letter in _LETTERS
        }
        if rows.height:
            frames.append(_captures(pl.DataFrame({name: column.replace("-", None) for name, column in columns.items()})))
    broken = lines.filter(~parts["width"].is_in(list(header)))
    return pl.concat([captures(trouble=_unreadable(broken)), *frames])


def _unreadable(lines: pl.Series) -> pl.Series:
    # Told apart, so that two of them are two.
    return pl.Series([f"{BROKEN}a line cannot be read, its digest is {digest(line)}" for line in lines], dtype=pl.String)


def _captures(fields: pl.DataFrame) -> pl.DataFrame:
    """Captures out of columns by the names that CDXJ gives them."""

    def column(name: str) -> pl.Expr:
        return pl.col(name) if name in fields.columns else pl.lit(None, dtype=pl.String)

    def number(name: str) -> pl.Expr:
        return column(name).cast(pl.Int64, strict=False)

    return captures(
        **fields.select(
            "url",
            "timestamp",
            status=number("status"),
            media_type=pl.coalesce(column("mime-detected"), column("mime")).str.to_lowercase(),
            languages=column("languages"),
            digest=column("digest").replace("-", None),
            filename=column("filename"),
            offset=number("offset"),
            length=number("length"),
        ).to_dict()
    )


def _blocks(stream: BinaryIO, shown: str) -> Iterator[list[str]]:
    """Lines, in blocks of some megabytes."""
    read = _reading(stream, shown)
    rest = b""
    while data := read(_BLOCK):
        *whole, rest = (rest + data).split(b"\n")
        yield b"\n".join(whole).decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    if rest:
        yield [rest.decode("utf-8", "replace").rstrip("\r")]


def _reading(stream: BinaryIO, shown: str) -> Callable[[int], bytes]:
    head = stream.read(2)
    stream.seek(0)
    opened: Any = gzip.GzipFile(fileobj=stream) if head == b"\x1f\x8b" else stream

    def read(size: int) -> bytes:
        try:
            return bytes(opened.read(size))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            msg = f"the index {shown} is damaged or cut off ({type(error).__name__}): fetch it anew"
            raise LandingFailed(msg) from None

    return read
