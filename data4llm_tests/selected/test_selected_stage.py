from __future__ import annotations

import random

import polars as pl
import pytest
from pydantic import ValidationError

from data4llm_assets import document
from data4llm_assets.method import MEASURE
from data4llm_assets.selected.dsir import Dsir
from data4llm_assets.selected.stage import Selected
from mixed.in_memory_work import Corpus, corpus, place

SPORT = ["goal", "match", "team", "score", "league", "player", "win", "season", "cup", "coach"]
LAW = ["court", "claim", "statute", "judge", "appeal", "party", "contract", "clause", "ruling", "motion"]
COMMON = ["the", "of", "and", "to", "in", "a", "is", "that", "it", "for"]


def text(topic, words, generator):
    return " ".join(generator.choice(topic if generator.random() < 0.5 else COMMON) for _ in range(words))


def planted():
    """Two shards of web pages, one in twenty about law, and a shard of law books to resemble."""
    generator = random.Random(3)
    topics = [LAW if index % 20 == 0 else SPORT for index in range(800)]
    web = [(f"web{index:04}", "web", text(topic, generator.randint(60, 400), generator)) for index, topic in enumerate(topics)]
    books = [(f"book{index:02}", "books", text(LAW, 200, generator)) for index in range(40)]
    return {"web-0|1": web[:400], "web-1|1": web[400:], "books-0|1": books}


def selected(texts, **parameters) -> tuple[Corpus, Selected]:
    section = Selected(by={"method": "dsir", "target": {"domains": ["books"]}, "min_words": 20, **parameters})
    made = corpus(texts)
    made.build(section, place("selected"))
    return made, section


def kept(made):
    return set(made.table("selected", "kept")["doc_id"])


def test_planted_target_documents_are_found():
    made, section = selected(planted(), keep=80 / 840)
    stays = kept(made)
    assert len(stays) == 80
    wanted = {f"web{index:04}" for index in range(0, 800, 20)} | {f"book{index:02}" for index in range(40)}
    assert len(stays & wanted) / len(stays) > 0.94
    cutoff = made.metric("cutoff")
    assert cutoff["divergence_after"] < cutoff["divergence_before"] / 10
    assert made.failed(section, place("selected")) == []


def test_a_domain_that_vanishes_is_reported():
    generator = random.Random(4)
    sport = [(f"s{index}", "sport", text(SPORT, 90, generator)) for index in range(50)]
    made, section = selected(planted() | {"sport-0|1": sport}, keep=0.05)
    assert made.failed(section, place("selected")) == ["share"]


def test_every_document_is_kept_or_has_its_reason():
    texts = planted()
    texts["web-0|1"].append(("short", "web", "goal"))
    made, section = selected(texts)
    decisions = made.table("selected", "decisions")
    assert decisions.height + len(kept(made)) == 841
    assert not kept(made) & set(decisions["doc_id"])
    short = decisions.row(by_predicate=pl.col("doc_id") == "short", named=True)
    assert (short["rule"], short["action"], short["value"], short["threshold"]) == ("dsir.words", "drop", 1.0, 20.0)
    others = decisions.filter(rule="dsir.relevance")
    assert others.height == 84
    assert (others["value"] < others["threshold"]).all()
    assert made.failed(section, place("selected")) == []


def test_equal_target_and_corpus_draw_at_random_not_by_length():
    generator = random.Random(1)
    rows = [(f"d{index:04}", "books", text(LAW, 40 if index % 2 else 400, generator)) for index in range(1000)]
    made, _ = selected({"books-0|1": rows}, keep=0.5)
    assert made.table("cutoff", "verdicts")["score"].abs().max() < 1e-9
    long = sum(name[-1] in "02468" for name in kept(made))
    # 250 expected, standard deviation 11.
    assert 200 < long < 300


def test_noise_matters_beside_the_score():
    made, _ = selected(planted())
    verdicts = made.table("cutoff", "verdicts").filter(pl.col("doc_id").str.starts_with("web"))
    noise = verdicts["key"] - verdicts["score"]
    assert noise.std() == pytest.approx(1.28, abs=0.15)


def test_result_does_not_depend_on_the_order_of_partitions():
    texts = planted()
    one, _ = selected(texts)
    shuffled = {key: texts[key][::-1] for key in reversed(texts)}
    other, _ = selected(shuffled)
    assert kept(one) == kept(other)
    columns = ["doc_id", "score", "key", "cutoff"]
    first, second = (made.table("cutoff", "verdicts").select(columns).sort("doc_id") for made in (one, other))
    assert first.equals(second)


def test_a_new_cutoff_measures_nothing_again():
    strict, loose = (Selected(by={"method": "dsir", "target": {"domains": ["books"]}, "keep": keep}) for keep in (0.1, 0.9))
    relevance, cutoff, _ = loose.nodes(place("selected"))
    assert (relevance.measures, relevance.methods, cutoff.methods) == ((loose.by,), (), (loose.by,))
    assert strict.by.parameters(MEASURE) == loose.by.parameters(MEASURE)


def test_empty_corpus_selects_nothing_and_passes():
    made, section = selected({"books-0|1": []})
    assert made.table("cutoff", "cutoff").to_dicts() == [{"cutoff": None, "documents": 0, "eligible": 0, "kept": 0}]
    assert made.failed(section, place("selected")) == []


def test_trial_shows_score_key_and_cutoff():
    made, section = selected(planted())
    rows = [("x", "web", text(SPORT, 100, random.Random(5)))]
    one = corpus({"try": rows}).tables["input", "documents", "try"]

    class Shelf:
        def read_all(self, ref):
            return [(None, frame) for (node, table, _), frame in made.tables.items() if (node, table) == (ref.node, ref.table)]

    words, relevance = section.trial(place("selected"), one, Shelf()).verdicts
    assert (words.rule, words.value, words.action) == ("dsir.words", 100, "keep")
    assert relevance.minimum == made.table("cutoff", "cutoff")["cutoff"].item()
    assert relevance.action == ("drop" if relevance.value < relevance.minimum else "keep")
    assert "nats" in relevance.note


class Longest(Dsir):
    """A user's own method, in a module of his."""

    method: str = "test_selected_stage:Longest"

    def scores(self, buckets, weights):
        return buckets.list.len().cast(pl.Float64)


def test_a_user_method_is_imported_by_name():
    by = {"method": "test_selected_stage:Longest", "target": {"domains": ["books"]}, "keep": 0.5}
    section = Selected(by=by)
    assert type(section.by).__name__ == "Longest"
    assert section.model_dump()["by"]["keep"] == 0.5
    with pytest.raises(ValidationError, match="kepp"):
        Selected(by={**by, "kepp": 1})
    with pytest.raises(ValidationError, match="no method is called 'nothing'"):
        Selected(by={"method": "nothing"})


def test_kept_table_has_the_contract_of_kept():
    made, _ = selected(planted())
    assert made.table("selected", "kept").schema == document.KEPT
    assert made.table("selected", "decisions").schema == document.DECISIONS
