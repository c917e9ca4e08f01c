"""Pages that have not changed: their text stands in an earlier snapshot, made by the same methods, so it is taken from there.

What decides an extraction is the payload and what the index knows of the record, but not when it was fetched, where in its file it
lies, or which snapshot it belongs to. Here: which records those are, and their texts in order, a bounded slice at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import polars as pl

from data4llm_assets.node import Before, Ref, Work

TAKEN_OVER = ["title", "language", "meta", "text"]
"""Columns of documents that extraction makes."""
SLICE_BYTES = 64 << 20
_DECIDES = ["page_id", "url", "media_type", "title", "language", "license", "payload_digest"]


class Carried:
    """Rows of the index whose documents were made before, in order of the index."""

    def __init__(self, work: Work, records: Ref, index: pl.DataFrame) -> None:
        """index: `document.RECORDS`."""
        self._found: list[tuple[Before, pl.DataFrame]] = []
        wanted = _keyed(index).with_row_index("row")
        for before in work.before(records, "documents"):
            if wanted.is_empty():
                break
            known = _keyed(before.taken(["doc_id", "locator", "meta", *_DECIDES])).rename({"doc_id": "as"})
            same = wanted.join(known, on=[*_DECIDES, "file", "meta"], how="inner", nulls_equal=True).select("row", "as")
            if same.is_empty():
                continue
            groups = [
                rows.select("doc_id", "bytes", place=pl.int_range(pl.len()), group=pl.lit(number))
                for number, rows in before.made(["doc_id", "bytes"])
            ]
            if not groups:
                continue
            # What had no text then is asked again: it is little, and the reason may name what only this reading knows.
            found = same.join(pl.concat(groups), left_on="as", right_on="doc_id").unique("row", keep="any").sort("row")
            wanted = wanted.filter(~pl.col("row").is_in(found["row"].implode()))
            self._found.append((before, found.drop("as")))
        self.rows = pl.concat([found["row"] for _, found in self._found]).sort() if self._found else pl.Series("row", [], pl.UInt32)

    def documents(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """(row of the index, the columns TAKEN_OVER), in order of rows. Holds texts of about SLICE_BYTES at a time."""
        if not self._found:
            return
        every = pl.concat([found.with_columns(which=pl.lit(which)) for which, (_, found) in enumerate(self._found)]).sort("row")
        for (_,), part in every.group_by(pl.col("bytes").cum_sum() // SLICE_BYTES, maintain_order=True):
            yield from self._read(part)

    def _read(self, part: pl.DataFrame) -> Iterator[tuple[int, dict[str, Any]]]:
        texts = []
        for (which,), wanted in part.group_by("which"):
            groups = set(wanted["group"])
            for number, rows in self._found[int(str(which))][0].made(TAKEN_OVER, groups):
                here = wanted.filter(pl.col("group") == number)
                texts.append(rows[here["place"]].insert_column(0, here["row"]))
        for row, *values in pl.concat(texts).sort("row").iter_rows():
            yield row, dict(zip(TAKEN_OVER, values, strict=True))


def whole_files(paths: Collection[str], index: pl.DataFrame, carried: pl.Series) -> set[str]:
    """Files of which every indexed record is carried: they need not be opened. Empty if some locator leads into no listed file."""
    if carried.is_empty():
        return set()
    listed = pl.Series("file", list(paths), dtype=pl.String)
    file = pl.when(pl.col("locator").is_in(listed.implode())).then("locator").otherwise(_file())
    files = index.select(file.alias("file")).with_row_index("row")
    if not files["file"].is_in(listed.implode()).all():
        return set()
    return set(paths) - set(files.filter(~pl.col("row").is_in(carried.implode()))["file"])


def _file() -> pl.Expr:
    """The file part of a locator."""
    return pl.col("locator").str.replace("#[^#]*$", "")


def _keyed(records: pl.DataFrame) -> pl.DataFrame:
    """What decides the extraction of each record, in columns that can be joined on. A record without URL may go by its file."""
    pair = pl.element().struct
    written = pl.col("meta").list.eval(pl.concat_str(pair.field("key"), pl.lit("\0"), pair.field("value"))).list.join("\0\0")
    return records.select("doc_id", *_DECIDES, pl.when(pl.col("url").is_null()).then(_file()).alias("file"), written.alias("meta"))
