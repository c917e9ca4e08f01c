from __future__ import annotations

import polars as pl
import pytest

from data4llm_assets.document import DECISIONS, DOCUMENTS, SPAN, text_digest
from data4llm_assets.method import Edit, Limit, Rule
from data4llm_assets.models.language_model import ModelIdentity, Sampling
from data4llm_assets.synthesized.publication import documents, edited, named, refusals
from data4llm_assets.synthesized.rephrase import Rephrase
from data4llm_assets.synthesized.synthesis import CALLS, Synthesis, call_digests, choose, synthetic

MODEL = ModelIdentity("scripted", "d1")


class Masked(Edit):
    method: str = "masked"

    def edits(self, documents: pl.DataFrame) -> pl.DataFrame:
        changed = documents.filter(pl.col("text").str.contains("@"))
        return changed.select(
            "doc_id", text=pl.col("text").str.replace(r"\S+@\S+", "<email>"), spans=pl.lit([], dtype=pl.List(SPAN))
        )


class Short(Rule):
    method: str = "short"

    def signals(self, documents: pl.DataFrame) -> pl.DataFrame:
        return documents.select(characters=pl.col("text").str.len_chars())

    def limits(self) -> tuple[Limit, ...]:
        return (Limit(signal="characters", minimum=5),)


def parents(*ids: str, text: str = "parent") -> pl.DataFrame:
    return pl.DataFrame({"doc_id": ids}).with_columns(
        page_id=pl.concat_str(pl.lit("page-"), "doc_id"),
        source=pl.lit("books"),
        domain=pl.lit("prose"),
        snapshot=pl.lit("2025-01"),
        language=pl.lit("en"),
        license=pl.lit("CC-BY-4.0"),
        text_digest=pl.lit(text_digest(text)),
    )


def calls(*ids: str, method: Synthesis | None = None, model: ModelIdentity = MODEL) -> pl.DataFrame:
    messages = [[{"role": "user", "content": "passage"}]]
    asked = pl.DataFrame({"doc_id": ids, "style": "simple", "passage": "passage", "messages": messages * len(ids)}, schema=CALLS)
    return asked.with_columns(call_digests(asked, method or Rephrase(), model))


def answers(**texts: str) -> pl.DataFrame:
    return pl.DataFrame({"doc_id": list(texts), "text": list(texts.values())}).with_columns(
        gate=pl.lit(None, pl.String), value=pl.lit(None, pl.Float64), threshold=pl.lit(None, pl.Float64)
    )


def test_a_new_document_names_its_parent_and_all_that_made_it_and_bears_its_licence() -> None:
    asked = named(calls("p1"), parents("p1"), Rephrase(), MODEL)
    document = documents(asked.with_columns(text=pl.lit("New text."))).row(0, named=True)
    assert list(document) == DOCUMENTS.names()
    assert document["license"] == "CC-BY-4.0"
    assert document["domain"] == "prose"
    assert document["text_digest"] == text_digest("New text.")
    assert document["bytes"] == 9
    meta = {entry["key"]: entry["value"] for entry in document["meta"]}
    assert meta.pop("call") == calls("p1")["call"][0]
    assert meta == {
        "parents": "p1",
        "method": "rephrase",
        "style": "simple",
        "prompt_version": "1",
        "model": "scripted",
        "model_digest": "d1",
        "sampling": '{"max_tokens":128,"seed":0,"temperature":0.0,"top_p":1.0}',
    }


def test_the_identity_changes_with_the_model_the_sampling_and_the_parents_text_only() -> None:
    def identity(asked: pl.DataFrame, above: pl.DataFrame) -> str:
        doc_id: str = named(asked, above, Rephrase(), MODEL)["doc_id"][0]
        return doc_id

    same = identity(calls("p1"), parents("p1"))
    assert same == identity(calls("p1", method=Rephrase(rate=0.9)), parents("p1"))
    warmer = Rephrase(sampling=Sampling(temperature=0.5))
    others = [
        identity(calls("p1", model=ModelIdentity("scripted", "d2")), parents("p1")),
        identity(calls("p1", method=warmer), parents("p1")),
        identity(calls("p1"), parents("p1", text="another")),
    ]
    assert len({same, *others}) == 4


def test_its_page_is_one_in_every_snapshot_and_not_its_parents() -> None:
    first = named(calls("p1"), parents("p1"), Rephrase(), MODEL)
    later = named(calls("p1"), parents("p1").with_columns(snapshot=pl.lit("2025-02")), Rephrase(), MODEL)
    assert first["page_id"].to_list() == later["page_id"].to_list() != ["page-p1"]
    assert first["doc_id"].to_list() != later["doc_id"].to_list()


def test_parents_of_one_text_make_one_document() -> None:
    assert named(calls("p1", "p2"), parents("p1", "p2"), Rephrase(), MODEL)["parent"].to_list() == ["p1"]


def test_guards_edit_new_text_and_leave_a_decision() -> None:
    texts, decisions = edited(answers(a="Write to me@here.org now.", b="Nothing."), (Masked(), Short()))
    assert texts["text"].to_list() == ["Write to <email> now.", "Nothing."]
    assert decisions.schema == DECISIONS
    assert decisions.select("doc_id", "rule", "action").rows() == [("a", "masked", "edit")]


def test_what_goes_has_one_decision_each_and_what_comes_later_does_not_fill_the_cap() -> None:
    judged = answers(gated="Bad text.", short="Tiny", first="A text.", again="A text.", late="More text.").with_columns(
        gate=pl.when(pl.col("doc_id") == "gated").then(pl.lit("numbers"))
    )
    dropped = refusals(judged, (Short(), Masked()), allowed_bytes=7.0)
    assert dropped.select("doc_id", "rule", "partner").rows() == [
        ("gated", "synthesized.numbers", None),
        ("short", "short.characters", None),
        ("again", "synthesized.repeat", "first"),
        ("late", "synthesized.share", None),
    ]
    assert dropped.row(3, named=True)["threshold"] == 7.0


def seen(count: int, language: str | None = "en") -> pl.DataFrame:
    return pl.DataFrame({"doc_id": [f"{number:032x}" for number in range(count)]}).with_columns(
        language=pl.lit(language, pl.String)
    )


def test_documents_are_chosen_by_hash_whatever_their_order() -> None:
    method = Rephrase(rate=0.2, max_documents=None)
    chosen = choose(seen(1000), method, seed=1)["doc_id"]
    assert chosen.to_list() == choose(seen(1000).reverse(), method, seed=1)["doc_id"].to_list()
    assert 150 < len(chosen) < 250
    few = choose(seen(1000), Rephrase(rate=0.2, max_documents=3), seed=1)["doc_id"]
    assert few.to_list() == chosen.head(3).to_list()


@pytest.mark.parametrize(("language", "expected"), [("en", 5), ("en-US", 5), ("EN", 5), (None, 5), ("de", 0)])
def test_documents_in_a_language_the_model_does_not_write_are_not_chosen(language: str | None, expected: int) -> None:
    assert choose(seen(5, language), Rephrase(rate=1.0), seed=1).height == expected


def test_a_document_with_parents_is_known_as_synthetic() -> None:
    made = documents(named(calls("p1"), parents("p1"), Rephrase(), MODEL).with_columns(text=pl.lit("New.")))
    written = pl.DataFrame({"meta": [[{"key": "author", "value": "x"}], [], None]}, schema={"meta": DOCUMENTS["meta"]})
    assert made.select(synthetic()).to_series().to_list() == [True]
    assert written.select(synthetic()).to_series().to_list() == [False, False, False]
