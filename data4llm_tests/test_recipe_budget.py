"""What a recipe says of budgets and prices."""

from __future__ import annotations

from typing import Any

import pytest

from data4llm_assets.recipe import Recipe, RecipeError, parse_recipe

SERVER = {"method": "openai_compatible", "base_url": "http://localhost:8000/v1", "model": "large-1"}


def recipe(server: bool = True, **more: Any) -> Recipe:
    written = {"stage": "synthesized", **({"model": SERVER} if server else {})}
    steps = [{"stage": "raw_crawl"}, {"stage": "extracted_text"}, written]
    sources = {"notes": {"kind": "files", "path": "notes", "domain": "notes"}}
    return parse_recipe({"corpus": "priced", "sources": sources, "steps": steps, **more})


def test_without_a_budget_nothing_is_limited() -> None:
    assert not recipe().graph().spending.limited


def test_a_budget_reaches_the_graph() -> None:
    spending = recipe(budget={"cpu_hours": 2, "tokens": 100_000}).graph().spending
    assert spending.limits() == (2.0, 100_000, None)


def test_a_price_is_that_of_the_model_that_a_step_asks() -> None:
    graph = recipe(prices={"currency": "EUR", "models": {"large-1": {"input": 1, "output": 4}}}).graph()
    assert graph.spending.charge(graph.nodes["synthesized"], 0.0, 1_000_000, 500_000).money == 3.0
    assert graph.spending.charge(graph.nodes["extracted_text"], 0.0, 1_000_000, 500_000).money == 0.0


def test_money_cannot_be_limited_where_a_model_has_no_price() -> None:
    with pytest.raises(RecipeError, match=r"budget\.money needs what 'large-1' costs: prices"):
        recipe(budget={"money": 5}, prices={"cpu_hour": 0.1})


def test_money_cannot_be_limited_where_nothing_costs_anything() -> None:
    with pytest.raises(RecipeError, match=r"budget\.money needs prices\.cpu_hour"):
        recipe(server=False, budget={"money": 5})
    assert recipe(server=False, budget={"money": 5}, prices={"cpu_hour": 0.1}).graph().spending.limited


def test_a_price_of_a_model_that_nobody_asks_is_a_mistake() -> None:
    with pytest.raises(RecipeError, match="a model 'large' that no step asks; there are: large-1; did you mean 'large-1'"):
        recipe(prices={"models": {"large": {"input": 1}}})


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"budget\.tokens"):
        recipe(budget={"tokens": 0})
