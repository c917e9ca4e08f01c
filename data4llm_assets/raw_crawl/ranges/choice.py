"""The captures to fetch: those wanted, the newest of each page, a sample of pages. The same whatever order they are found in."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from data4llm_assets.document import digest
from data4llm_assets.raw_crawl.address import canonical_url
from data4llm_assets.raw_crawl.ranges import areas
from data4llm_assets.raw_crawl.ranges.index import CAPTURES, captures
from data4llm_assets.raw_crawl.ranges.listed import Listed
from data4llm_assets.raw_crawl.ranges.wanted import Wanted

_SUBSET = r"/(warc|crawldiagnostics|robotstxt)/[^/]*$"
_SPARE = 200_000
_PLACE = ("filename", "offset", "length", "url", "trouble")
NOT_IN_INDEX = "raw_crawl.not_in_index: the index has no capture of this URL that is wanted"


def choose(found: Iterable[pl.DataFrame], wanted: Wanted, listed: Listed) -> pl.DataFrame:
    """The captures of `found` to fetch, and those of `listed`, in order of (filename, offset). Columns of `index.CAPTURES`.

    URLs that are listed and not found are among them, with their `trouble`.
    """
    places, pages = wanted.areas(), frozenset(map(canonical_url, listed.urls))
    everywhere = not places and wanted.listed is None
    kept: list[pl.DataFrame] = []
    rows = 0
    for frame in found:
        unreadable = frame.filter(pl.col("url").is_null())
        frame = frame.filter(pl.col("url").is_not_null() & wanted.kinds())
        subset = pl.col("filename").str.extract(_SUBSET)
        frame = frame.filter(subset.is_null() | subset.is_in(list(wanted.subsets)))
        if wanted.pattern is not None:
            frame = frame.filter(pl.col("url").str.contains(wanted.pattern))
        if not everywhere:
            inside = areas.within(places, frame["url"]) if places else pl.repeat(False, frame.height, eager=True)
            frame = frame.filter(inside | _page(frame["url"]).is_in(pages) if pages else inside)
        kept.append(pl.concat([frame, unreadable]))
        rows += kept[-1].height
        if wanted.max_records is not None and rows > wanted.max_records + _SPARE:
            kept = [_picked(pl.concat(kept), wanted)]
            rows = kept[0].height
    chosen = _picked(pl.concat([CAPTURES.to_frame(), *kept]), wanted)
    if pages:
        chosen = pl.concat([chosen, _not_found(chosen, listed.urls)])
    return pl.concat([chosen, listed.places]).unique(_PLACE, keep="any").sort(*_PLACE, nulls_last=False)


def _picked(frame: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    unreadable, frame = frame.filter(pl.col("url").is_null()), frame.filter(pl.col("url").is_not_null())
    frame = frame.unique(_PLACE, keep="any")
    if wanted.captures == "newest":
        frame = frame.with_columns(page=_page(frame["url"]))
        frame = frame.sort("timestamp", "filename", "offset", "url", descending=True, nulls_last=True)
        frame = frame.unique("page", keep="first", maintain_order=True).drop("page")
    if wanted.max_records is not None:
        pages = _page(frame["url"])
        drawn = pages.unique().alias("page").to_frame()
        if drawn.height > wanted.max_records:
            drawn = drawn.with_columns(draw=pl.Series([digest("sample", page) for page in drawn["page"]], dtype=pl.String))
            drawn = drawn.sort("draw").head(wanted.max_records)
            frame = frame.filter(pages.is_in(drawn["page"].implode()))
    return pl.concat([frame, unreadable])


def _not_found(chosen: pl.DataFrame, urls: tuple[str, ...]) -> pl.DataFrame:
    there = set(_page(chosen["url"].drop_nulls()))
    missing = {page: url for url in reversed(urls) if (page := canonical_url(url)) not in there}
    urls_of = pl.Series(list(missing.values()), dtype=pl.String)
    return captures(url=urls_of, trouble=pl.repeat(NOT_IN_INDEX, len(missing), dtype=pl.String, eager=True))


def _page(urls: pl.Series) -> pl.Series:
    """What names the page of a URL in every snapshot."""
    return pl.Series("page", [canonical_url(url) for url in urls], dtype=pl.String)
