from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data4llm_assets.raw_crawl.fields import Fields, MissingColumn
from data4llm_assets.raw_crawl.parquet import Parquet
from data4llm_assets.raw_crawl.source import Bad, Record, Repair


def written(columns: dict[str, object], row_group_size: int = 2) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, row_group_size=row_group_size)
    return out.getvalue()


def read(data: bytes, **fields: object) -> list:
    return list(Parquet(kind="parquet", path="x", domain="web", fields=Fields(**fields)).records(io.BytesIO(data), "a.parquet"))


def test_rows_of_every_row_group_become_records() -> None:
    data = written(
        {"text": [f"row {number}" for number in range(5)], "url": [f"http://a/{number}" for number in range(5)], "n": range(5)}
    )
    found = read(data, url="url", meta=("n",))
    assert [record.payload for record in found] == [b"row %d" % number for number in range(5)]
    assert [record.locator for record in found][-1] == "a.parquet#row/4"
    assert found[3].address == "//a/3"
    assert found[3].meta == {"n": "3"}


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.dictionary(pa.int32(), pa.string())]
)
def test_text_of_every_string_type_is_read(kind: pa.DataType) -> None:
    array = pa.array(["a", "b"]).cast(pa.binary()) if kind == pa.binary() else pa.array(["a", "b"]).cast(kind)
    assert [record.payload for record in read(written({"text": array}))] == [b"a", b"b"]


def test_bytes_that_are_no_utf8_are_mended_and_told() -> None:
    (record,) = read(written({"text": pa.array([b"caf\xe9 \x00"])}))
    assert record.payload.decode() == "caf\ufffd "
    assert record.repairs == (Repair("raw_crawl.invalid_utf8", 1), Repair("raw_crawl.nul", 1))


def test_a_missing_column_is_an_error_that_names_the_columns() -> None:
    with pytest.raises(MissingColumn, match=r"a\.parquet has no column 'titel'; it has: text, title\. Did you mean 'title'\?"):
        read(written({"text": ["a"], "title": ["b"]}), title="titel")


def test_rows_without_text_are_quarantined() -> None:
    found = read(written({"text": ["a", None, ""]}))
    assert [item.rule if isinstance(item, Bad) else "" for item in found] == ["", "raw_crawl.missing_text", "raw_crawl.empty"]
    assert [item.rule for item in read(written({"text": [1, 2]}))] == ["raw_crawl.not_text"] * 2


def test_a_damaged_file_keeps_the_rows_before_the_damage() -> None:
    data = bytearray(written({"text": pa.array([str(number) * 2000 for number in range(1000)])}, row_group_size=250))
    assert [item.rule for item in read(bytes(data[:-20]))] == ["raw_crawl.unreadable"]
    assert [item.rule for item in read(b"no parquet at all")] == ["raw_crawl.unreadable"]
    start = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(2).column(0).dictionary_page_offset
    data[start : start + 40] = bytes(40)
    *rows, tail = read(bytes(data))
    assert len([row for row in rows if isinstance(row, Record)]) >= 256
    assert tail.rule == "raw_crawl.unreadable"
