"""The stage `synthesized`: a language model writes new documents from kept ones; each is held against gates before it counts.

Here: the stage's section of the recipe and its node. Not here: what is asked (`rephrase.py`), what passes (`gates.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import BeforeValidator, ConfigDict, Field, SerializeAsAny

from data4llm_assets.document import DECISIONS, DOCUMENTS, KEPT, MIXED, conform, unit_hash
from data4llm_assets.method import Edit, Method, Rule, import_method
from data4llm_assets.models.language_model import LanguageModelMethod, Message, complete_all
from data4llm_assets.models.openai_compatible import OpenAICompatible
from data4llm_assets.models.smollm2 import SmolLM2
from data4llm_assets.node import Bench, Node, Partition, Place, Ref, Section, StepName, Trial, Verdict, View, Work
from data4llm_assets.synthesized import glossary
from data4llm_assets.synthesized.checks import expectations
from data4llm_assets.synthesized.publication import ANSWERS, PARENT, documents, edited, named, refusals
from data4llm_assets.synthesized.rephrase import Rephrase
from data4llm_assets.synthesized.synthesis import Synthesis, call_digests, choose, synthetic
from data4llm_assets.synthesized.tally import styles, totals

_COMPLETION = pl.Schema({"text": pl.String, "finish_reason": pl.String, "prompt_tokens": pl.Int64, "completion_tokens": pl.Int64})
_BYTES_PER_TOKEN = 4
_STANDING = pl.Schema({**MIXED, "language": pl.String(), "in_scope": pl.Boolean(), "synthetic": pl.Boolean()})
"""Who came in, one row per phase, and whether a document may be written from."""
_METHODS: Mapping[str, type[Method]] = {"rephrase": Rephrase}
_MODELS: Mapping[str, type[Method]] = {"smollm2": SmolLM2, "openai_compatible": OpenAICompatible}


def _one_of(what: str, known: Mapping[str, type[Method]]) -> BeforeValidator:
    """Builds the method that a recipe's mapping names: one of `known`, or a user's own."""

    def build(entry: Any) -> Any:
        if not isinstance(entry, Mapping):
            return entry
        name = str(entry.get("method", ""))
        if name in known:
            return known[name].model_validate(entry)
        try:
            own = import_method(name)
        except ValueError as error:
            if ":" in name:
                raise
            msg = f"{what} needs a `method`: {', '.join(known)}, or your own as package.module:Class; {name!r} is none of them"
            raise ValueError(msg) from error
        return own.model_validate(entry)

    return BeforeValidator(build)


AnySynthesis = Annotated[SerializeAsAny[Synthesis], _one_of("synthesized", _METHODS)]
AnyModel = Annotated[SerializeAsAny[LanguageModelMethod], _one_of("a model", _MODELS)]


class Synthesized(Section):
    """New documents by a language model, beside the ones that come in."""

    model_config = ConfigDict(populate_by_name=True)

    stage: Literal["synthesized"] = "synthesized"
    name: StepName = "synthesized"
    methods: tuple[AnySynthesis, ...] = Field((Rephrase(),), description="what to write; each chooses its documents")
    model: AnyModel = Field(SmolLM2(), description="who writes")
    share: float = Field(
        0.5, ge=0, lt=1, description="most of a partition's bytes, repeats counted, that may be synthetic: WRAP's 1:1"
    )
    only: tuple[str, ...] | None = Field(None, description="domains to write from; null for all")
    except_: tuple[str, ...] = Field(("code",), alias="except", description="domains not to write from")

    def nodes(self, place: Place) -> tuple[Node, ...]:
        strange = [guard.method for guard in place.guards if not isinstance(guard, Edit | Rule)]
        if strange:
            msg = f"synthesized cannot apply {strange} to new text: only rules and edits"
            raise TypeError(msg)
        asks = bool(self.methods)
        return (
            Node(
                name=place.name,
                stage="synthesized",
                function="synthesized.write",
                version="1",
                grain="grid",
                make=lambda work: _write(work, self, place),
                description="Documents that a language model wrote from kept ones, beside those that came in. Each is held against "
                "gates and the recipe's sanitization rules before it counts.",
                tables=("kept", "documents", "decisions"),
                schemas={"kept": MIXED, "documents": DOCUMENTS, "decisions": DECISIONS},
                view=place.view,
                settings={"share": self.share, "only": self.only, "except": self.except_, "seed": place.seed},
                methods=(*self.methods, self.model, *place.guards) if asks else (),
                takes=place.view.kept,
                retention=place.retention,
                expectations=expectations(self.share),
                glossary=glossary.GLOSSARY,
                calls=partial(self._calls, place) if asks else None,
                kinds=("polars", "parquet", "llm"),
            ),
        )

    def after(self, place: Place) -> View:
        return place.view.then(kept=Ref(place.name, "kept"), text=Ref(place.name, "documents"))

    def trial(self, place: Place, document: pl.DataFrame, bench: Bench) -> Trial:
        ids = document["doc_id"].to_list()
        verdicts = []
        for method in self.methods:
            unlimited = method.model_copy(update={"max_documents": None})
            if not document.filter(self.in_scope()).height:
                note = f"not chosen: nothing is written from the domain {document['domain'][0]}"
            elif not choose(document, unlimited, place.seed).height:
                note = "not chosen: by its hash, or its language"
            else:
                calls = method.calls(document.select("doc_id", "text"), place.seed)
                styles = ", ".join(calls["style"].unique(maintain_order=True))
                note = f"chosen, in the style {styles}; not generated here" if styles else "chosen, but no passage of it suits"
            draw = unit_hash(place.seed, f"{method.method}.choose", ids)[0]
            verdicts.append(Verdict(f"{method.method}.rate", draw, None, method.rate, "info", note))
        return Trial(tuple(verdicts))

    def _calls(self, place: Place, partition: Partition, documents: float) -> float:
        domain = place.sources[partition.source].domain
        if domain in self.except_ or (self.only is not None and domain not in self.only):
            return 0.0
        return sum(method.calls_at_most(documents) for method in self.methods)

    def in_scope(self) -> pl.Expr:
        inside = pl.lit(True) if self.only is None else pl.col("domain").is_in(self.only)
        # What a model wrote is not written from again: its errors would add up.
        return inside & ~pl.col("domain").is_in(self.except_) & ~synthetic()


def _write(work: Work, section: Synthesized, place: Place) -> None:
    standing = pl.concat([pl.DataFrame(schema=_STANDING), *(_standing(batch, section) for batch in work.batches())])
    people, model = _bytes(standing)
    allowed = max(0.0, section.share / (1 - section.share) * people - model)
    scope = standing.filter("in_scope").unique("doc_id", keep="first", maintain_order=True)
    chosen = [choose(scope, method, place.seed)["doc_id"] for method in section.methods]
    parents = _parents(work, pl.concat([pl.Series([], dtype=pl.String), *chosen]).unique())
    by_choice = [ids.to_frame().join(parents, on="doc_id", how="inner", maintain_order="left") for ids in chosen]
    asked = zip(section.methods, by_choice, strict=True)
    frames = [_answers(work, section.model, method, place.seed, above) for method, above in asked if above.height]
    answers = pl.concat([pl.DataFrame(schema=ANSWERS), *frames]).unique("doc_id", keep="first", maintain_order=True)
    # A second step of this kind may make what the first one made.
    answers = answers.join(standing, on="doc_id", how="anti", maintain_order="left")
    answers, edits = edited(answers, place.guards)
    drops = refusals(answers, place.guards, allowed)
    made = documents(answers)
    staying = made.join(drops, on="doc_id", how="anti", maintain_order="left")
    added = staying.select(*KEPT.names(), repeats=pl.lit(1), phase=pl.lit(0))
    work.write("kept", pl.concat([conform(standing, MIXED), conform(added, MIXED)]))
    work.write("documents", made)
    work.write("decisions", pl.concat([edits, drops]))
    work.metric("partition", totals(answers, staying, parents, section.methods, people, model))
    work.metric("styles", styles(answers, drops))
    work.metric("rejections", drops.group_by(pl.col("rule")).agg(documents=pl.len().cast(pl.Int64)).sort("rule"))


def _standing(batch: pl.DataFrame, section: Synthesized) -> pl.DataFrame:
    """`_STANDING` of a batch. Before any mixing, every document is seen once, in the first phase."""
    absent = {name: pl.lit(value) for name, value in (("repeats", 1), ("phase", 0)) if name not in batch.columns}
    return conform(batch.with_columns(**absent, in_scope=section.in_scope(), synthetic=synthetic()), _STANDING)


def _bytes(standing: pl.DataFrame) -> tuple[int, int]:
    """(bytes that people wrote, bytes that a model wrote) as they will be trained on."""
    size = pl.col("bytes") * pl.col("repeats")
    people, model = standing.select(people=size.filter(~pl.col("synthetic")).sum(), model=size.filter("synthetic").sum()).row(0)
    return int(people), int(model)


def _parents(work: Work, doc_ids: pl.Series) -> pl.DataFrame:
    """The chosen documents with their text, each once; only these are held in memory."""
    columns = {name: DOCUMENTS[name] for name in ("doc_id", *PARENT, "text_digest")}
    batches = work.batches() if doc_ids.len() else iter(())
    found = (batch.filter(pl.col("doc_id").is_in(doc_ids.implode())).select(*columns) for batch in batches)
    once = pl.concat([pl.DataFrame(schema=columns), *found]).unique("doc_id", keep="first", maintain_order=True)
    return once.join(work.texts(work.partition, once["doc_id"]), on="doc_id", how="left", maintain_order="left")


def _answers(work: Work, model: LanguageModelMethod, method: Synthesis, seed: int, parents: pl.DataFrame) -> pl.DataFrame:
    """`ANSWERS` of one method about the documents it chose, in the order of choice."""
    identity = model.identify()
    calls = method.calls(parents.select("doc_id", "text"), seed)
    asked = named(calls.with_columns(call_digests(calls, method, identity)), parents, method, identity)

    def ask(unknown: pl.DataFrame) -> pl.DataFrame:
        conversations = [[Message(**message) for message in messages] for messages in unknown["messages"].to_list()]
        completions = complete_all(work.model(model), conversations, method.sampling) if conversations else []
        work.count("model_calls", len(completions))
        questions = ("".join(message.content for message in messages) for messages in conversations)
        asked = (each.prompt_tokens or _about(text) for each, text in zip(completions, questions, strict=True))
        work.count("prompt_tokens", sum(asked))
        work.count("completion_tokens", sum(each.completion_tokens or _about(each.text) for each in completions))
        return pl.DataFrame(completions, schema=_COMPLETION, orient="row")

    # The model measures, not the method: what was asked and answered stays known when the choice or the gates change.
    told = [work.measure(model, batch, ask, of="call") for batch in asked.select("call", "messages").iter_slices(model.batch())]
    answers = pl.concat([asked, pl.concat([pl.DataFrame(schema=_COMPLETION), *told])], how="horizontal")
    return conform(pl.concat([answers.drop("text"), method.judge(answers)], how="horizontal"), ANSWERS)


def _about(text: str) -> int:
    """Tokens of a text where a server reports none: a budget must not take them for nothing."""
    return -(-len(text.encode()) // _BYTES_PER_TOKEN)
