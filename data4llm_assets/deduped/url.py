"""One document a page: equal canonical URLs, as RefinedWeb (arXiv 2306.01116) drops them, in the form of archives' indexes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import Field

from data4llm_assets.deduped.deduplication import Deduplication, Promises
from data4llm_assets.deduped.surt import TRACKING, Folding, canonical
from data4llm_assets.method import Decide, Measure

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.~-]+\*?$")]


class Url(Deduplication):
    """Of all documents with one canonical URL one stands, before any texts are compared; the others are dropped for it.

    Canonical is: no scheme, user, default port or fragment (but `#!`); host in lower case and punycode, without `www.`; no dot
    segments, single slashes, none at the end; escapes in one form; parameters sorted, without those of sessions and of tracking.
    A document without a URL, or with one that has no scheme, stands for itself.
    """

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("polars", "idna")
    promises: ClassVar[Promises] = Promises(incremental=True, withdrawable="refold", names_partner=True)
    signature: ClassVar[pl.Schema] = pl.Schema({"low": pl.UInt64(), "high": pl.UInt64(), "size": pl.UInt32()})
    of: ClassVar[Literal["text", "url"]] = "url"

    method: Literal["url"] = "url"
    tracking: Measure[tuple[Name, ...]] = Field(
        TRACKING, description="parameters that do not count, for they say how a reader came; a name that ends in `*` is a prefix"
    )
    session_ids: Measure[bool] = Field(True, description="session ids in paths and parameters do not count, as in SURT")
    www: Measure[bool] = Field(True, description="`www.` and `www2.` before a host do not count, as in SURT")
    fold_case: Measure[bool] = Field(
        False, description="case of path and parameters does not count, as in CDX; the default keeps it"
    )
    keep: Decide[Literal["first", "newest"]] = Field(
        "first",
        description="which version of a page stays: the first, or that of its last snapshot, which then replaces the others",
    )

    @property
    def rule(self) -> str:
        return f"{self.label}.version"

    def signatures(self, documents: pl.DataFrame) -> pl.DataFrame:
        """`low`, `high`: leading 128 bits of SHA-256 of the canonical URL, its identity. `size`: 1; without a URL all are 0."""
        from data4llm_assets.deduped.flat import hashes_128

        named = documents.select(pl.col("url").str.contains(r"^\s*[A-Za-z][A-Za-z0-9+.-]*:.").fill_null(False)).to_series()
        low, high = hashes_128(self.canonical(documents["url"].fill_null("")))
        signed = pl.DataFrame({"low": low, "high": high, "size": named})
        return signed.select(pl.when("size").then(pl.col("low", "high")).otherwise(pl.lit(0, pl.UInt64)), "size").cast(
            self.signature
        )

    def canonical(self, urls: pl.Series) -> pl.Series:
        return canonical(urls, Folding(self.tracking, self.session_ids, self.www, self.fold_case))
