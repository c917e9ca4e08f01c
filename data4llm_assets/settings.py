"""Which recipe and which store a process means: what was given, then the environment, then the defaults."""

from __future__ import annotations

import os
from pathlib import Path

RECIPE_VARIABLE = "DATA4LLM_RECIPE"
STORE_VARIABLE = "DATA4LLM_STORE"


def recipe_of(given: str | None) -> str:
    """A recipe's path or the name of a shipped one: as given, $DATA4LLM_RECIPE, ./recipe.yaml, the sample."""
    return given or os.environ.get(RECIPE_VARIABLE) or ("recipe.yaml" if Path("recipe.yaml").is_file() else "sample")


def store_of(given: str | None) -> str:
    """A store's folder or URI: as given, $DATA4LLM_STORE, ./store."""
    return given or os.environ.get(STORE_VARIABLE) or "store"
