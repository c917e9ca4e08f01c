from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, cast

import polars as pl
import pytest
from pydantic import ValidationError

from data4llm_assets.document import DECISIONS, DOCUMENTS, KEPT, MIXED, OVERLAY, conform, text_digest
from data4llm_assets.engine.accounts import account
from data4llm_assets.filtered.stage import Filtered, sanitization_rules
from data4llm_assets.method import Edit, Limit, Measure, Method, Rule
from data4llm_assets.node import Bench, Place, Ref, View, Work

PLACE = Place("filtered", View((Ref("extracted_text", "documents"),), (), Ref("deduped", "kept")), 0, {}, {})
BENCH = cast(Bench, None)
PROSE = "It was the best of times, and it was the worst of times that we have had with this method. "


class Shouting(Rule):
    """A user's rule: too many capitals."""

    method: str
    letters: Measure[str] = "A-Z"
    most: float = 0.5

    def signals(self, documents: pl.DataFrame) -> pl.DataFrame:
        text = pl.col("text").str
        return documents.select(capitals=text.count_matches(f"[{self.letters}]") / text.len_chars())

    def limits(self) -> tuple[Limit, ...]:
        return (Limit(signal="capitals", maximum=self.most),)


class Whisper(Edit):
    """A user's edit: everything in small letters."""

    method: str

    def edits(self, documents: pl.DataFrame) -> pl.DataFrame:
        lower = documents.with_columns(before="text", text=pl.col("text").str.to_lowercase())
        span = pl.struct(start=pl.lit(0, pl.Int64), end=pl.col("text").str.len_chars().cast(pl.Int64), type=pl.lit("case"))
        return lower.filter(pl.col("text") != pl.col("before")).select("doc_id", "text", spans=pl.concat_list(span))


class Losing(Shouting):
    """A faulty rule."""

    def signals(self, documents: pl.DataFrame) -> pl.DataFrame:
        return super().signals(documents).clear()


class Lost(Method):
    """Neither a rule nor an edit."""

    version: ClassVar[str] = "1"


SHOUTING = {"method": f"{__name__}:Shouting"}


class Desk:
    """A `Work` that keeps what is written, and remembers what was measured."""

    def __init__(self, *batches: pl.DataFrame) -> None:
        self._batches = batches
        self.tables: dict[str, list[pl.DataFrame]] = {}
        self.metrics: dict[str, pl.DataFrame] = {}
        self.measured: dict[str, list[str]] = {}
        self._known: dict[str, pl.DataFrame] = {}

    def batches(self) -> Iterator[pl.DataFrame]:
        for batch in self._batches:
            self._texts = batch.select("doc_id", stored="text").unique("doc_id")
            yield batch.drop("text")

    def measure(self, method: Method, documents: pl.DataFrame, compute: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
        known = self._known.get(method.method)
        new = documents if known is None else documents.join(known, on="text_digest", how="anti", maintain_order="left")
        new = new.unique("text_digest", maintain_order=True).join(self._texts, on="doc_id", how="left", maintain_order="left")
        new = new.select("text_digest", pl.coalesce("text", "stored"))
        self.measured.setdefault(method.method, []).extend(new["text"].to_list())
        values = new.select("text_digest").hstack(compute(new))
        self._known[method.method] = values if known is None else pl.concat([known, values])
        return (
            documents.select("text_digest")
            .join(self._known[method.method], on="text_digest", maintain_order="left")
            .drop("text_digest")
        )

    def write(self, table: str, frame: pl.DataFrame) -> None:
        self.tables.setdefault(table, []).append(frame)

    def metric(self, frame: str, rows: pl.DataFrame) -> None:
        self.metrics[frame] = rows

    def table(self, name: str) -> pl.DataFrame:
        return pl.concat(self.tables[name])


def documents(*texts: str, domain: str = "web", **columns: Any) -> pl.DataFrame:
    frame = pl.DataFrame({"doc_id": [f"{domain}{row}" for row in range(len(texts))], "text": texts, "domain": domain})
    digests = [text_digest(text) for text in texts]
    full = conform(
        frame.with_columns(text_digest=pl.Series(digests), bytes=pl.col("text").str.len_bytes(), source=pl.lit("s")), DOCUMENTS
    )
    return full.with_columns(**columns)


def run(section: Filtered, desk: Desk) -> Desk:
    section.nodes(PLACE)[0].make(cast(Work, desk))
    return desk


def section(*rules: Any) -> Filtered:
    return Filtered.model_validate({"stage": "filtered", "rules": list(rules)})


def test_the_default_is_finewebs_order() -> None:
    assert [step.name for step in Filtered().steps()] == ["language", "gopher_repetition", "gopher_quality", "email", "public_ip"]


def test_every_document_is_kept_or_has_a_decision() -> None:
    batch = documents(PROSE, "zu kurz", "Write to me@home.org or to 8.8.8.8, said the old man of the house with that look of his.")
    rules = [{"method": "language"}, {"method": "gopher_quality", "min_words": 5}, {"method": "email"}, {"method": "public_ip"}]
    desk = run(section(*rules), Desk(batch))
    kept, said, overlay = desk.table("kept"), desk.table("decisions"), desk.table("overlay")
    assert (kept.schema, said.schema, overlay.schema) == (KEPT, DECISIONS, OVERLAY)
    assert kept["doc_id"].to_list() == ["web0", "web2"]
    assert overlay["text"].to_list() == [
        "Write to email@example.com or to 22.214.171.124, said the old man of the house with that look of his."
    ]
    assert kept.join(overlay, on="doc_id").select("text_digest", "bytes").rows() == overlay.select("text_digest", "bytes").rows()
    assert set(said.select("doc_id", "rule").rows()) >= {("web1", "language.language"), ("web2", "email"), ("web2", "public_ip")}
    assert account(batch, kept, pl.Series([], dtype=pl.String), said, overlay["doc_id"])["unexplained"].item() == 0


def test_a_rule_measures_only_what_the_rules_before_let_through() -> None:
    desk = Desk(documents("one two three", "one", "ONE TWO THREE"))
    quality = {"method": "gopher_quality", "min_mean_word_length": None, "min_stop_words": None}
    run(section({**quality, "min_words": 3}, SHOUTING), desk)
    assert desk.measured[SHOUTING["method"]] == ["one two three", "ONE TWO THREE"]
    # relaxed, only the newly let-through document goes on to the second rule
    run(section({**quality, "min_words": 1}, SHOUTING), desk)
    assert desk.measured[SHOUTING["method"]] == ["one two three", "ONE TWO THREE", "one"]
    assert desk.measured["gopher_quality"] == ["one two three", "one", "ONE TWO THREE"]


def test_what_follows_an_edit_sees_the_edited_text() -> None:
    desk = run(section({"method": f"{__name__}:Whisper"}, SHOUTING), Desk(documents("LOUD")))
    assert desk.measured[SHOUTING["method"]] == ["loud"]
    assert desk.table("kept").rows() == [("web0", text_digest("loud"), 4)]


def test_an_edit_is_made_once_and_asked_again_of_what_it_left() -> None:
    desk = Desk(documents("plain text", "write to a@b.org"), documents("plain text", "a@b.org, again", domain="mail"))
    quality = {"method": "gopher_quality", "min_mean_word_length": None, "min_stop_words": None, "min_alphabetic_words": None}
    run(section({**quality, "min_words": 2}, {"method": "email"}), desk)
    before = desk.table("overlay")
    left = ["write to email@example.com", "email@example.com, again"]
    assert desk.measured["email"] == ["plain text", "write to a@b.org", left[0], "a@b.org, again", left[1]]
    assert desk.measured["figures"] == ["plain text", *left]
    made = {name: list(texts) for name, texts in desk.measured.items()}
    desk.tables.clear()
    run(section({**quality, "min_words": 4}, {"method": "email"}), desk)
    assert desk.measured == made
    assert desk.table("overlay").equals(before.head(1))
    assert desk.metrics["rules"].rows() == [("gopher_quality", "drop", 4, 3, None), ("email", "edit", 1, 1, 0)]


def test_an_edited_document_that_is_dropped_later_has_no_overlay() -> None:
    desk = run(section({"method": "email"}, {"method": "gopher_quality"}), Desk(documents("a@b.org")))
    assert desk.table("overlay").height == desk.table("kept").height == 0
    assert desk.table("decisions")["action"].unique().sort().to_list() == ["drop", "edit"]


def test_only_and_except_choose_documents() -> None:
    batch = pl.concat([documents("ABC", "abc"), documents("ABC", domain="code")])
    kept = run(section({**SHOUTING, "except": {"domains": ["code"]}}), Desk(batch)).table("kept")
    assert kept["doc_id"].to_list() == ["web1", "code0"]
    kept = run(section({**SHOUTING, "only": {"domains": ["code"], "sources": ["s"]}}), Desk(batch)).table("kept")
    assert kept["doc_id"].to_list() == ["web0", "web1"]
    kept = run(section({**SHOUTING, "only": {"media_types": ["text/plain"]}}), Desk(batch)).table("kept")
    assert kept.height == 3


def test_a_documents_repeats_in_several_phases_are_judged_once_and_handed_on() -> None:
    batch = pl.concat([documents("abc", repeats=pl.lit(2), phase=pl.lit(0)), documents("abc", repeats=pl.lit(1), phase=pl.lit(1))])
    desk = run(section(SHOUTING), Desk(batch))
    assert conform(desk.table("kept"), MIXED).select("doc_id", "repeats", "phase").rows() == [("web0", 2, 0), ("web0", 1, 1)]
    assert desk.metrics["partition"]["documents"].item() == 1


def test_a_plan_can_name_what_changed() -> None:
    entry = {"method": "gopher_quality", "min_words": 60, "except": {"domains": ["code"]}}
    settings = section(SHOUTING, entry).nodes(PLACE)[0].settings
    assert settings["order"] == ["Shouting", "gopher_quality"]
    assert settings["rules"]["gopher_quality"]["min_words"] == 60
    assert settings["rules"]["gopher_quality"]["except"] == {"domains": ["code"], "sources": [], "media_types": []}
    assert settings["rules"]["Shouting"] == {"method": SHOUTING["method"], "letters": "A-Z", "most": 0.5}


def test_a_section_is_written_as_it_is_read() -> None:
    original = section({"method": "language", "languages": ["de"], "only": {"domains": ["web"]}}, {**SHOUTING, "name": "loud"})
    assert Filtered.model_validate(original.model_dump(mode="json")) == original
    assert Filtered.model_validate(Filtered().model_dump(mode="json")) == Filtered()


@pytest.mark.parametrize(
    ("rules", "where", "message"),
    [
        ([{"method": "gopher_quality", "min_word": 3}], ("rules", 0, "min_word"), "Extra inputs"),
        ([SHOUTING, {**SHOUTING, "most": "x"}], ("rules", 1, "most"), "valid number"),
        ([{"method": "email"}, {"method": "email"}], (), "two rules are called 'email': give one of them another `name`"),
        ([{"method": "gopher_qualty"}], ("rules", 0), "did you mean 'gopher_quality'"),
        ([{}], ("rules", 0), "needs a `method`: language, "),
        ([{"method": f"{__name__}:Lost"}], ("rules", 0, "rule"), "neither a Rule nor an Edit"),
        ([{"method": "email", "only": {}}], ("rules", 0, "only"), "name domains, sources or media_types"),
    ],
)
def test_a_mistake_is_named_where_it_stands(rules: list[Any], where: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        section(*rules)
    (error,) = caught.value.errors()
    assert error["loc"] == where
    assert message in error["msg"]


def test_after_the_step_its_overlay_lies_over_the_text() -> None:
    view = Filtered(name="again").after(Place("again", PLACE.view, 0, {}, {}))
    assert view == View(PLACE.view.texts, (Ref("again", "overlay"),), Ref("again", "kept"))


def test_the_edits_are_what_new_text_is_cleaned_by() -> None:
    assert [edit.method for edit in sanitization_rules(Filtered())] == ["email", "public_ip"]


def test_a_trial_shows_every_limit_of_every_rule() -> None:
    rules = section(
        {"method": "language"}, {"method": "gopher_quality"}, {"method": "email"}, {**SHOUTING, "only": {"domains": ["x"]}}
    )
    trial = rules.trial(PLACE, documents("Ein kurzer Brief an die Leute: a@b.org"), BENCH)
    found = {verdict.rule: verdict for verdict in trial.verdicts}
    assert found["language.language"][1:] == ("de", None, None, "drop", "de is not among en")
    assert found["language.score"].minimum == 0.65
    assert found["gopher_quality.words"][1:5] == (8, 50, 100_000, "drop")
    assert found["gopher_quality.hash_ratio"][1:5] == (0.0, None, 0.1, "keep")
    assert found["email"][1:] == (1.0, None, None, "edit", "replacements")
    assert found["Shouting"].action == "info"
    assert trial.text == "Ein kurzer Brief an die Leute: email@example.com"


def test_a_rule_that_loses_rows_is_an_error() -> None:
    losing = section({"method": f"{__name__}:Losing"})
    with pytest.raises(ValueError, match="Losing returned 0 rows of signals for 1 documents"):
        losing.trial(PLACE, documents("a"), BENCH)
