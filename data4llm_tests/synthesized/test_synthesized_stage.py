from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Literal

import polars as pl
import pytest
from pydantic import TypeAdapter, ValidationError

from data4llm_assets.document import DECISIONS, DOCUMENTS, KEPT, MIXED, SPAN, conform, text_digest
from data4llm_assets.method import Edit, Method
from data4llm_assets.models.language_model import Completion, LanguageModelMethod, Message, ModelIdentity, ModelRefused, Sampling
from data4llm_assets.node import QUALITIES, Partition, Place, Ref, View
from data4llm_assets.synthesized.rephrase import Rephrase
from data4llm_assets.synthesized.stage import Synthesized
from data4llm_assets.synthesized.synthesis import Synthesis

PASSAGE = (
    "The Harrow Bridge number {} opened in 1893 and carries 4,200 vehicles a day. It was closed for repairs last spring, after "
    "inspectors found rust in two of its arches. The repairs cost $3.1 million, and the bridge reopened in August."
)


class Scripted:
    """Says the passage again in another order; breaks what the script says."""

    concurrency = 1

    def __init__(self, breaks: Callable[[str], str] = str) -> None:
        self.breaks = breaks
        self.asked: list[str] = []

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        passage = messages[-1].content
        self.asked.append(passage)
        number = passage.split("number ")[1].split()[0]
        text = (
            f"Question: What of the Harrow Bridge number {number}?\nAnswer: Opened in 1893, it is crossed by 4,200 vehicles "
            "each day. Inspectors discovered rust in two arches, so it closed last spring; repairs of $3.1 million let it "
            "reopen by August."
        )
        return Completion(self.breaks(text), "stop", 100, 50)


class ScriptedMethod(LanguageModelMethod):
    method: Literal["scripted"] = "scripted"

    def identify(self) -> ModelIdentity:
        return ModelIdentity("scripted", "d1")


class Masked(Edit):
    method: Literal["masked"] = "masked"

    def edits(self, documents: pl.DataFrame) -> pl.DataFrame:
        changed = documents.filter(pl.col("text").str.contains("Harrow"))
        text = pl.col("text").str.replace("Harrow", "Hidden")
        return changed.select("doc_id", text=text, spans=pl.lit([{"start": 0, "end": 6, "type": "name"}], dtype=pl.List(SPAN)))


class Own(Synthesis):
    """What a user may bring."""

    loaded: ClassVar[bool] = True
    method: str


class Bench:
    """Just enough of `node.Work` for one partition, with measures remembered by key."""

    def __init__(self, documents: pl.DataFrame, model: Scripted, memory: dict[str, tuple[Any, ...]] | None = None) -> None:
        self.partition = Partition("web-0|2025-01", "web", "web-0", "2025-01")
        self.documents, self._model = documents, model
        self.known = {} if memory is None else memory
        self.tables: dict[str, pl.DataFrame] = {}
        self.metrics: dict[str, pl.DataFrame] = {}
        self.counters: dict[str, int] = {}

    def batches(self) -> Iterator[pl.DataFrame]:
        yield from (batch.drop("text") for batch in self.documents.iter_slices(7))

    def texts(self, partition: Partition, doc_ids: pl.Series) -> pl.DataFrame:
        assert partition == self.partition
        return self.documents.filter(pl.col("doc_id").is_in(doc_ids.implode())).select("doc_id", "text").unique("doc_id")

    def measure(
        self, method: Method, documents: pl.DataFrame, compute: Callable[[pl.DataFrame], pl.DataFrame], *, of: str = "text_digest"
    ) -> pl.DataFrame:
        unknown = documents.filter(~pl.col(of).is_in(list(self.known))).unique(of, keep="first", maintain_order=True)
        values = compute(unknown)
        self.known.update(zip(unknown[of], values.rows(), strict=True))
        return pl.DataFrame([self.known[key] for key in documents[of]], schema=values.schema, orient="row")

    def model(self, method: Method) -> Scripted:
        return self._model

    def write(self, table: str, frame: pl.DataFrame) -> None:
        self.tables[table] = pl.concat([self.tables[table], frame]) if table in self.tables else frame

    def count(self, name: str, amount: int) -> None:
        self.counters[name] = self.counters.get(name, 0) + amount

    def metric(self, frame: str, rows: pl.DataFrame) -> None:
        self.metrics[frame] = rows


def incoming(count: int, *, mixed: bool = True, domain: str = "web") -> pl.DataFrame:
    texts = [PASSAGE.format(number) for number in range(count)]
    frame = pl.DataFrame(
        {"doc_id": [f"{number:032x}" for number in range(count)], "text": texts}, schema_overrides={"text": pl.String}
    )
    frame = frame.with_columns(
        page_id=pl.concat_str(pl.lit("page"), "doc_id"),
        source=pl.lit("web"),
        domain=pl.lit(domain),
        snapshot=pl.lit("2025-01"),
        license=pl.lit("CC0-1.0"),
        language=pl.lit("en"),
        text_digest=pl.Series([text_digest(text) for text in texts], dtype=pl.String),
        bytes=pl.col("text").str.len_bytes().cast(pl.Int64),
    )
    frame = conform(frame, DOCUMENTS)
    return frame.with_columns(repeats=pl.lit(2, pl.Int64), phase=pl.lit(1, pl.Int64)) if mixed else frame


def place(*guards: Method, name: str = "synthesized") -> Place:
    view = View((Ref("extracted_text", "documents"),), (), Ref("mixed", "kept"))
    return Place(name=name, view=view, seed=5, sources={}, retention={}, guards=guards)


def section(**keys: Any) -> Synthesized:
    rephrase = Rephrase(rate=1.0, **{"passage_words": 60, "max_documents": None, **keys.pop("rephrase", {})})
    return Synthesized(methods=(rephrase,), model=ScriptedMethod(), **keys)


def run(bench: Bench, what: Synthesized, *guards: Method) -> dict[str, pl.DataFrame]:
    (node,) = what.nodes(place(*guards))
    node.make(bench)  # type: ignore[arg-type]
    for table, schema in node.schemas.items():
        assert bench.tables[table].schema == schema
    return bench.tables


def test_what_came_in_passes_unchanged_and_the_new_stand_beside_once() -> None:
    documents = incoming(10)
    tables = run(Bench(documents, Scripted()), section())
    kept, made = tables["kept"], tables["documents"]
    assert kept.head(10).equals(documents.select(MIXED.names()))
    assert made.height == 10
    assert kept.tail(10).equals(made.select(*KEPT.names(), repeats=pl.lit(1, pl.Int64), phase=pl.lit(0, pl.Int64)))
    assert tables["decisions"].is_empty()
    assert made["license"].unique().to_list() == ["CC0-1.0"]
    assert set(made["doc_id"]).isdisjoint(documents["doc_id"])


def test_before_any_mixing_every_document_is_seen_once() -> None:
    tables = run(Bench(incoming(3, mixed=False), Scripted()), section())
    assert tables["kept"].select("repeats", "phase").unique().rows() == [(1, 0)]


def test_a_second_run_makes_no_call_and_the_same_tables() -> None:
    memory: dict[str, tuple[Any, ...]] = {}
    first, again = Bench(incoming(40), Scripted(), memory), Bench(incoming(40), Scripted(), memory)
    tables = run(first, section())
    assert first.counters["model_calls"] == 40
    assert all(again_table.equals(tables[name]) for name, again_table in run(again, section()).items())
    assert again.counters["model_calls"] == 0
    assert run(Bench(incoming(40), Scripted(), memory), section(rephrase={"gates": {"copied": 0.9}}))["documents"].height == 40


def test_raising_the_rate_asks_only_about_the_newly_chosen() -> None:
    memory: dict[str, tuple[Any, ...]] = {}
    run(Bench(incoming(30), Scripted(), memory), section(rephrase={"max_documents": 10}))
    more = Bench(incoming(30), Scripted(), memory)
    run(more, section(rephrase={"max_documents": 25}))
    assert more.counters["model_calls"] == 15


def test_the_result_does_not_depend_on_the_order_of_the_documents() -> None:
    forwards = run(Bench(incoming(12), Scripted()), section(share=0.3))
    backwards = run(Bench(incoming(12).reverse(), Scripted()), section(share=0.3))
    assert forwards["documents"].equals(backwards["documents"])
    assert forwards["decisions"].equals(backwards["decisions"])


def test_rejected_answers_are_not_kept_and_each_has_a_decision_with_its_reason() -> None:
    bench = Bench(incoming(10), Scripted(lambda text: text.replace("4,200", "4,300") if "number 3?" in text else text))
    tables = run(bench, section())
    (decision,) = tables["decisions"].to_dicts()
    assert (decision["rule"], decision["action"], decision["value"], decision["threshold"]) == (
        "synthesized.numbers",
        "drop",
        1.0,
        0.0,
    )
    assert decision["doc_id"] in tables["documents"]["doc_id"].to_list()
    assert decision["doc_id"] not in tables["kept"]["doc_id"].to_list()
    assert tables["kept"].height == 19
    assert bench.metrics["rejections"].rows() == [("synthesized.numbers", 1)]


def test_a_call_the_model_refuses_costs_one_document_only() -> None:
    class Refusing(Scripted):
        def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
            if "number 3 " in messages[-1].content:
                raise ModelRefused("too long")
            return super().complete(messages, sampling)

    bench = Bench(incoming(10), Refusing())
    tables = run(bench, section())
    assert tables["decisions"].select("rule").rows() == [("synthesized.refused",)]
    assert bench.metrics["partition"]["unanswered_share"].to_list() == [0.1]


def test_the_share_of_synthetic_bytes_is_held() -> None:
    bench = Bench(incoming(20, mixed=False), Scripted())
    tables = run(bench, section(share=0.2))
    total = int(tables["kept"]["bytes"].sum())
    synthetic = int(tables["kept"].join(tables["documents"], on="doc_id", how="semi")["bytes"].sum())
    assert 0.12 < synthetic / total <= 0.2
    assert bench.metrics["partition"]["share"].to_list() == [synthetic / total]
    assert tables["decisions"]["rule"].unique().to_list() == ["synthesized.share"]


def test_new_text_passes_the_privacy_edits_before_it_is_published() -> None:
    tables = run(Bench(incoming(4), Scripted()), section(), Masked())
    assert not tables["documents"]["text"].str.contains("Harrow").any()
    assert tables["documents"]["text_digest"].to_list() == [text_digest(text) for text in tables["documents"]["text"]]
    assert tables["decisions"].select("rule", "action").unique().rows() == [("masked", "edit")]
    assert tables["decisions"].schema == DECISIONS


def test_code_is_not_rephrased_unless_asked_for_nor_what_a_model_wrote() -> None:
    model = Scripted()
    assert run(Bench(incoming(3, domain="code"), model), section())["documents"].is_empty()
    assert run(Bench(incoming(3), model), section(only=("books",)))["documents"].is_empty()
    assert model.asked == []
    assert run(Bench(incoming(3, domain="code"), model), section(except_=()))["documents"].height == 3
    once = run(Bench(incoming(3), Scripted()), section())["documents"]
    twice = Bench(pl.concat([incoming(3, mixed=False), once]), Scripted())
    assert run(twice, section(share=0.9))["documents"].is_empty()
    assert twice.metrics["partition"]["synthetic_bytes"].to_list() == [once["bytes"].sum()]


def test_an_empty_partition_and_a_step_without_methods_pass() -> None:
    empty = Bench(incoming(0), Scripted())
    assert run(empty, section())["kept"].is_empty()
    assert empty.metrics["partition"]["share"].to_list() == [None]
    assert run(Bench(incoming(3), Scripted()), Synthesized(methods=()))["kept"].height == 3
    assert Synthesized(methods=()).nodes(place())[0].methods == ()


def test_the_totals_speak_of_what_was_published() -> None:
    bench = Bench(incoming(60), Scripted())
    run(bench, section(share=0.9))
    totals = bench.metrics["partition"].row(0, named=True)
    assert (totals["chosen"], totals["generated"], totals["accepted"], totals["accept_rate"]) == (60, 60, 60, 1.0)
    assert (totals["orphans"], totals["relicensed"], totals["empty"], totals["silent_styles"]) == (0, 0, 0, 0)
    assert totals["least_distinct_ngrams"] > 0.9
    assert bench.metrics["styles"]["accepted"].sum() == 60


def test_every_quality_is_guarded() -> None:
    (node,) = section(share=0.25).nodes(place())
    assert {expectation.quality for expectation in node.expectations} == set(QUALITIES)
    (cap,) = [expectation for expectation in node.expectations if expectation.arguments["column"] == "share"]
    assert cap.arguments["max_value"] == 0.25
    bench = Bench(incoming(60), Scripted())
    run(bench, section())
    assert {expectation.arguments["column"] for expectation in node.expectations} <= set(bench.metrics["partition"].columns)


def test_what_follows_sees_the_new_documents() -> None:
    view = section().after(place())
    assert view.kept == Ref("synthesized", "kept")
    assert view.texts == (Ref("extracted_text", "documents"), Ref("synthesized", "documents"))


def test_a_trial_says_whether_a_document_would_be_chosen_and_how() -> None:
    def note(what: Synthesized, document: pl.DataFrame) -> str:
        (verdict,) = what.trial(place(), document, bench=None).verdicts  # type: ignore[arg-type]
        assert verdict.action == "info"
        return verdict.note

    assert note(section(rephrase={"styles": ("simple",)}), incoming(1)) == "chosen, in the style simple; not generated here"
    assert note(section(rephrase={"least_words": 500}), incoming(1)) == "chosen, but no passage of it suits"
    assert note(section(), incoming(1, domain="code")) == "not chosen: nothing is written from the domain code"
    assert note(section(rephrase={"languages": ("de",)}), incoming(1)) == "not chosen: by its hash, or its language"


def recipe(**keys: Any) -> Synthesized:
    return TypeAdapter(Synthesized).validate_python({"stage": "synthesized", **keys})


def test_the_recipe_names_methods_and_models_its_own_or_a_users() -> None:
    ours = recipe(
        methods=[{"method": "rephrase", "rate": 0.5, "gates": {"copied": 0.7}}], model={"method": "smollm2"}, **{"except": []}
    )
    assert ours.methods == (Rephrase(rate=0.5, gates={"copied": 0.7}),)
    assert ours.except_ == ()
    theirs = recipe(methods=[{"method": f"{__name__}:Own", "rate": 0.5}])
    assert isinstance(theirs.methods[0], Own)
    assert theirs.model_dump()["methods"][0]["rate"] == 0.5


@pytest.mark.parametrize(
    ("keys", "where", "said"),
    [
        ({"methods": [{"method": "rephrse"}]}, ("methods", 0), "rephrase"),
        ({"methods": [{"rate": 0.5}]}, ("methods", 0), "needs a `method`"),
        ({"methods": [{"method": "rephrase", "rat": 0.5}]}, ("methods", 0, "rat"), "Extra inputs"),
        (
            {"methods": [{"method": "rephrase", "gates": {"copied": 2}}]},
            ("methods", 0, "gates", "copied"),
            "less than or equal to 1",
        ),
        ({"model": {"method": "openai_compatible"}}, ("model", "base_url"), "required"),
        ({"model": {"method": f"{__name__}:Own"}}, ("model",), "instance of LanguageModelMethod"),
        ({"share": 1.0}, ("share",), "less than 1"),
    ],
)
def test_a_mistake_in_the_recipe_is_found_where_it_stands(keys: dict[str, Any], where: tuple[Any, ...], said: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        recipe(**keys)
    assert any(error["loc"] == where and said in error["msg"] for error in refusal.value.errors())


def test_importing_the_stage_loads_no_runtime() -> None:
    code = (
        "import sys, data4llm_assets.synthesized.stage; "
        "print([name for name in ('xllamacpp', 'urllib.request', 'numba', 'dagster', 'great_expectations') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert done.stdout.strip() == "[]"
