"""Source kind `parquet`: one document per row. Row groups are streamed, and only the mapped columns are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, ClassVar, Literal

from pydantic import Field

from data4llm_assets.raw_crawl.fields import Fields, MissingColumn, row_record
from data4llm_assets.raw_crawl.media_type import PLAIN
from data4llm_assets.raw_crawl.source import Bad, Found, SourceSection

_ROWS = 256
_PAGE_BUFFER = 1 << 20


class Parquet(SourceSection):
    """One document per row; rows are numbered from 0 over the whole file."""

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("pyarrow",)
    random_access: ClassVar[bool] = True
    kind: Literal["parquet"]
    include: tuple[str, ...] = Field(("**/*.parquet",), description="globs over paths within the folder")
    fields: Fields = Field(Fields(), description="which column holds what")
    media_type: str = Field(PLAIN, description="what the text column holds: text/html and text/markdown are extracted as such")

    def records(self, stream: BinaryIO, path: str) -> Iterator[Found]:
        """Every row as a record; its locator is `path#row/N`, the first row being 0.

        Raises
        ------
        MissingColumn
            If the file lacks a mapped column.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        row = 0
        try:
            # Without pre-buffering a column is read page by page, not a whole row group at a time.
            table = pq.ParquetFile(stream, pre_buffer=False, buffer_size=_PAGE_BUFFER)
            for column in self.fields.columns():
                if column not in table.schema_arrow.names:
                    raise MissingColumn(path, column, table.schema_arrow.names)
            for batch in table.iter_batches(batch_size=_ROWS, columns=list(self.fields.columns())):
                for values in _rows(batch):
                    yield row_record(self, self.fields, values, path, f"{path}#row/{row}", self.media_type)
                    row += 1
        except (pa.ArrowException, OSError, EOFError) as error:
            yield Bad(
                "raw_crawl.unreadable", f"no Parquet, or damaged, from row {row} on ({type(error).__name__})", f"{path}#row/{row}-"
            )


def _rows(batch: Any) -> Iterator[dict[str, Any]]:
    """Rows of a record batch. Text comes as bytes: Arrow does not check that it is UTF-8, and a bad row must not cost the rest."""
    import pyarrow as pa

    columns: dict[str, list[Any]] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pa.types.is_string(column.type) or pa.types.is_string_view(column.type):
            column = column.cast(pa.binary())
        elif pa.types.is_large_string(column.type):
            column = column.cast(pa.large_binary())
        columns[name] = column.to_pylist()
    for index in range(batch.num_rows):
        yield {name: values[index] for name, values in columns.items()}
