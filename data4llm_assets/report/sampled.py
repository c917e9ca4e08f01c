"""What a few records of a proposed source say: whether its reader works, how much text there is, in which languages.

Bounded: some records of a few files, read and extracted by the same code that a run uses. Not here: which files (`groups.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar, cast

import polars as pl

from data4llm_assets.document import DOCUMENTS, conform, text_digest
from data4llm_assets.extracted_text.documents import extracted
from data4llm_assets.extracted_text.extraction import Extracted
from data4llm_assets.extracted_text.stage import ExtractedText
from data4llm_assets.method import ModelUnavailable
from data4llm_assets.models.tokenizer import Tokenizer
from data4llm_assets.raw_crawl.fields import Fields, MissingColumn
from data4llm_assets.raw_crawl.files import Files
from data4llm_assets.raw_crawl.jsonl import Jsonl, lines, opened, parsed
from data4llm_assets.raw_crawl.parquet import Parquet
from data4llm_assets.raw_crawl.reading import SourceStream
from data4llm_assets.raw_crawl.source import Bad, Record, SourceSection
from data4llm_assets.raw_crawl.warc import Warc
from data4llm_assets.report.columns import Guess, Mapped, mapping
from data4llm_assets.report.domains import domain_of
from data4llm_assets.report.groups import Group
from data4llm_assets.report.look import File

T = TypeVar("T")
MOST_RECORDS = 40_000
MOST_BYTES = 24 << 20
"""Of payload. Much more than the megabyte that readers take at once, for what was read is told from what was taken."""
MOST_EXTRACTED = 40
_FILES = {"files": 200, "jsonl": 6, "parquet": 6, "warc": 8}
_ROWS = 200
_ROW_BYTES = 16 << 20
_LANGUAGE_SCORE = 0.5
_TOKENIZED = 1 << 18
_BYTES_PER_TOKEN = 4.0
"""If the embedded tokenizer is not here: English prose has about so many."""


class Sample(NamedTuple):
    """What was read and guessed.

    section: the reader. domain: the guess and its reason. documents: the columns of document.DOCUMENTS. bad: {why: records}.
    languages: {code: documents}.
    all_documents, all_bytes, all_tokens: estimates for the whole source; bytes and tokens are those of extracted text.
    """

    section: SourceSection
    domain: Guess
    mapped: Mapped | None
    documents: pl.DataFrame
    records: int
    bad: Mapping[str, int]
    languages: Mapping[str, int]
    all_documents: int
    all_bytes: int
    all_tokens: int


class NoText(ValueError):
    """Rows without a column of text."""


def sample(group: Group, tokenizer: Tokenizer | None) -> Sample:
    """Read some records of a group, extract some of them, tell their languages.

    Raises
    ------
    NoText
        If it is a table and no column of it holds text.
    """
    section, domain, mapped = reader_of(group)
    found, share = _records(group, section)
    records = [each for each in found if isinstance(each, Record)]
    documents = _extracted(group, domain.column, _spread(records, MOST_EXTRACTED))
    payload = sum(len(record.payload) for record in records)
    tried = sum(len(record.payload) for record in _spread(records, MOST_EXTRACTED))
    text_share = int(documents["bytes"].sum()) / tried if tried else 0.0
    all_bytes = round(payload * text_share / share) if share else 0
    return Sample(
        section=section,
        domain=domain,
        mapped=mapped,
        documents=documents,
        records=len(records),
        bad=Counter(each.rule.partition(".")[2] for each in found if isinstance(each, Bad)),
        languages={} if domain.column == "code" else languages(documents["text"]),
        all_documents=_all_documents(group, len(records), share),
        all_bytes=all_bytes,
        all_tokens=round(all_bytes / _bytes_per_token(documents["text"], tokenizer)),
    )


def reader_of(group: Group) -> tuple[SourceSection, Guess, Mapped | None]:
    """The group's source as a recipe would have it, the guessed domain, and for a table what its columns were taken for.

    Raises
    ------
    NoText
        If it is a table and no column of it holds text.
    """
    rows = list(_rows(group)) if group.kind in ("jsonl", "parquet") else []
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    mapped = mapping(rows)
    if rows and mapped is None:
        msg = f"no column holds text: {', '.join(columns) or 'the rows are empty'}"
        raise NoText(msg)
    domain = domain_of(group, columns, mapped.fields if mapped else {})
    keys: dict[str, Any] = {"kind": group.kind, "path": str(group.path), "domain": domain.column, "exclude": group.exclude}
    if group.include:
        keys["include"] = group.include
    if mapped is not None:
        keys["fields"] = Fields(**{role: guess.column for role, guess in mapped.fields.items()})
        if mapped.media_type is not None:
            keys["media_type"] = mapped.media_type.column
    kinds: dict[str, type[SourceSection]] = {"files": Files, "jsonl": Jsonl, "parquet": Parquet, "warc": Warc}
    return kinds[group.kind](**keys), domain, mapped


def languages(texts: pl.Series) -> dict[str, int]:
    """{code of lid.176: documents}, most frequent first, where the language is more likely than not. Empty without the model."""
    from data4llm_assets.filtered.language import identify

    try:
        named = identify(texts, 2000).filter(pl.col("score") >= _LANGUAGE_SCORE)["language"]
    except ModelUnavailable:
        return {}
    return dict(Counter(named.drop_nulls().to_list()).most_common())


def _rows(group: Group) -> Iterator[Mapping[str, Any]]:
    for file in _spread(group.files, _FILES[group.kind]):
        path = _place(group, file)
        with path.open("rb") as stream:
            yield from _parquet_rows(stream) if group.kind == "parquet" else _json_rows(stream, file.path)


def _json_rows(stream: BinaryIO, name: str) -> Iterator[Mapping[str, Any]]:
    try:
        for _, line in zip(range(_ROWS), lines(opened(stream, name), _ROW_BYTES), strict=False):
            row = None if line.data is None else parsed(line.data)[0]
            if isinstance(row, dict):
                yield row
    except Exception:  # what a decompressor raises over a damaged file: the reader will count it
        return


def _parquet_rows(stream: BinaryIO) -> Iterator[Mapping[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(stream, pre_buffer=False, buffer_size=1 << 20)
        for batch in table.iter_batches(batch_size=_ROWS):
            yield from batch.to_pylist()
            return
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return


def _all_documents(group: Group, records: int, share: float) -> int:
    if group.kind == "files":
        return round(len(group.files) * records / max(1, min(len(group.files), _FILES["files"])))
    return round(records / share) if share else 0


def _records(group: Group, section: SourceSection) -> tuple[list[Record | Bad], float]:
    """Records, and the share of the group's bytes that was read for them."""
    files = _spread(group.files, _FILES[group.kind])
    found: list[Record | Bad] = []
    read, taken = 0.0, 0
    for index, file in enumerate(files, start=1):
        # Each file its part of what is left, so that a large first one does not use it all.
        records = MOST_RECORDS * index // len(files)
        size = MOST_BYTES * index // len(files)
        with _place(group, file).open("rb") as opened_file:
            stream = SourceStream(opened_file)
            whole = True
            before = len(found)
            try:
                for each in section.records(cast("BinaryIO", stream), file.path):
                    if isinstance(each, (Record, Bad)):
                        found.append(each)
                        taken += len(each.payload) if isinstance(each, Record) else 0
                    if len(found) >= records or taken >= size:
                        whole = False
                        break
            except MissingColumn:
                found.append(Bad("raw_crawl.missing_column", "the file lacks a column that others have", file.path))
            read += file.bytes * (1.0 if whole else _share(section, opened_file, stream, file, len(found) - before))
    return found, read / group.bytes if group.bytes else 0.0


def _share(section: SourceSection, opened_file: BinaryIO, stream: SourceStream, file: File, records: int) -> float:
    """Of a file that was read in part."""
    if not section.random_access:
        return max(1, stream.passed) / file.bytes
    import pyarrow.parquet as pq

    opened_file.seek(0)
    return records / max(records, pq.ParquetFile(opened_file).metadata.num_rows)


def _extracted(group: Group, domain: str, records: Sequence[Record]) -> pl.DataFrame:
    methods = ExtractedText().by_media_type()
    rows = []
    for number, record in enumerate(records):
        method = methods.get(record.media_type)
        found = extracted(method, record) if method is not None else None
        if isinstance(found, Extracted):
            known = {"doc_id": f"{number:032x}", "source": group.name, "domain": domain, "media_type": record.media_type}
            text = {"text": found.text, "text_digest": text_digest(found.text), "bytes": len(found.text.encode())}
            rows.append({**known, **text, "language": record.language, "title": found.title or record.title})
    return conform(pl.DataFrame(rows), DOCUMENTS) if rows else pl.DataFrame(schema=DOCUMENTS)


def _bytes_per_token(texts: pl.Series, tokenizer: Tokenizer | None) -> float:
    chosen, size = [], 0
    for text in texts:
        if size < _TOKENIZED:
            chosen.append(text[:_TOKENIZED])
            size += len(chosen[-1].encode())
    if tokenizer is None or not size:
        return _BYTES_PER_TOKEN
    return size / max(1, int(tokenizer.encode_batch(chosen)[1].sum()))


def _place(group: Group, file: File) -> Path:
    return group.path if group.path.is_file() else group.path / file.path


def _spread(items: Sequence[T], most: int) -> Sequence[T]:
    """At most `most` of them, evenly from the first to the last."""
    if len(items) <= most:
        return items
    step = (len(items) - 1) / max(1, most - 1)
    return [items[round(index * step)] for index in range(most)]
