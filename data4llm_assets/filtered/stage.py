"""`filtered`: rules that drop documents and edits that clean them, in the order of the recipe.

Here: the section of the recipe, its union of methods, its one node. Not here: what a rule measures (a file each), how verdicts
follow (`rules`), how rules follow one another (`sift`).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

import polars as pl
from pydantic import Field, field_validator, model_serializer, model_validator

from data4llm_assets.document import DECISIONS, KEPT, OVERLAY
from data4llm_assets.filtered import checks, glossary
from data4llm_assets.filtered.anonymise import Email, PublicIp
from data4llm_assets.filtered.gopher_quality import GopherQuality
from data4llm_assets.filtered.gopher_repetition import GopherRepetition
from data4llm_assets.filtered.language import Language
from data4llm_assets.filtered.rules import Judge, apply_edit, failures, measure_now, rule_name
from data4llm_assets.filtered.sift import Sifted, Step, measured, sift
from data4llm_assets.filtered.tally import Tally
from data4llm_assets.method import Edit, Method, Parameters, Rule, import_method
from data4llm_assets.node import Bench, Node, Place, Ref, Section, StepName, Trial, Verdict, View, Work

METHODS: Mapping[str, type[Rule] | type[Edit]] = {
    "language": Language,
    "gopher_repetition": GopherRepetition,
    "gopher_quality": GopherQuality,
    "email": Email,
    "public_ip": PublicIp,
}
"""Built in; any other `method` is a user's own: `package.module:Class`, or an entry point."""


class Scope(Parameters):
    """Some documents: those that have one of the values under every key given."""

    domains: tuple[str, ...] = Field((), description="domains, as sources give them; empty: any")
    sources: tuple[str, ...] = Field((), description="sources, by their names in the recipe; empty: any")
    media_types: tuple[str, ...] = Field((), description="media types, such as text/html; empty: any")

    @model_validator(mode="after")
    def _says_something(self) -> Scope:
        if not (self.domains or self.sources or self.media_types):
            msg = "name domains, sources or media_types"
            raise ValueError(msg)
        return self

    def holds(self) -> pl.Expr:
        given = {"domain": self.domains, "source": self.sources, "media_type": self.media_types}
        return pl.all_horizontal(pl.col(column).is_in(values).fill_null(False) for column, values in given.items() if values)


class Entry(Parameters):
    """One rule of the recipe: `method` and its parameters, and beside them `name`, `only` and `except`."""

    rule: Method
    name: str | None = Field(None, pattern=r"^\w+$", description="in decisions and plans; the method's own if not given")
    only: Scope | None = Field(None, description="the rule looks at these documents alone")
    unless: Scope | None = Field(None, alias="except", description="the rule passes over these documents")

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, value: Any) -> Any:
        if isinstance(value, Method):
            return {"rule": value}
        if not isinstance(value, Mapping) or "rule" in value:
            return value
        own = {key: value[key] for key in ("name", "only", "except") if key in value}
        return {**own, "rule": chosen({key: each for key, each in value.items() if key not in own})}

    @field_validator("rule")
    @classmethod
    def _of_the_stage(cls, rule: Method) -> Method:
        if not isinstance(rule, (Rule, Edit)):
            msg = f"{rule.method!r} is neither a Rule nor an Edit"
            raise ValueError(msg)
        return rule

    @model_serializer(mode="plain")
    def _written(self) -> dict[str, Any]:
        """As the recipe has it."""
        own = {"name": self.name, "only": self.only, "except": self.unless}
        written = {key: value.model_dump(mode="json") if isinstance(value, Scope) else value for key, value in own.items() if value}
        return {"method": self.rule.method, **self.rule.parameters(), **written}

    def step(self) -> Step:
        scopes = [*([self.only.holds()] if self.only else []), *([~self.unless.holds()] if self.unless else [])]
        assert isinstance(self.rule, (Rule, Edit))
        return Step(self.name or rule_name(self.rule), self.rule, pl.all_horizontal(scopes) if scopes else None)


def chosen(value: Mapping[str, Any]) -> Method:
    """The rule or edit that a recipe's mapping names. Raises ValueError if there is none, ValidationError if it refuses."""
    method = str(value.get("method", ""))
    kind = METHODS.get(method)
    if kind is None and not method:
        msg = f"a rule needs a `method`: {', '.join(METHODS)}, or your own as package.module:Class"
        raise ValueError(msg)
    if kind is not None:
        return kind.model_validate(value)
    try:
        return import_method(method).model_validate(value)
    except ValueError as error:
        close = difflib.get_close_matches(method, METHODS, n=1, cutoff=0.6)
        if not close:
            raise
        msg = f"{error}; did you mean {close[0]!r}?"
        raise ValueError(msg) from error


class Filtered(Section):
    """The default is FineWeb's order: language, repetition, quality, then what is private is replaced."""

    stage: Literal["filtered"] = "filtered"
    name: StepName = "filtered"
    rules: tuple[Entry, ...] = Field(
        default_factory=lambda: tuple(Entry(rule=kind(method=name)) for name, kind in METHODS.items()),
        description="applied in order; each sees only what those before let through, edits included",
    )

    @model_validator(mode="after")
    def _names(self) -> Filtered:
        names = [step.name for step in self.steps()]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            msg = f"two rules are called {twice[0]!r}: give one of them another `name`"
            raise ValueError(msg)
        return self

    def steps(self) -> tuple[Step, ...]:
        return tuple(entry.step() for entry in self.rules)

    def nodes(self, place: Place) -> tuple[Node, ...]:
        written = {step.name: entry.model_dump(mode="json") for step, entry in zip(self.steps(), self.rules, strict=True)}
        return (
            Node(
                name=place.name,
                stage="filtered",
                function="filtered",
                version="1",
                grain="grid",
                make=partial(make, steps=self.steps()),
                description="Documents that pass the recipe's rules, why the others went, and the texts that were edited. Each "
                "rule looks only at what those before it let through; what was measured of a text is remembered.",
                tables=("kept", "decisions", "overlay"),
                schemas={"kept": KEPT, "decisions": DECISIONS, "overlay": OVERLAY},
                view=place.view,
                # keys of a JSON object have no order, rules do
                settings={"rules": written, "order": list(written)},
                methods=tuple(entry.rule for entry in self.rules),
                takes=place.view.kept,
                retention=place.retention,
                expectations=checks.filtered(),
                glossary=glossary.GLOSSARY,
                kinds=("polars", "parquet", "numba"),
            ),
        )

    def after(self, place: Place) -> View:
        return place.view.then(kept=Ref(place.name, "kept"), overlay=Ref(place.name, "overlay"))

    def trial(self, place: Place, document: pl.DataFrame, bench: Bench) -> Trial:
        """Every limit of every rule, also of those after one that drops the document, on the text as edited by then."""
        verdicts: list[Verdict] = []
        before = document["text"].item()
        for step in self.steps():
            if not document.select(step.applies()).item():
                verdicts.append(Verdict(step.name, None, None, None, "info", "does not look at this document"))
            elif isinstance(step.rule, Edit):
                document, rows = apply_edit(step.name, step.rule, document)
                count = float(rows["value"].sum())
                verdicts.append(Verdict(step.name, count, None, None, "edit" if count else "keep", "replacements" if count else ""))
            else:
                verdicts += judged(step, step.rule, document)
        text = document["text"].item()
        return Trial(tuple(verdicts), None if text == before else text)


def sanitization_rules(section: Filtered) -> tuple[Edit, ...]:
    """The edits of a recipe's section, in order: what steps that make new text apply to it (`rules.apply_edits`)."""
    return tuple(entry.rule for entry in section.rules if isinstance(entry.rule, Edit))


def make(work: Work, steps: tuple[Step, ...]) -> None:
    tally = Tally(steps)
    for batch in work.batches():
        # a document that a mixture repeats in several phases has a row for each
        documents = batch.unique("doc_id", keep="first", maintain_order=True)
        sifted = sift(documents, steps, work.measure)
        tally.add(documents, sifted, work.measure)
        write(work, batch, sifted)
    for name, frame in tally.frames().items():
        work.metric(name, frame)


def write(work: Work, batch: pl.DataFrame, sifted: Sifted) -> None:
    work.write("kept", sifted.kept(batch))
    work.write("decisions", sifted.decisions)
    work.write("overlay", sifted.overlay)


def judged(step: Step, rule: Rule, document: pl.DataFrame) -> list[Verdict]:
    """Each signal of one document against each of its limits."""
    signals = measured(step, document, measure_now)
    failed = {signal: reason or "" for signal, reason in failures(rule, signals).select("signal", "reason").iter_rows()}
    limits = {limit.signal: limit for limit in rule.limits()}
    found = []
    for signal, value in signals.row(0, named=True).items():
        limit = limits.get(signal)
        low, high = (limit.minimum, limit.maximum) if limit else (None, None)
        decides = low is not None or high is not None or (limit is None and isinstance(rule, Judge))
        action: Literal["drop", "keep", "info"] = "drop" if signal in failed else "keep" if decides else "info"
        found.append(Verdict(f"{step.name}.{signal}", value, low, high, action, failed.get(signal, "")))
    return found
