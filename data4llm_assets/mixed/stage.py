"""`mixed`: a budget of tokens, shared over domains by weight, in one or several phases of training. An index, never text.

Here: its section of the recipe and its three nodes. `domain_tokens` counts, `mixture` allocates over the whole corpus, `mixed`
takes each partition's repeats.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

import polars as pl
from pydantic import Field, field_validator, model_validator

from data4llm_assets import document
from data4llm_assets.method import Decide, Parameters
from data4llm_assets.mixed import allocation, checks, glossary, tape
from data4llm_assets.mixed.allocation import MIXTURE, REPEATS, TOKENS, Plan
from data4llm_assets.mixed.quotas import exact, largest_remainder
from data4llm_assets.node import Bench, Node, Place, Read, Ref, Section, StepName, Trial, Verdict, View

EPOCHS = 4.0


def _sum_to_one(weights: dict[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    if any(weight < 0 for weight in weights.values()) or abs(total - 1.0) > 1e-6:
        msg = f"weights must not be negative and sum to 1, not {total:.9g}"
        raise ValueError(msg)
    return weights


class Phase(Parameters):
    """One phase of training, as in two-phase pretraining (Feng et al. 2024, arXiv 2412.15285)."""

    share: Decide[float] = Field(gt=0, le=1, description="share of the budget")
    weights: Decide[dict[str, float] | None] = Field(None, description="share of each domain; the section's weights if not given")

    @field_validator("weights")
    @classmethod
    def _weights(cls, weights: dict[str, float] | None) -> dict[str, float] | None:
        return None if weights is None else _sum_to_one(weights)


class Mixed(Section):
    stage: Literal["mixed"] = "mixed"
    name: StepName = "mixed"
    budget: Decide[int] = Field(ge=1, description="tokens to train on, repeats counted")
    weights: Decide[dict[str, float]] = Field(min_length=1, description="share of each domain; they sum to 1")
    max_epochs: Decide[float | dict[str, float]] = Field(
        EPOCHS,
        description="how often a domain may be repeated, for all or by domain (4 where not named: up to there repeated tokens were "
        "nearly as good as new ones, Muennighoff et al. 2023, arXiv 2305.16264)",
    )
    phases: Decide[tuple[Phase, ...]] = Field((), description="phases of training, in order; one if none is given")

    @field_validator("weights")
    @classmethod
    def _weights(cls, weights: dict[str, float]) -> dict[str, float]:
        return _sum_to_one(weights)

    @field_validator("max_epochs")
    @classmethod
    def _epochs(cls, epochs: float | dict[str, float]) -> float | dict[str, float]:
        if any(limit <= 0 for limit in (epochs.values() if isinstance(epochs, dict) else (epochs,))):
            msg = "max_epochs must be above 0; to leave a domain out, give it the weight 0"
            raise ValueError(msg)
        return epochs

    @model_validator(mode="after")
    def _shares(self) -> Mixed:
        if self.phases and abs(sum(phase.share for phase in self.phases) - 1.0) > 1e-6:
            msg = f"the shares of the phases must sum to 1, not {sum(phase.share for phase in self.phases):.9g}"
            raise ValueError(msg)
        return self

    def plan(self) -> Plan:
        """The budget of each phase in whole tokens, its weights, and the limits on epochs by domain."""
        phases = self.phases or (Phase(share=1.0),)
        shares = {f"{index:06}": exact(phase.share) for index, phase in enumerate(phases)}
        budgets = list(largest_remainder(self.budget, shares).values())
        epochs = {"": EPOCHS, **self.max_epochs} if isinstance(self.max_epochs, dict) else {"": self.max_epochs}
        return Plan(budgets, [phase.weights or self.weights for phase in phases], epochs)

    def nodes(self, place: Place) -> tuple[Node, ...]:
        view, plan = place.view, self.plan()
        counted, mixture = place.sub("domain_tokens"), place.sub("mixture")
        keys = self.model_dump(mode="json", exclude={"stage", "name"})
        return (
            Node(
                name=counted,
                stage="mixed",
                function="mixed.domain_tokens",
                version="1",
                grain="grid",
                make=partial(allocation.count, tokenizer=place.tokenizer),
                description="How long every document is, in tokens of the model to be trained.",
                tables=("tokens",),
                schemas={"tokens": TOKENS},
                view=view,
                measures=(place.tokenizer,),
                expectations=checks.domain_tokens(),
                glossary=glossary.DOMAIN_TOKENS,
                kinds=("polars", "parquet", "huggingface"),
            ),
            Node(
                name=mixture,
                stage="mixed",
                function="mixed.mixture",
                version="1",
                grain="corpus",
                make=partial(allocation.mix, plan=plan, seed=place.seed, counted=counted),
                description="What each domain gives to training: the budget of tokens shared by weight over domains and phases, "
                "within the limits on epochs, and each document's repeats.",
                tables=("repeats", "mixture"),
                schemas={"repeats": REPEATS, "mixture": MIXTURE},
                reads=(Read(Ref(counted, "tokens"), "all"),),
                settings={**keys, "seed": place.seed},
                expectations=checks.mixture(),
                glossary=glossary.MIXTURE,
            ),
            Node(
                name=place.name,
                stage="mixed",
                function="mixed",
                version="1",
                grain="grid",
                make=partial(allocation.apply, mixture=mixture, counted=counted, weighted=plan.weighted()),
                description="Documents to train on: how often each is seen, and in which phase of training.",
                tables=("kept", "decisions"),
                schemas={"kept": document.MIXED, "decisions": document.DECISIONS},
                reads=(Read(Ref(mixture, "repeats"), "own"), Read(Ref(counted, "tokens"))),
                view=view,
                settings={"weighted": sorted(plan.weighted())},
                takes=view.kept,
                retention=place.retention,
                expectations=checks.mixed(plan.max_epochs.values(), len(plan.budgets)),
                glossary=glossary.MIXED,
            ),
        )

    def after(self, place: Place) -> View:
        return place.view.then(kept=Ref(place.name, "kept"))

    def trial(self, place: Place, document: pl.DataFrame, bench: Bench) -> Trial:
        _, lengths = bench.model(place.tokenizer).encode_batch(document["text"].to_list())
        domain = document["domain"].item()
        size = Verdict("mixed.tokens", float(lengths[0]), None, None, "info", f"domain {domain}")
        tables = [frame for _, frame in bench.read_all(Ref(place.sub("mixture"), "mixture"))]
        stretches = pl.concat(tables).filter(domain=domain).sort("phase") if tables else pl.DataFrame(schema=MIXTURE)
        if not stretches.height:
            return Trial((size, Verdict("mixed.budget", None, None, None, "info", "the corpus has no mixture for this domain yet")))
        standing = pl.DataFrame([allocation.places(document["doc_id"], place.seed)])
        seen = []
        for row in stretches.iter_rows(named=True):
            begin, end = tape.Cut(row["begin_epoch"], row["begin_place"]), tape.Cut(row["end_epoch"], row["end_place"])
            seen.append(int(standing.select(tape.copies(begin, end)).item()))
        note = ", ".join(f"{times} times in phase {phase}" for phase, times in enumerate(seen))
        return Trial((size, Verdict("mixed.budget", float(sum(seen)), 1.0, None, "keep" if sum(seen) else "drop", note)))
