"""Methods that stand alone in their step: they judge a document against all that came before, or they take spans out of texts.

Here is the contract that `stage.py` builds nodes from and that a user's own method fulfils. The methods: `lines.py`,
`paragraphs.py`, `substring.py`, `minhash_bloom.py`, `bff.py`.
"""

from __future__ import annotations

from typing import Self

import polars as pl
from pydantic import Field

from data4llm_assets.deduped.deduplication import Deduplication
from data4llm_assets.deduped.tables import Scope
from data4llm_assets.method import Decide
from data4llm_assets.node import Bench, Expectation, Place, Ref, Trial, Verdict, Work


class Alone(Deduplication):
    """A method that judges the whole corpus by itself: `judge` is the corpus-wide node `duplicates` of its step."""

    def at(self, place: Place) -> Self:
        """This method where it stands in the recipe: one that counts in tokens takes the recipe's tokenizer along."""
        return self

    def judge(self, work: Work, signatures: Ref, scope: Scope) -> None:
        """Publish through `publication.Publication` what becomes of every document; metrics for `expectations` beside.

        Documents come from `arrivals.arrivals` in their total order, their texts from `arrivals.read_texts`. Anything that does
        not change when a snapshot is added should go through `work.remember`.
        """
        raise TypeError(f"{type(self).__name__} must define judge()")

    def trial(self, place: Place, document: pl.DataFrame, bench: Bench) -> Trial:
        """What it would say of one document (one row of `document.DOCUMENTS`) against what stands; nothing is written."""
        note = "judged with the whole corpus only: `data4llm decisions` shows what it did"
        return Trial((Verdict(self.label, None, None, None, "info", note),))

    def expectations(self) -> tuple[Expectation, ...]:
        """What must hold of this method's own metrics, beside what `checks.alone` asks of every method."""
        return ()


class Excising(Alone):
    """A method that publishes `spans`, which the step takes out of the texts, beside or instead of verdicts over documents."""

    min_words: Decide[int] = Field(
        1, ge=0, description="words that must be left of an edited document, or it is dropped (datatrove's sentences: 50)"
    )
