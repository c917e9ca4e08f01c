"""From the index to documents: payloads are read again, matched by doc_id, and given to the method of their media type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl

from data4llm_assets.document import DECISIONS, DOCUMENTS, conform, text_digests
from data4llm_assets.extracted_text.auto import DOUBTS
from data4llm_assets.extracted_text.carried import Carried, whole_files
from data4llm_assets.extracted_text.containment import CRASHED, HUNG, contained
from data4llm_assets.extracted_text.extraction import FAULTS, Extracted, Extraction, Refused
from data4llm_assets.extracted_text.outcomes import UNSUPPORTED, Asked, outcomes
from data4llm_assets.extracted_text.web_page import ENGINE
from data4llm_assets.method import ModelUnavailable
from data4llm_assets.node import Ref, Work
from data4llm_assets.raw_crawl.reading import identify, source_records
from data4llm_assets.raw_crawl.source import Record, SourceSection
from data4llm_assets.raw_crawl.tally import SMALLEST_SHARE

BATCH_BYTES = 32 << 20
EMPTY, FAILED = "extracted_text.empty", "extracted_text.failed"
MISSING, CHANGED = "extracted_text.missing", "extracted_text.payload_changed"
# Tags that text about HTML rarely shows whole: an opening tag with an attribute, or a closing one of layout.
_TAGS = (
    r"(?i)<(?:div|span|p|a|td|tr|table|li|ul|img|font|script|style)\s+[a-z-]+\s*=\s*[\"'][^<>]*>"
    r"|</(?:div|span|td|tr|table|font|script)>"
)


def extract_documents(
    work: Work,
    source: SourceSection,
    records: Ref,
    methods: Mapping[str, Extraction],
    write: Callable[[str, pl.DataFrame], None],
) -> dict[str, pl.DataFrame]:
    """Extract every indexed record of a partition that its source still gives. What has not changed is taken from before.

    Parameters
    ----------
    records : where the index lies, `document.RECORDS`. methods : by media type. write : takes a table's name and some rows of it.

    Returns
    -------
    Metric frames: `partition`, `media_types`, `domains`.
    """
    index = work.read(records)
    carried = Carried(work, records, index)
    documents = _Documents(index, write, carried.documents())
    if len(carried.rows):
        work.count("documents_carried", len(carried.rows))
    rows = {doc_id: row for row, doc_id in enumerate(index["doc_id"].to_list())}
    unread = rows.keys() - set(index["doc_id"].gather(carried.rows))
    places: dict[str, str] = {}
    displaced: set[str] = set()
    spared = whole_files([file.path for file in work.files()], index, carried.rows)

    def asked() -> Iterator[Asked]:
        nonlocal places
        for _, found in source_records(source, work, verify=False, without=spared):
            if not isinstance(found, Record):
                continue
            doc_id = identify(work.partition, found)
            if doc_id not in rows:
                # Not in the index: new, or where an indexed record lay. Which of the two moved or changed is known at the end.
                places = places or dict(index.select("locator", "doc_id").iter_rows())
                displaced.add(places.get(found.locator, ""))
            elif doc_id in unread:
                unread.discard(doc_id)
                yield Asked(rows[doc_id], found, methods.get(found.media_type))

    # Parsers recurse. In a thread of their own they always start with an empty stack, so that a document is beyond Python's
    # recursion limit or not whoever called; what they give must not hang on that.
    with contained() as child, ThreadPoolExecutor(max_workers=1, thread_name_prefix="parsers") as own_stack:

        def here(method: Extraction, record: Record) -> Extracted | Refused:
            return own_stack.submit(extracted, method, record).result()

        for each, outcome in outcomes(asked(), work, child, here):
            documents.add(each.row, each.record, outcome)
        work.spent(child.spent())
    for doc_id in sorted(unread):
        changed = Refused(CHANGED, "the payload is not the one that was indexed")
        documents.refuse(
            rows[doc_id], changed if doc_id in displaced else Refused(MISSING, "the source no longer gives this record")
        )
    documents.finish()
    return documents.metrics()


def extracted(method: Extraction, record: Record) -> Extracted | Refused:
    """The outcome of a method on one record. A parser that fails costs the record, not the shard."""
    try:
        found = method.extract(record.payload, record)
    except (MemoryError, ModelUnavailable):
        raise
    except Exception as error:
        # The kind of error alone: its message may quote the document.
        return Refused(FAILED, f"{method.method} failed: {type(error).__name__}")
    if isinstance(found, Extracted) and not found.text.strip():
        return Refused(EMPTY, "no text was found")
    return found


class _Documents:
    """Rows of `document.DOCUMENTS` and decisions, written in batches of bounded bytes, and counts of both.

    What is carried is put where it would stand had it been extracted: in order of the index.
    """

    def __init__(
        self, index: pl.DataFrame, write: Callable[[str, pl.DataFrame], None], carried: Iterator[tuple[int, dict[str, Any]]]
    ) -> None:
        self._index, self._write = index, write
        self._carried = carried
        self._next = next(carried, None)
        self._rows: list[int] = []
        self._found: list[Extracted] = []
        self._meta: list[list[dict[str, str]]] = []
        self._decisions: list[dict[str, Any]] = []
        self._bytes = 0
        self._refused: Counter[str] = Counter()
        self._stats: list[pl.DataFrame] = []

    def add(self, row: int, record: Record, found: Extracted | Refused) -> None:
        if isinstance(found, Refused):
            self.refuse(row, found)
            return
        self._carry(before=row)
        self._append(row, found, [{"key": key, "value": value} for key, value in {**record.meta, **found.meta}.items()])

    def finish(self) -> None:
        self._carry(before=self._index.height)
        self.flush()

    def _carry(self, before: int) -> None:
        while self._next is not None and self._next[0] < before:
            row, made = self._next
            self._append(row, Extracted(made["text"], made["title"], made["language"]), made["meta"])
            self._next = next(self._carried, None)

    def _append(self, row: int, found: Extracted, meta: list[dict[str, str]]) -> None:
        self._rows.append(row)
        self._found.append(found)
        self._meta.append(meta)
        self._bytes += len(found.text)
        if self._bytes >= BATCH_BYTES:
            self.flush()

    def refuse(self, row: int, refused: Refused) -> None:
        self._refused[refused.rule] += 1
        told = {"doc_id": self._index["doc_id"][row], "rule": refused.rule, "action": "drop", "reason": refused.reason}
        self._decisions.append({**told, "value": refused.value, "threshold": refused.threshold})

    def flush(self) -> None:
        if self._rows:
            texts = pl.Series("text", [found.text for found in self._found], dtype=pl.String)
            frame = self._index[self._rows].with_columns(
                pl.Series("meta", self._meta, dtype=DOCUMENTS["meta"]),
                texts,
                text_digests(texts),
                bytes=texts.str.len_bytes().cast(pl.Int64),
                title=pl.coalesce("title", pl.Series([found.title for found in self._found], dtype=pl.String)),
                language=pl.coalesce("language", pl.Series([found.language for found in self._found], dtype=pl.String)),
            )
            self._write("documents", conform(frame, DOCUMENTS))
            self._stats.append(_stats(frame))
            self._rows, self._found, self._meta, self._bytes = [], [], [], 0
        if self._decisions:
            self._write("decisions", conform(pl.DataFrame(self._decisions, schema_overrides=_DECIDED), DECISIONS))
            self._decisions = []

    def metrics(self) -> dict[str, pl.DataFrame]:
        stats = (
            pl.concat(self._stats)
            if self._stats
            else _stats(self._index.head(0).with_columns(text=pl.lit("").cast(pl.String), bytes=pl.lit(0).cast(pl.Int64)))
        )
        indexed, written = self._index.height, stats.height
        limits = sum(count for rule, count in self._refused.items() if rule.startswith("extracted_text.max_"))
        failed = sum(self._refused[rule] for rule in (FAILED, CRASHED, HUNG))
        lost = self._refused[MISSING] + self._refused[CHANGED]
        html = stats.filter(pl.col("media_type").is_in(["text/html", "application/xhtml+xml"]))

        def share(count: int, of: int) -> float | None:
            return count / of if of >= SMALLEST_SHARE else None

        values = {
            "records": indexed,
            "documents": written,
            "empty": self._refused[EMPTY],
            "failed": failed,
            "beyond_limits": limits,
            "unsupported": self._refused[UNSUPPORTED],
            "lost": lost,
            "empty_share": share(self._refused[EMPTY], indexed),
            "failed_share": share(failed + limits, indexed),
            "unsupported_share": share(self._refused[UNSUPPORTED], indexed),
            "lost_share": share(lost, indexed),
            "bytes": int(stats["bytes"].sum()),
            "mean_bytes": float(stats["bytes"].sum() / written) if written >= SMALLEST_SHARE else None,
            "replacement_share": share(int(stats["garbled"].sum()), written),
            "html_share_left": share(int(html["tagged"].sum()), html.height),
            "control_share": share(int(stats["controls"].sum()), written),
            "faulty_markup": int(stats["faulty"].sum()),
            "doubtful_share": share(int(html["doubted"].sum()), html.height),
            "languages": stats["language"].drop_nulls().n_unique(),
            "titled_share": share(written - int(stats["title_missing"].sum()), written),
        }
        floats = {name: pl.Float64 for name in values if name.endswith(("_share", "_left")) or name == "mean_bytes"}
        out = stats.group_by("media_type").agg(documents_out=pl.len().cast(pl.Int64), bytes_out=pl.col("bytes").sum())
        into = self._index.group_by("media_type").agg(documents_in=pl.len().cast(pl.Int64), bytes_in=pl.col("payload_bytes").sum())
        types = (
            into.join(out, on="media_type", how="left")
            .with_columns(pl.col("documents_out", "bytes_out").fill_null(0))
            .sort("media_type")
        )
        domains = stats.group_by("domain").agg(documents=pl.len().cast(pl.Int64), bytes=pl.col("bytes").sum()).sort("domain")
        partition = pl.DataFrame({name: [value] for name, value in values.items()}, schema_overrides=floats)
        frames = {"partition": partition, "media_types": types, "domains": domains}
        for frame, column in (("engines", "engine"), ("page_types", "page_type")):
            told = html.drop_nulls(column).group_by(column).agg(documents=pl.len().cast(pl.Int64), bytes=pl.col("bytes").sum())
            frames[frame] = told.sort(column)
        return frames


_DECIDED = {name: DECISIONS[name] for name in ("doc_id", "rule", "action", "value", "threshold", "reason")}


def _stats(documents: pl.DataFrame) -> pl.DataFrame:
    """What the checks need of every document, without its text."""
    text = pl.col("text")
    return documents.select(
        "domain",
        "media_type",
        "language",
        "bytes",
        title_missing=pl.col("title").is_null(),
        garbled=text.str.count_matches("\ufffd", literal=True) * 100 > text.str.len_chars(),
        tagged=text.str.contains(_TAGS),
        controls=text.str.contains(r"[\x00-\x08\x0e-\x1f]"),
        faulty=_told(FAULTS).is_not_null(),
        doubted=_told(DOUBTS).is_not_null(),
        engine=_told(ENGINE),
        page_type=_told("page_type"),
    )


def _told(key: str) -> pl.Expr:
    """What a document's `meta` says under a key; null if nothing."""
    pair = pl.element().struct
    return pl.col("meta").list.eval(pair.field("value").filter(pair.field("key") == key)).list.first()
