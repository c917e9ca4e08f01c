"""Scarce things: who needs one, and that Dagster and its queue are told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from dagster._core.instance.config import PoolGranularity
from toy import Length, graph, world

from data4llm_assets.engine.assets import build_assets
from data4llm_assets.engine.home import dagster_home, limit_pools, open_instance
from data4llm_assets.recipe import Recipe, RecipeError, parse_recipe

STEPS = [{"stage": "raw_crawl"}, {"stage": "extracted_text"}, {"stage": "synthesized"}]
MODEL = {"method": "openai_compatible", "base_url": "http://127.0.0.1:1/v1", "model": "m"}


class OnGpu(Length):
    pool: ClassVar[str] = "gpu"
    method: Literal["length"] = "length"


def recipe(model: dict[str, str], **pools: int) -> Recipe:
    step = {**STEPS[2], "model": model} if model else STEPS[2]
    sources = {"a": {"kind": "files", "path": "a", "domain": "web"}}
    return parse_recipe({"corpus": "c", "sources": sources, "steps": [*STEPS[:2], step], "compute": {"pools": pools}})


def test_a_step_needs_what_its_model_needs() -> None:
    assert {node.name: node.pool for node in recipe({}).graph().nodes.values() if node.pool} == {"synthesized": "language_model"}
    served = recipe(MODEL, language_server=4).graph()
    assert served.nodes["synthesized"].pool == "language_server"
    assert served.pools == {"language_server": 4}


def test_a_pool_that_no_step_needs_is_named() -> None:
    with pytest.raises(RecipeError, match="limits 'language_model', which no step needs; steps need: language_server"):
        recipe(MODEL, language_model=1)


def test_pools_change_no_fingerprint() -> None:
    assert recipe({}, language_model=1).graph().nodes["synthesized"].settings == recipe({}).graph().nodes["synthesized"].settings


def test_an_asset_and_the_queue_know_the_pool_of_a_method_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = graph(world(tmp_path / "world", a__one="one"))
    lengths = replace(toy.nodes["lengths"], methods=(OnGpu(),))
    toy = replace(toy, nodes={**toy.nodes, "lengths": lengths}, pools={"gpu": 1})
    assets = {asset.key.path[-1]: asset for asset in build_assets(toy, str(tmp_path / "store"))}
    assert {name: asset.op.pool for name, asset in assets.items() if asset.op.pool} == {"lengths": "gpu"}
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    home = dagster_home()
    limit_pools(home, toy.pools)
    limit_pools(home, {})
    with open_instance(home) as instance:
        limits = {limit.name: limit.limit for limit in instance.event_log_storage.get_pool_limits()}
        config = instance.get_concurrency_config()
        # By run: what executes runs in its own process neither waits for a slot nor leaves one taken when it is killed.
        assert config.pool_config.pool_granularity is PoolGranularity.RUN
    assert limits == {"gpu": 1}
