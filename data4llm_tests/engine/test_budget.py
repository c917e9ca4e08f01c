"""Budgets: arithmetic, and runs of the toy corpus that stop where they must."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pytest
from toy import LENGTHS, graph, manifests, world

from data4llm_assets.engine.budget import Allowance, Budget, Price, Prices, Spending, Spent
from data4llm_assets.engine.costs import Guess, Sum
from data4llm_assets.engine.records import read_records
from data4llm_assets.engine.run import Report, bring_up_to_date, inline
from data4llm_assets.engine.snapshots import Snapshots
from data4llm_assets.engine.state import Graph, State
from data4llm_assets.engine.store import Store
from data4llm_assets.models.language_model import LanguageModelMethod, ModelIdentity
from data4llm_assets.node import Work

PRICES = Prices(currency="EUR", cpu_hour=0.36, models={"large": Price(input=2.0, output=8.0)})
TOKENS = 100
"""That each question takes."""


class Large(LanguageModelMethod):
    method: Literal["large"] = "large"
    model: str = "large"

    def identify(self) -> ModelIdentity:
        return ModelIdentity("large", "0")


def asking(folder: Path, spending: Spending | None = None) -> Graph:
    """The toy corpus, whose step `lengths` asks a model about each document."""
    toy = graph(folder)

    def ask(work: Work) -> None:
        def answers(unknown: pl.DataFrame) -> pl.DataFrame:
            work.count("model_calls", unknown.height)
            work.count("prompt_tokens", TOKENS * unknown.height)
            return unknown.select(length=pl.col("call").str.len_chars().cast(pl.Int64))

        for batch in work.batches():
            found = work.measure(Large(), batch.select(call="doc_id"), answers, of="call")
            work.write("lengths", pl.concat([batch.select("doc_id"), found], how="horizontal").select(LENGTHS.names()))

    node = replace(toy.nodes["lengths"], make=ask, methods=(Large(),), calls=lambda _partition, documents: documents)
    return replace(toy, nodes={**toy.nodes, "lengths": node}, spending=spending or Spending())


def run(store: Store, toy: Graph, name: str) -> Report:
    if "first" not in (snapshots := Snapshots(store, toy.corpus)).all():
        snapshots.add("first", toy.sources)
    state = State(toy, store)
    return bring_up_to_date(state, inline(state, name), name)


def asked(store: Store, name: str) -> list[int]:
    """Tokens of each partition that was made."""
    return [record["counters"]["prompt_tokens"] for record in read_records(store, name) if record["node"] == "lengths"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # Two documents a partition: a-0, a-1 and b-0.
    return world(tmp_path / "world", a__one="hello", a__two="hi", a__three="good morning", a__four="four", b__x="yes", b__y="never")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def test_money_is_cpu_time_and_tokens_at_their_prices() -> None:
    spending, node = Spending(PRICES), asking(Path()).nodes["lengths"]
    record: dict[str, Any] = {"cpu_seconds": 100.0, "counters": {"prompt_tokens": 250_000, "completion_tokens": 50_000}}
    hours, tokens, money = spending.spent(node, record)
    assert hours == pytest.approx(100 / 3600)
    assert tokens == 300_000
    assert money == pytest.approx(0.01 + 0.5 + 0.4)


def test_an_embedded_model_costs_its_cpu_time_alone() -> None:
    spending = Spending(Prices(cpu_hour=3.6))
    assert spending.charge(asking(Path()).nodes["lengths"], 10.0, 1e6, 1e6).money == pytest.approx(0.01)


def test_money_is_forecast_from_forecast_work() -> None:
    sums = {name: Sum() for name in ("cpu_seconds", "prompt_tokens", "completion_tokens")}
    sums["cpu_seconds"].add("work", Guess(1000.0))
    sums["completion_tokens"].add("work", Guess(100_000.0))
    assert Spending(PRICES).money(asking(Path()).nodes["lengths"], sums).expected == pytest.approx(0.1 + 0.8)


def test_what_is_under_way_is_set_aside() -> None:
    account = Allowance(Spending(budget=Budget(tokens=100)))
    need = Spent(0.0, 40.0)
    assert account.fitting([("a", "1"), ("b", "1"), ("c", "1")], lambda _node, _partition: need) == 2
    assert [(held.node, held.left, held.alone) for held in account.held.values()] == [("c", 100.0, False)]
    account.settle([("a", "1"), ("b", "1")], {("a", "1"): Spent(0.0, 10.0), ("b", "1"): Spent(0.0, 20.0)}, failed=False)
    assert account.fitting([("c", "1")], lambda _node, _partition: need) == 1
    assert account.held == {}


def test_work_that_died_without_a_record_counts_as_what_was_set_aside() -> None:
    account = Allowance(Spending(budget=Budget(tokens=100)))
    account.fitting([("a", "1"), ("b", "1")], lambda _node, _partition: Spent(0.0, 30.0))
    account.settle([("a", "1"), ("b", "1")], {}, failed=True)
    assert account.spent.tokens == 30.0


def test_what_takes_no_tokens_goes_on_when_they_are_spent() -> None:
    account = Allowance(Spending(budget=Budget(tokens=100)))
    account.fitting([("a", "1")], lambda _node, _partition: Spent(0.0, 100.0))
    account.settle([("a", "1")], {("a", "1"): Spent(0.1, 100.0)}, failed=False)
    assert account.fitting([("b", "1")], lambda _node, _partition: Spent(0.1, 0.0)) == 1


def test_work_of_which_nothing_is_known_begins_as_long_as_anything_is_left() -> None:
    account = Allowance(Spending(budget=Budget(cpu_hours=1.0)))
    assert account.fitting([("a", "1")], lambda _node, _partition: Spent()) == 1
    account.settle([("a", "1")], {("a", "1"): Spent(1.2)}, failed=False)
    assert account.fitting([("b", "1")], lambda _node, _partition: Spent()) == 0


def test_a_run_stops_after_exactly_the_partitions_that_fit(folder: Path, store: Store, tmp_path: Path) -> None:
    known = Store(str(tmp_path / "known"))
    assert run(known, asking(folder), "earlier").ok
    for path, _, _ in known.objects("runs/"):
        store.put(path, known.get(path) or b"")
    assert asked(store, "earlier") == [2 * TOKENS] * 3
    # A forecast of 200 is set aside with its margin: two fit into 550 one after the other, and a third does not.
    report = run(store, asking(folder, Spending(budget=Budget(tokens=550))), "limited")
    assert report.ok
    assert report.held
    assert report.ok
    assert report.held
    assert asked(store, "limited") == [2 * TOKENS] * 2
    assert report.allowance is not None
    assert report.allowance.spent.tokens == 4 * TOKENS
    (held,) = report.allowance.held.values()
    assert (held.node, held.limit, held.left, held.alone) == ("lengths", "tokens", 150.0, False)
    # All texts are there, and nothing that needs all lengths.
    made = [outcome.node for outcome in report.outcomes]
    assert (made.count("texts"), made.count("longest")) == (3, 0)


def test_the_next_run_goes_on_and_ends_with_the_same_manifests(folder: Path, store: Store, tmp_path: Path) -> None:
    unlimited = Store(str(tmp_path / "unlimited"))
    assert run(unlimited, asking(folder), "run").ok
    limited = asking(folder, Spending(budget=Budget(tokens=2500)))
    runs = 1
    while run(store, limited, f"run-{runs}").held:
        runs += 1
        assert runs < 5
    assert State(limited, store).entry("joined", "part-0").value is not None
    assert manifests(store) == manifests(unlimited)


def test_a_partition_that_no_budget_of_this_size_can_hold_says_how_much_it_needs(folder: Path, store: Store) -> None:
    report = run(store, asking(folder, Spending(budget=Budget(tokens=50))), "run")
    assert report.ok
    assert report.allowance is not None
    assert report.allowance.spent.tokens == 0
    assert {held.alone for held in report.allowance.held.values()} == {True}
    told = report.allowance.told()
    assert told[0] == "budget.tokens of 50 tokens: 0 tokens spent"
    assert "no run can begin it before budget.tokens is raised to as much" in told[1]


def test_a_partition_of_a_source_that_was_never_asked_about_is_still_expected_to_be(folder: Path, store: Store) -> None:
    toy = asking(folder, Spending(budget=Budget(tokens=50)))
    node = replace(toy.nodes["lengths"], calls=lambda partition, documents: 0.0 if partition.source == "a" else documents)
    silent = replace(node, make=lambda work: node.make(work) if work.partition.source == "b" else None)
    report = run(store, replace(toy, nodes={**toy.nodes, "lengths": silent}), "run")
    assert [outcome.partition for outcome in report.outcomes if outcome.node == "lengths"] == ["a-0|first", "a-1|first"]
    assert report.allowance is not None
    assert [held.partition for held in report.allowance.held.values()] == ["b-0|first"]


def test_a_budget_changes_no_fingerprint(folder: Path, store: Store) -> None:
    run(store, asking(folder), "run")
    again = run(store, asking(folder, Spending(PRICES, Budget(tokens=1, cpu_hours=1e-6, money=1e-6))), "again")
    assert (again.jobs, again.outcomes, again.held) == (0, [], False)


def test_a_run_without_a_budget_keeps_no_account(folder: Path, store: Store) -> None:
    assert run(store, asking(folder), "run").allowance is None
