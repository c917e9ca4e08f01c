"""Main text of web pages, the choice for most corpora: `blocks`, and where that is not sure enough, Trafilatura and it together."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from data4llm_assets.extracted_text.blocks import BlockExtraction, Viewed
from data4llm_assets.extracted_text.extraction import Refused
from data4llm_assets.extracted_text.page_types import PAGE_TYPES, PageType
from data4llm_assets.extracted_text.selection import select
from data4llm_assets.extracted_text.trafilatura import Trafilatura
from data4llm_assets.extracted_text.web_page import Page
from data4llm_assets.method import Measure
from data4llm_assets.raw_crawl.source import Record

if TYPE_CHECKING:
    from data4llm_assets.extracted_text.dom.features import Features

TOGETHER = "blocks+trafilatura"
DOUBTS = "doubts"
"""Key of a document's `meta`: which checks its text does not pass, in spite of all engines."""
_LEAST_WORDS, _LEAST_PART = 25, 0.02
"""A text with fewer words, and a smaller part of the page's running text, has missed it."""
_MOST_LINKS, _MOST_BOILERPLATE = 0.5, 0.25
"""Shares of a text's words: in links, and among those of menus, accounts and social networks (`lexicon`)."""
_MOST_FOR_TRAFILATURA = 50_000
"""Elements: of larger pages `blocks` decides alone, for Trafilatura's time grows with the square of a row's or a list's length."""
_MOSTLY = 0.5
"""Share of a block's words that another engine took, from which on it took the block."""


class Chosen(NamedTuple):
    """What `auto` made of a page: its blocks and which are kept, by which engine, the page's type, and what is doubtful still."""

    viewed: Viewed
    engine: str
    page_type: str
    doubts: tuple[str, ...]


class Auto(BlockExtraction):
    """The page's type and the expected score decide: `blocks` alone, or its blocks judged again beside Trafilatura's text.

    Most pages take as long as with `blocks`. On a page of a shop that is not clear, or where a text fails a check, Trafilatura's
    time comes on top.
    """

    version: ClassVar[str] = f"1, trafilatura {Trafilatura.version}"
    uses: ClassVar[tuple[str, ...]] = ("Resiliparse", *Trafilatura.uses)
    method: Literal["auto"] = "auto"
    confidence: Measure[float] = Field(
        0.8, ge=0, le=1, description="expected F1 over words from which on `blocks` decides alone; 1 is never reached"
    )
    second_opinion: Measure[tuple[PageType, ...]] = Field(
        ("collection", "product"),
        description="types of page on which Trafilatura is asked, too, where `blocks` is not that sure: those of shops are where "
        "that helped; empty: only where a text fails a check",
    )

    def prepare(self) -> None:
        super().prepare()
        Trafilatura().prepare()

    def page(self, html: str, record: Record) -> Page | Refused:
        chosen = self.choose(html, record)
        if isinstance(chosen, Refused):
            return chosen
        doubts = {DOUBTS: " ".join(chosen.doubts)} if chosen.doubts else {}
        return Page(self.written(chosen.viewed), engine=chosen.engine, meta={"page_type": chosen.page_type, **doubts})

    def view(self, html: str, record: Record) -> Viewed | Refused:
        chosen = self.choose(html, record)
        return chosen if isinstance(chosen, Refused) else chosen.viewed

    def choose(self, html: str, record: Record) -> Chosen | Refused:
        """Judge a page's blocks; if the outcome is not sure enough or fails a check, again with Trafilatura's text beside."""
        viewed = self.parsed(html)
        if isinstance(viewed, Refused):
            return viewed
        found = viewed.judged.features
        types = self.loaded().page_types(viewed.tree, found)
        page_type = PAGE_TYPES[int(types.argmax())]
        doubted = doubts(found, viewed.selection.kept)
        unsure = viewed.selection.expected < self.confidence and page_type in self.second_opinion
        # A text that is mostly links may be all there is: a page of contents. It is told, and nobody else is asked.
        if not len(found.rows) or not (unsure or {"short", "boilerplate"}.intersection(doubted)):
            return Chosen(viewed, "blocks", page_type, doubted)
        other = self._other(html, record)
        if not other:
            return Chosen(viewed, "blocks", page_type, doubted)
        together = self._together(viewed, other, types)
        left = doubts(found, together.selection.kept)
        alone = _taken(found, other) >= _MOSTLY
        if left and not doubts(found, alone):
            return Chosen(viewed._replace(selection=together.selection._replace(kept=alone)), "trafilatura", page_type, ())
        return Chosen(together, TOGETHER, page_type, left)

    def _other(self, html: str, record: Record) -> str:
        """Trafilatura's text; none where it refuses the page or fails on it: there is a text already."""
        try:
            found = Trafilatura(max_elements=min(self.max_elements, _MOST_FOR_TRAFILATURA)).page(html, record)
        except MemoryError:
            raise
        except Exception:
            return ""
        return "" if isinstance(found, Refused) else found.text.strip()

    def _together(self, viewed: Viewed, other: str, types: NDArray[Any]) -> Viewed:
        probabilities = self.loaded().judge_with(viewed.tree, viewed.judged, other, types)
        selection = select(viewed.judged.features.words, probabilities, self.strictness)
        return viewed._replace(judged=viewed.judged._replace(probabilities=probabilities), selection=selection)


def doubts(found: Features, kept: NDArray[Any]) -> tuple[str, ...]:
    """Which checks a selection of blocks does not pass: `short` for its page, most of it `links`, much of it `boilerplate`."""
    from data4llm_assets.extracted_text.dom.measures import LONG_BLOCK

    words = found.words.astype(np.float64)
    running = float(words[words >= LONG_BLOCK].sum())
    total = float(words[kept].sum())
    told = ["short"] if total < max(_LEAST_WORDS, _LEAST_PART * running) <= running else []
    if total:
        rows, (links, boilerplate) = found.blocks[kept], _columns()
        if float((rows[:, links] * words[kept]).sum()) > _MOST_LINKS * total:
            told.append("links")
        if float((rows[:, boilerplate].sum(axis=1) * words[kept]).sum()) > _MOST_BOILERPLATE * total:
            told.append("boilerplate")
    return tuple(told)


@cache
def _columns() -> tuple[int, list[int]]:
    """Of features: the share of words in links, and of words of menus, accounts and social networks."""
    from data4llm_assets.extracted_text.dom.features import NAMES

    return NAMES.index("link_density"), [NAMES.index(f"says_{group}") for group in ("site", "action", "more", "social")]


def _taken(found: Features, other: str) -> NDArray[Any]:
    """Share of each block's words that stand in another engine's text."""
    from data4llm_assets.extracted_text.block_model import taken

    return np.asarray(taken(found, other)[:, 0])
