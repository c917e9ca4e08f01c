"""The stage `raw_crawl`: sources of every kind, and the index of their records. The bytes stay where they are."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field

from data4llm_assets.document import DECISIONS, RECORDS
from data4llm_assets.node import Bench, Node, Place, Ref, Section, StepName, Trial, Verdict, View, Work
from data4llm_assets.raw_crawl import checks, glossary
from data4llm_assets.raw_crawl.common_crawl import CommonCrawl
from data4llm_assets.raw_crawl.crawl import Crawl
from data4llm_assets.raw_crawl.files import Files
from data4llm_assets.raw_crawl.index import build_index
from data4llm_assets.raw_crawl.installed_python import InstalledPython
from data4llm_assets.raw_crawl.jsonl import Jsonl
from data4llm_assets.raw_crawl.parquet import Parquet
from data4llm_assets.raw_crawl.reading import source_records
from data4llm_assets.raw_crawl.source import payload_digest
from data4llm_assets.raw_crawl.warc import Warc

__all__ = ["RawCrawl", "Source", "source_records"]

Source = Annotated[Files | Warc | Jsonl | Parquet | Crawl | CommonCrawl | InstalledPython, Field(discriminator="kind")]
"""Where documents come from: one entry of the recipe's `sources`."""


class RawCrawl(Section):
    """An index of records by payload digest."""

    stage: Literal["raw_crawl"] = "raw_crawl"
    name: StepName = "raw_crawl"
    retain: Literal["reference"] = Field("reference", description="payloads stay in the source and are refused when they change")
    quarantine: float = Field(0.05, ge=0, le=1, description="largest share of bad records before the partition is refused")

    def nodes(self, place: Place) -> tuple[Node, ...]:
        def make(work: Work) -> None:
            source = place.sources[work.partition.source]
            index = build_index(work.partition, source.domain, len(work.files()), source_records(source, work))
            work.write("records", index.records)
            work.write("decisions", index.decisions)
            for frame, rows in index.metrics.items():
                work.metric(frame, rows)
            work.count("records_read", index.records_read)
            work.count("bytes_read", index.bytes_read)

        node = Node(
            name=place.name,
            stage=self.stage,
            function="raw_crawl",
            version="1",
            grain="grid",
            make=make,
            description="Every record of the sources, listed: what it is, where it lies, and the digest of its bytes. Bad records "
            "are set aside with their reason, identical ones of a snapshot counted.",
            tables=("records", "decisions"),
            schemas={"records": RECORDS, "decisions": DECISIONS},
            lists_sources=True,
            settings={"retain": self.retain},
            by_source=readings(place),
            expectations=checks.index(self.quarantine),
            glossary=glossary.GLOSSARY,
        )
        return (node,)

    def after(self, place: Place) -> View:
        return place.view.then(kept=Ref(place.name, "records"))

    def trial(self, place: Place, document: pl.DataFrame, bench: Bench) -> Trial:
        row = document.row(0, named=True)
        payload = (row["text"] or "").encode("utf-8", "replace")
        source = place.sources.get(row["source"])
        limit = float(source.max_bytes) if source is not None else None
        large = limit is not None and len(payload) > limit
        return Trial(
            (
                Verdict("raw_crawl.media_type", row["media_type"], None, None, "info"),
                Verdict("raw_crawl.max_bytes", float(len(payload)), None, limit, "drop" if large else "keep", "bytes of payload"),
                Verdict("raw_crawl.payload_digest", payload_digest(payload), None, None, "info", "SHA-256, first 32 hex digits"),
            )
        )


def readings(place: Place) -> dict[str, dict[str, Any]]:
    """For every source what makes its index apart from its files: keys that act through the listing are not among it."""
    return {name: source.reading() for name, source in place.sources.items()}
