"""`selected`: the share of the corpus that resembles a target most.

Here: its section of the recipe and its three nodes. `relevance` measures features, `cutoff` weighs them over the whole corpus and
draws with one cutoff for all, `selected` takes each partition's verdicts. Not here: what a feature is (`dsir.py`).
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError

from data4llm_assets import document
from data4llm_assets.method import import_method
from data4llm_assets.node import Bench, Node, Place, Read, Ref, Section, StepName, Trial, Verdict, View
from data4llm_assets.selected import checks, draw, glossary
from data4llm_assets.selected.dsir import Dsir
from data4llm_assets.selected.selection import HISTOGRAM, NGRAMS, Selection

METHODS: dict[str, type[Selection]] = {"dsir": Dsir}


def chosen(value: Any) -> Any:
    """The method that a recipe's mapping names, built in or the user's own. Raises ValueError with the key at fault."""
    if not isinstance(value, dict) or "method" not in value:
        return value
    kind = METHODS.get(value["method"]) or import_method(value["method"])
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc'])) or kind.__name__}: {fault['msg']}" for fault in error.errors())
        raise ValueError("; ".join(faults)) from error


class Selected(Section):
    stage: Literal["selected"] = "selected"
    name: StepName = "selected"
    by: Annotated[SerializeAsAny[Selection], BeforeValidator(chosen)] = Field(description="the method that weighs documents")

    def nodes(self, place: Place) -> tuple[Node, ...]:
        by, view = self.by, place.view
        relevance, cutoff = place.sub("relevance"), place.sub("cutoff")
        return (
            Node(
                name=relevance,
                stage="selected",
                function="selected.relevance",
                version="1",
                grain="grid",
                make=partial(draw.measure, by=by),
                description="What selection compares: hashed words and pairs of words of every document, and how often each occurs "
                "in a domain.",
                tables=("ngrams", "histogram"),
                schemas={"ngrams": NGRAMS, "histogram": HISTOGRAM},
                view=view,
                # Not `methods`: a new cutoff must not read every text again.
                measures=(by,),
                expectations=checks.relevance(),
                glossary=glossary.RELEVANCE,
                kinds=("polars", "parquet", "numba"),
            ),
            Node(
                name=cutoff,
                stage="selected",
                function="selected.cutoff",
                version="1",
                grain="corpus",
                make=partial(draw.decide, by=by, seed=place.seed, measured=relevance),
                description="Which documents resemble the target most: a score for each, seeded noise, and one cutoff for the "
                "whole corpus.",
                tables=("verdicts", "cutoff"),
                schemas={"verdicts": draw.VERDICTS, "cutoff": draw.CUTOFF},
                reads=(Read(Ref(relevance, "ngrams"), "all"), Read(Ref(relevance, "histogram"), "all")),
                settings={"seed": place.seed},
                methods=(by,),
                expectations=checks.cutoff(),
                glossary=glossary.CUTOFF,
            ),
            Node(
                name=place.name,
                stage="selected",
                function="selected",
                version="1",
                grain="grid",
                make=partial(draw.select, by=by, cutoff=cutoff),
                description="Documents at or above the cutoff: those that resemble the target.",
                tables=("kept", "decisions"),
                schemas={"kept": document.KEPT, "decisions": document.DECISIONS},
                reads=(Read(Ref(cutoff, "verdicts"), "own"),),
                view=view,
                settings={"method": by.method, "min_words": by.min_words},
                takes=view.kept,
                retention=place.retention,
                expectations=checks.selected(),
                glossary=glossary.SELECTED,
            ),
        )

    def after(self, place: Place) -> View:
        return place.view.then(kept=Ref(place.name, "kept"))

    def trial(self, place: Place, document: pl.DataFrame, bench: Bench) -> Trial:
        found = self.by.ngrams(document.select("text_digest", "text"))
        words = found["words"].item()
        length = _verdict(f"{self.by.method}.words", words, self.by.min_words)
        histograms = [frame for _, frame in bench.read_all(Ref(place.sub("relevance"), "histogram"))]
        cutoffs = [frame for _, frame in bench.read_all(Ref(place.sub("cutoff"), "cutoff")) if frame.height]
        if not histograms or not cutoffs:
            return Trial((length, Verdict(f"{self.by.method}.relevance", None, None, None, "info", "the corpus was never weighed")))
        weights = self.by.weights(draw.total(histograms))
        rows = document.select("doc_id").hstack(found)
        judged = draw.keys(rows, self.by, weights, place.seed)
        score, key, cutoff = judged["score"].item(), judged["key"].item(), cutoffs[0]["cutoff"].item()
        if key is None or cutoff is None:
            return Trial((length,))
        note = f"score {score:.2f} nats a window, {key - score:+.2f} drawn noise"
        return Trial((length, _verdict(f"{self.by.method}.relevance", key, cutoff, note)))


def _verdict(rule: str, value: float, minimum: float, note: str = "") -> Verdict:
    return Verdict(rule, value, minimum, None, "drop" if value < minimum else "keep", note)
