"""What Dagster shows of the sample: one snapshot of assets, partitions, checks and dependencies.

When the graph changes on purpose: DATA4LLM_UPDATE_SNAPSHOT=1 pytest data4llm_tests/test_definitions.py, and read the difference.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from data4llm_assets.engine import accounts
from data4llm_assets.engine.wiring import build_defs
from data4llm_assets.node import QUALITIES, STAGES
from data4llm_assets.recipe import load_graph, load_recipe

SNAPSHOT = Path(__file__).with_name("graph.json")


@pytest.fixture(scope="module")
def defs(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    recipe = load_recipe("sample")
    store = str(tmp_path_factory.mktemp("store"))
    return build_defs(lambda: load_graph("sample"), store, owners=recipe.owners, schedules=recipe.schedules)


def graph(defs: dg.Definitions) -> dict[str, Any]:
    found: dict[str, Any] = {}
    checks = defs.resolve_asset_graph().asset_check_keys
    for asset in defs.resolve_all_asset_specs():
        name = asset.key.path[-1]
        found[name] = {
            "group": asset.group_name,
            "partitions": type(asset.partitions_def).__name__ if asset.partitions_def else None,
            "reads": sorted(dep.asset_key.path[-1] for dep in asset.deps),
            "checks": sorted(check.name for check in checks if check.asset_key == asset.key),
            "kinds": sorted(asset.kinds),
        }
    return found


def test_the_graph_is_the_one_that_was_reviewed(defs: dg.Definitions) -> None:
    found = graph(defs)
    if os.environ.get("DATA4LLM_UPDATE_SNAPSHOT"):
        SNAPSHOT.write_text(json.dumps(found, indent=2) + "\n")
    assert found == json.loads(SNAPSHOT.read_text())


def test_every_stage_guards_all_four_qualities(defs: dg.Definitions) -> None:
    found = graph(defs)
    assert {stage: found[stage]["checks"] for stage in STAGES} == {stage: sorted(QUALITIES) for stage in STAGES}


def test_every_check_of_a_stage_holds_several_expectations() -> None:
    for node in load_graph("sample").nodes.values():
        if node.name in STAGES:
            counts = Counter(each.quality for each in (*node.expectations, *accounts.expectations(node, "")))
            assert all(counts[quality] >= 2 for quality in QUALITIES), (node.name, counts)


def test_assets_are_described_owned_and_grouped_in_order(defs: dg.Definitions) -> None:
    for asset in defs.resolve_all_asset_specs():
        assert len(asset.description or "") > 15, asset.key
        assert asset.owners == ["team:data"]
        assert asset.code_version
        assert (asset.group_name or "").partition("_")[2] in STAGES


def test_definitions_load_as_dagster_loads_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATA4LLM_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("DATA4LLM_RECIPE", "micro")
    from data4llm_assets.definitions import defs as load

    loaded = load()
    assert [sensor.name for sensor in loaded.sensors or []] == ["micro_planner"]
    dg.Definitions.validate_loadable(loaded)
