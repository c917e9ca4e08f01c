"""Dagster's front door: the recipe named by $DATA4LLM_RECIPE, on the store named by $DATA4LLM_STORE."""

from __future__ import annotations

import dagster as dg

from data4llm_assets.engine.state import Graph
from data4llm_assets.engine.wiring import build_defs
from data4llm_assets.recipe import load_recipe
from data4llm_assets.settings import recipe_of, store_of


def _graph() -> Graph:
    return load_recipe(recipe_of(None)).graph()


@dg.definitions
def defs() -> dg.Definitions:
    recipe = load_recipe(recipe_of(None))
    return build_defs(
        _graph,
        store_of(None),
        owners=recipe.owners,
        schedules=recipe.schedules,
        watch=recipe.watch,
        alerts=recipe.alerts,
        workers=recipe.compute.workers,
    )
