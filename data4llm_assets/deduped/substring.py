"""Exact substrings that occur twice: Lee et al., ACL 2022 (arXiv 2107.06499)."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal, Self

import polars as pl
from pydantic import Field, PrivateAttr

from data4llm_assets.deduped.alone import Excising
from data4llm_assets.deduped.deduplication import Promises
from data4llm_assets.deduped.tables import Scope
from data4llm_assets.document import digest
from data4llm_assets.method import Decide
from data4llm_assets.node import Place, Ref, Work


class Substring(Excising):
    """Text that stands elsewhere, so long or longer, is taken out: every window of `length` that occurs twice, symbol by symbol.

    That is what a suffix array finds whose neighbours share `length` symbols. The windows lie inside one document each and may
    overlap; a span is cut to whole characters, and names the document of the first copy. What is taken out joins what stood
    around it, so a second run may find more, as the paper's does.

    With `keep: first` a new snapshot changes no earlier verdict, but all texts are read again to find what it repeats.
    """

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("polars",)
    promises: ClassVar[Promises] = Promises(incremental=False, withdrawable="anew", names_partner=True)
    signature: ClassVar[pl.Schema] = pl.Schema({"size": pl.UInt32()})

    method: Literal["substring"] = "substring"
    unit: Decide[Literal["bytes", "tokens"]] = Field(
        "bytes", description="of `length`: bytes of UTF-8, or tokens of the recipe's tokenizer, which must be a byte-level one"
    )
    length: Decide[int | None] = Field(
        None, ge=1, lt=2**31, description="shortest repeat; 100 bytes or 50 tokens if not given (published: 50 tokens)"
    )
    keep: Decide[Literal["first", "none"]] = Field(
        "first", description="which copy stays: the first, or none (as in the paper's code)"
    )
    _tokenizer: Any = PrivateAttr(None)

    @property
    def symbols(self) -> int:
        """Symbols of a window."""
        return self.length or (50 if self.unit == "tokens" else 100)

    def at(self, place: Place) -> Self:
        if self.unit == "bytes":
            return self
        placed = self.model_copy()
        placed._tokenizer = place.tokenizer
        return placed

    def models(self) -> dict[str, str]:
        if self._tokenizer is None:
            return {}
        who = [self._tokenizer.identity(), self._tokenizer.parameters()]
        return {"tokenizer": digest(json.dumps(who, sort_keys=True))}

    def signatures(self, documents: pl.DataFrame) -> pl.DataFrame:
        """`size`: bytes."""
        return documents.select(size=pl.col("text").str.len_bytes().clip(upper_bound=2**32 - 1).cast(pl.UInt32))

    def judge(self, work: Work, signatures: Ref, scope: Scope) -> None:
        from data4llm_assets.deduped import substrings

        tokenizer = None if self.unit == "bytes" else work.model(self._tokenizer)
        substrings.judge(work, signatures, scope, self, tokenizer)
