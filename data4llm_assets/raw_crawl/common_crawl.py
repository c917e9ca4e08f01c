"""Source kind `common_crawl`: the wanted records of a web archive, found in its index and fetched by ranges of bytes.

Common Crawl, and any archive that publishes WARC files with a CDX or columnar index. The records land as they are, and are read
again like any WARC file. What could not be had lands as a record that says so, and is quarantined.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, BinaryIO, ClassVar, Literal

import polars as pl
from pydantic import Field, field_validator, model_validator

from data4llm_assets.node import Delivery, LandingFailed
from data4llm_assets.raw_crawl import media_type
from data4llm_assets.raw_crawl.ranges import areas, choice, fetching, listed, lookup
from data4llm_assets.raw_crawl.ranges.files import Files
from data4llm_assets.raw_crawl.ranges.hosts import Politeness
from data4llm_assets.raw_crawl.ranges.journal import Journal
from data4llm_assets.raw_crawl.ranges.places import filled_in, shown
from data4llm_assets.raw_crawl.ranges.wanted import Wanted
from data4llm_assets.raw_crawl.source import Found, Reference, SourceSection
from data4llm_assets.raw_crawl.warc import Warc

PUBLIC = "https://data.commoncrawl.org/"
_LANDING = frozenset({"index", "crawl", "data", "wanted", "files", "gap", "largest_request", "politeness"})


class CommonCrawl(SourceSection):
    """Records of a web archive, by its index. A snapshot lands what is wanted when it is added, and nothing fetches it again."""

    version: ClassVar[str] = f"1, warc {Warc.version}"
    uses: ClassVar[tuple[str, ...]] = Warc.uses
    listing_only: ClassVar[frozenset[str]] = SourceSection.listing_only | _LANDING
    fetches: ClassVar[bool] = True
    kind: Literal["common_crawl"]
    path: str = Field("", description="folder in which records land, one folder a snapshot; empty: in the store")
    include: tuple[str, ...] = Field(("pages-*.warc.gz",), description="globs over landed files")
    index: tuple[str, ...] = Field(
        (),
        description="where the index is, one place or several: CDX or CDXJ files (plain or gzipped), a ZipNum cluster by its "
        "cluster.idx, Parquet files of Common Crawl's table, a folder of either, or a .paths listing of them; a path, http(s):// "
        "or s3://. `{crawl}` stands for each name of `crawl`",
    )
    crawl: tuple[str, ...] = Field((), description="names of crawls, such as CC-MAIN-2026-40, for `{crawl}` in `index`")
    data: str = Field(
        PUBLIC,
        description="folder, http(s):// or s3:// URL beneath which the archives lie that the index names; here and in `index`, "
        "`${NAME}` is taken from the environment, for what signs a URL",
    )
    wanted: Wanted = Field(Wanted(), description="which captures")
    media_types: tuple[str, ...] = Field(
        (media_type.HTML, media_type.XHTML, media_type.PLAIN),
        description="of landed responses those to take, by Content-Type, or by their first bytes where none is sent",
    )
    files: int = Field(
        16, ge=1, le=99, description="files that pages land in, a page in the same in every snapshot; at least as many as `shards`"
    )
    gap: int = Field(65_536, ge=0, description="bytes between two records of a file that are fetched along, in one request")
    largest_request: int = Field(16_000_000, ge=1, description="bytes up to which records are put together in one request")
    politeness: Politeness = Field(Politeness(), description="how hosts are asked")

    @field_validator("index", "crawl", mode="before")
    @classmethod
    def _one_or_several(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _consistent(self) -> CommonCrawl:
        templates = [place for place in self.index if "{crawl}" in place]
        if not self.index and self.wanted.listed is None:
            msg = "`index` is required: where the index of the archive is (or wanted.listed, a file that names each record's place)"
            raise ValueError(msg)
        if bool(self.crawl) != bool(templates):
            msg = "`crawl` fills `{crawl}` in `index`: say both or neither"
            raise ValueError(msg)
        if self.files < self.shards:
            msg = f"`files` ({self.files}) are dealt out to `shards` ({self.shards}): there must not be fewer"
            raise ValueError(msg)
        return self

    def records(self, stream: BinaryIO, path: str) -> Iterator[Found | Reference]:
        yield from self._reader.records(stream, path)

    def land(self, delivery: Delivery) -> None:
        """Land what is wanted in the snapshot's folder, or what an interrupted landing left. One that has finished is left alone.

        Raises
        ------
        LandingFailed
            If an index or a server cannot be used, or nothing is wanted. What has landed stays, and the next try goes on.
        """
        with Journal.opened(delivery.folder) as journal:
            if journal.finished:
                return
            files = Files(self.politeness)
            try:
                if journal.request is None:
                    journal.begin(self._request(), self._plan(files))
                elif changed := [key for key, value in self._request().items() if journal.request.get(key) != value]:
                    msg = (
                        f"the landing in {delivery.folder} was begun with another {' and '.join(changed)}: put back what the "
                        "recipe said to finish it, or add a snapshot by another name"
                    )
                    raise LandingFailed(msg)
                fetching.fetch(journal, files, self._manner())
                journal.finish()
            except OSError as error:
                msg = f"cannot go on landing in {delivery.folder}: {error.strerror or error}; once it can, the same command does"
                raise LandingFailed(msg) from None
            finally:
                files.close()

    def _plan(self, files: Files) -> pl.DataFrame:
        """What is to land. Columns of `ranges.index.CAPTURES`, in order of (filename, offset)."""
        data = filled_in(self.data)
        known = listed.NOTHING if self.wanted.listed is None else listed.read(filled_in(self.wanted.listed), files)
        crawls = self.crawl or ("",)
        places = [
            filled_in(place.replace("{crawl}", crawl))
            for place in self.index
            for crawl in (crawls if "{crawl}" in place else ("",))
        ]
        if known.urls and not places:
            msg = "wanted.listed names URLs: say the `index` that finds them"
            raise LandingFailed(msg)
        found = lookup.captures(places, data, files, self.wanted, [areas.of_prefix(url) for url in known.urls])
        plan = choice.choose(found, self.wanted, known)
        if plan.is_empty():
            msg = f"nothing in {', '.join(map(shown, self.index)) or 'wanted.listed'} is wanted: does `wanted` ask for too much?"
            raise LandingFailed(msg)
        large = pl.format("raw_crawl.max_bytes: the record has {} bytes, more than the limit", "length")
        return plan.with_columns(trouble=pl.when(pl.col("length") > self.max_bytes).then(large).otherwise("trouble"))

    def _request(self) -> dict[str, Any]:
        """What makes the plan, as JSON and without credentials."""
        wanted = self.wanted.model_dump(mode="json")
        places = {"index": [shown(place) for place in self.index], "crawl": list(self.crawl), "files": self.files}
        return {**places, "wanted": {**wanted, "listed": shown(self.wanted.listed or "")}}

    def _manner(self) -> fetching.Manner:
        return fetching.Manner(
            filled_in(self.data), self.files, self.gap, self.largest_request, self.max_bytes, self.politeness.connections
        )

    @cached_property
    def _reader(self) -> Warc:
        keys = {"kind": "warc", "path": self.path, "domain": self.domain, "license": self.license, "max_bytes": self.max_bytes}
        return Warc.model_validate({**keys, "media_types": self.media_types})
