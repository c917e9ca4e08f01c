"""Which document stands for its page, among all of one URL: the first, or the newest. Before anything is compared.

A URL is known by 128 bits of its canonical form's digest, as texts are. Resident: 24 bytes and two names for every URL.
"""

from __future__ import annotations

import polars as pl

from data4llm_assets.deduped.arrivals import Arrival, arrivals
from data4llm_assets.deduped.budget import require
from data4llm_assets.deduped.duplicates import judged_before
from data4llm_assets.deduped.flat import fingerprints
from data4llm_assets.deduped.tables import Scope
from data4llm_assets.deduped.url import Url
from data4llm_assets.node import Ref, Work

_KEY = ("url_low", "url_high")
_URL_BYTES = 160
_REPLACED = pl.Schema({"doc_id": pl.String(), "partner": pl.String()})
LOSERS = pl.Schema(
    {
        "position": pl.UInt32(),
        "partition": pl.UInt32(),
        "doc_id": pl.String(),
        "winner": pl.String(),
        "action": pl.String(),
        "later": pl.Boolean(),
    }
)
"""Documents that do not stand for their URL: `position` in their arrival, who does, and whether that one arrives later."""


class Versions:
    """The winner of every URL, and who loses to it."""

    def __init__(self, work: Work, signatures: Ref, method: Url, scope: Scope) -> None:
        self._work, self._method = work, method
        self._winners = pl.DataFrame()
        self._gone = pl.Series("judged", [], pl.UInt64)
        self._replaced: list[pl.DataFrame] = []
        self._deferred: list[pl.DataFrame] = []
        if method.keep == "newest":
            for arrival in arrivals(work, signatures, scope):
                self._newest(_with_url(arrival))

    def losers(self, arrival: Arrival) -> pl.DataFrame:
        """Documents of an arrival that do not stand for their URL: the columns of `LOSERS`."""
        here = _with_url(arrival)
        if arrival.fresh:
            self._gone = self._gone.clear()
        if self._method.keep == "first":
            if arrival.fresh or self._winners.is_empty():
                self._winners = here.clear()
            self._winners = self._held(pl.concat([self._winners, here]).unique(_KEY, keep="first", maintain_order=True))
        best = self._winners.select(*_KEY, winner="doc_id", page="page_id", text="text_digest", since="arrival")
        same = (pl.col("page_id") == pl.col("page")) & (pl.col("text_digest") == pl.col("text"))
        # A document that two shards hold is one document, and no version of itself.
        lost = here.join(best, on=_KEY, how="left", maintain_order="left").filter(pl.col("doc_id") != pl.col("winner"))
        lost = lost.with_columns(judged=_judged(lost))
        # It stands in another snapshot: unchanged in an earlier one, as a newer version in a later one. Or it lost before.
        carried = (same & (pl.col("since") < pl.col("arrival"))) | (pl.col("since") > pl.col("arrival"))
        carried |= pl.col("judged").is_in(self._gone.implode())
        action = pl.when(carried).then(pl.lit("carry")).otherwise(pl.lit("drop"))
        self._gone = pl.concat([self._gone, lost["judged"]]).unique()
        return lost.select("position", "partition", "doc_id", "winner", action=action, later=pl.col("since") > pl.col("arrival"))

    def verdicts(self, compared: pl.DataFrame, lost: pl.DataFrame) -> pl.DataFrame:
        """`partition` and `tables.VERDICTS` of those who lose to a document that has arrived by now; `rest` tells of the others.

        compared : the verdicts that followed from comparing texts, in the same arrival.
        """
        winners = self._winners.select("doc_id")
        self._replaced.append(compared.select("doc_id", "partner").join(winners, on="doc_id", how="semi"))
        self._deferred.append(lost.filter("later"))
        return self._told(lost.filter(~pl.col("later")))

    def rest(self) -> pl.DataFrame:
        """Verdicts over those who lose to a document of a later arrival, when all have arrived."""
        return self._told(pl.concat([pl.DataFrame(schema=LOSERS), *self._deferred]))

    def _told(self, lost: pl.DataFrame) -> pl.DataFrame:
        """Whoever loses to a document that was then dropped for another one names that one: it stands for their page."""
        known = pl.concat([pl.DataFrame(schema=_REPLACED), *self._replaced]).unique("doc_id")
        replaced = known.select(winner="doc_id", instead="partner")
        told = lost.join(replaced, on="winner", how="left", maintain_order="left")
        told = told.with_columns(rule=pl.lit(self._method.rule), partner=pl.coalesce("instead", "winner"))
        return told.select("partition", "doc_id", "rule", "action", "partner")

    def _newest(self, here: pl.DataFrame) -> None:
        """What arrived replaces what stood, but a page that did not change keeps its place."""
        here = here.unique(_KEY, keep="first", maintain_order=True)
        if self._winners.is_empty():
            self._winners = here
            return
        unchanged = here.join(self._winners, on=[*_KEY, "text_digest"], how="semi")
        changed = here.join(unchanged, on=_KEY, how="anti", maintain_order="left")
        self._winners = self._held(pl.concat([self._winners.join(changed, on=_KEY, how="anti", maintain_order="left"), changed]))

    def _held(self, winners: pl.DataFrame) -> pl.DataFrame:
        require(f"picking a version of {len(winners):,} URLs", len(winners) * _URL_BYTES, self._work.memory)
        return winners


def _judged(documents: pl.DataFrame) -> pl.Series:
    page, text = fingerprints(documents["page_id"]), fingerprints(documents["text_digest"])
    return pl.Series("judged", judged_before(page.to_numpy(), text.to_numpy()))


def _with_url(arrival: Arrival) -> pl.DataFrame:
    columns = (*_KEY, "doc_id", "partition", "page_id", "text_digest", "arrival")
    return arrival.documents.with_row_index("position").filter(pl.col("url_size") > 0).select("position", *columns)
