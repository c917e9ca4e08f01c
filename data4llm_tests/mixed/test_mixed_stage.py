from __future__ import annotations

import polars as pl
import pytest
from pydantic import ValidationError

from data4llm_assets import document
from data4llm_assets.mixed.stage import Mixed
from data4llm_assets.models.tokenizer import SmolLM2Tokenizer
from mixed.in_memory_work import Corpus, corpus, place

SMOL = SmolLM2Tokenizer()


def words(count):
    # One token each: SmolLM2 has " the", and "the".
    return " ".join(["the"] * count)


def texts():
    """100 tokens of books in 10 documents, 1,000 tokens of web in two shards of 50 documents."""
    web = [(f"w{index:03}", "web", words(10) if index % 2 else words(10).replace("the", "and")) for index in range(100)]
    return {"books-0|1": [(f"b{index}", "books", words(10)) for index in range(10)], "web-0|1": web[:50], "web-1|1": web[50:]}


def mixed(given=None, **keys) -> tuple[Corpus, Mixed]:
    section = Mixed(**keys)
    made = corpus(given or texts())
    made.build(section, HERE)
    return made, section


HERE = place("mixed", tokenizer=SMOL)


def given_by_domain(made):
    table = made.table("mixture", "mixture")
    return {(domain, phase): tokens for domain, phase, tokens in table.select("domain", "phase", "given").iter_rows()}


def test_budget_is_shared_by_weight():
    made, section = mixed(budget=400, weights={"web": 0.75, "books": 0.25})
    assert given_by_domain(made) == {("books", 0): 100, ("web", 0): 300}
    kept = made.table("mixed", "kept")
    assert kept.schema == document.MIXED
    assert kept.filter(pl.col("doc_id").str.starts_with("b"))["repeats"].to_list() == [1] * 10
    assert kept.filter(pl.col("doc_id").str.starts_with("w")).height == 30
    assert made.failed(section, HERE) == []


def test_whole_epochs_come_first():
    made, _ = mixed(budget=1000, weights={"web": 0.65, "books": 0.35})
    books = made.table("mixed", "kept").filter(pl.col("doc_id").str.starts_with("b"))
    assert sorted(books["repeats"].to_list()) == [3] * 5 + [4] * 5


def test_repeats_stop_at_the_limit_and_the_rest_goes_to_others():
    made, section = mixed(budget=1000, weights={"web": 0.4, "books": 0.6}, max_epochs={"books": 2})
    assert given_by_domain(made) == {("books", 0): 200, ("web", 0): 800}
    assert made.metric("mixture")["unspent"] == 0
    assert made.failed(section, HERE) == ["share_error"]


def test_what_cannot_be_spent_is_reported():
    made, section = mixed(budget=10_000, weights={"web": 0.5, "books": 0.5}, max_epochs=2)
    row = made.metric("mixture")
    assert (row["given"], row["unspent"], row["unspent_share"]) == (2200, 7800, 0.78)
    assert made.failed(section, HERE) == ["unspent_share", "share_error"]


def test_left_out_documents_have_a_reason():
    made, section = mixed(budget=500, weights={"web": 1.0, "books": 0.0})
    decisions = made.table("mixed", "decisions")
    assert decisions.height + made.table("mixed", "kept").height == 110
    assert set(decisions["rule"]) == {"mixed.budget"}
    reasons = decisions.group_by("reason").len().sort("len").rows()
    assert reasons == [("its domain has no weight", 10), ("the quota of its domain was reached before its turn", 50)]
    assert decisions["value"].to_list() == [10.0] * 60
    assert made.failed(section, HERE) == ["unweighted_domains"]


def test_two_phases_go_through_the_corpus_once_before_they_repeat():
    phases = [{"share": 0.5, "weights": {"web": 1.0}}, {"share": 0.5, "weights": {"web": 0.9, "books": 0.1}}]
    made, section = mixed(budget=1000, weights={"web": 1.0}, phases=phases)
    assert given_by_domain(made) == {("books", 0): 0, ("books", 1): 50, ("web", 0): 500, ("web", 1): 450}
    kept = made.table("mixed", "kept")
    assert kept["doc_id"].is_duplicated().sum() == 0
    assert kept.group_by("phase").len().sort("phase").rows() == [(0, 50), (1, 50)]
    assert made.failed(section, HERE) == []


def test_a_document_seen_in_two_phases_has_a_row_for_each():
    made, _ = mixed(budget=400, weights={"books": 1.0}, phases=[{"share": 0.5}, {"share": 0.5}])
    kept = made.table("mixed", "kept")
    assert kept.height == 20
    assert set(kept["repeats"]) == {2}
    assert made.metric("mixed", "books-0|1")["max_repeats"] == 4


def test_result_does_not_depend_on_the_order_of_partitions():
    keys = {"budget": 437, "weights": {"web": 0.75, "books": 0.25}}
    one, _ = mixed(**keys)
    other, _ = mixed({key: rows[::-1] for key, rows in reversed(texts().items())}, **keys)
    assert one.table("mixed", "kept").sort("doc_id").equals(other.table("mixed", "kept").sort("doc_id"))


def test_a_weighted_domain_without_documents_is_an_error():
    with pytest.raises(ValueError, match="weighted domain code; the corpus has books, web"):
        mixed(budget=100, weights={"web": 0.5, "code": 0.5})


def test_an_empty_corpus_mixes_nothing():
    made, section = mixed({"web-0|1": []}, budget=100, weights={"web": 1.0})
    assert made.table("mixed", "kept").height == 0
    assert made.failed(section, HERE) == []


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"weights": {"web": 0.5, "books": 0.4}}, "sum to 1, not 0.9"),
        ({"weights": {"web": 1.5, "books": -0.5}}, "must not be negative"),
        ({"phases": [{"share": 0.5}]}, "shares of the phases must sum to 1, not 0.5"),
        ({"phases": [{"share": 1.0, "weights": {"web": 0.2}}]}, "sum to 1, not 0.2"),
        ({"max_epochs": 0}, "above 0"),
        ({"budget": 0}, "greater than or equal to 1"),
        ({"typo": 1}, "Extra inputs"),
    ],
)
def test_wrong_recipes_are_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        Mixed(**{"budget": 100, "weights": {"web": 1.0}, **keys})


def test_trial_shows_tokens_and_repeats():
    made, section = mixed(budget=1000, weights={"web": 0.65, "books": 0.35})

    class Shelf:
        def model(self, method):
            return method.load()

        def read_all(self, ref):
            return [(None, frame) for (node, table, _), frame in made.tables.items() if (node, table) == (ref.node, ref.table)]

    kept = made.table("mixed", "kept")
    for name in ("b0", "b1", "b2"):
        row = made.table("input", "documents").filter(doc_id=name)
        tokens, budget = section.trial(HERE, row, Shelf()).verdicts
        assert tokens.value == 10
        assert budget.value == kept.filter(doc_id=name)["repeats"].item()
