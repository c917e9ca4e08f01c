"""`data4llm run` and `plan` with a budget, through real workers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toy import manifests

from commands_fixture import data4llm
from data4llm_assets.engine.store import Store

pytestmark = pytest.mark.long


def test_a_run_stops_within_its_budget_and_the_next_goes_on(tmp_path: Path, micro_text: str, micro_store: Path) -> None:
    limited = tmp_path / "limited.yaml"
    limited.write_text(micro_text + "\nbudget: {tokens: 10}\nprices: {currency: EUR, cpu_hour: 0.05}\n")
    told = data4llm(tmp_path, "run", "limited.yaml", expect=3)
    assert "budget.tokens of 10 tokens: 0 tokens spent" in told
    assert "not begun: synthesized docs-0|first" in told
    assert "no run can begin it before budget.tokens is raised to as much" in told
    assert "stopped within the budget" in told
    plan = json.loads(data4llm(tmp_path, "plan", "limited.yaml", "--json"))
    # What came before is whole; what a model has no part in is published, too.
    assert plan["assets"]["mixed"]["current"] == 3
    assert plan["assets"]["synthesized"]["current"] == 2
    assert plan["assets"]["packed"]["current"] == 0
    assert plan["forecast"]["total"]["tokens"]["expected"] > 10
    assert plan["forecast"]["total"]["money"]["expected"] > 0
    limited.write_text(micro_text + "\nbudget: {tokens: 100_000}\n")
    found = json.loads(data4llm(tmp_path, "run", "limited.yaml", "--json"))
    assert found["current"]
    assert found["held"] == []
    assert found["spent"]["tokens"] > 100
    assert manifests(Store(str(tmp_path / "store"))) == manifests(Store(str(micro_store)))
    assert "all 39 partitions are current" in data4llm(tmp_path, "plan", "limited.yaml")
