"""Arguments that commands share, and where they print."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console

from data4llm_assets.corpus import Corpus
from data4llm_assets.engine.store import Store
from data4llm_assets.lineage.reader import Reader
from data4llm_assets.lineage.releases import Release, find
from data4llm_assets.recipe import RecipeError, load_recipe
from data4llm_assets.settings import RECIPE_VARIABLE, STORE_VARIABLE, recipe_of, store_of

RecipeArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[RECIPE]",
        show_default=False,
        help=f"Recipe file, or the name of a shipped one. Default: ${RECIPE_VARIABLE}, then ./recipe.yaml, then the sample.",
    ),
]
RecipeOption = Annotated[
    str | None,
    typer.Option("--recipe", "-r", metavar="RECIPE", show_default=False, help="Recipe file, or the name of a shipped one."),
]
StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store", metavar="URI", show_default=False, help=f"Folder or s3:// URI. Default: ${STORE_VARIABLE}, then ./store."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of tables for people.")]
SnapshotOption = Annotated[str | None, typer.Option("--snapshot", metavar="NAME", show_default=False, help="Only this snapshot.")]
ShardOption = Annotated[
    str | None, typer.Option("--shard", metavar="NAME", show_default=False, help="Only this shard, e.g. web-0.")
]
ReleaseOption = Annotated[
    str | None,
    typer.Option("--release", metavar="NAME", show_default=False, help="Of this release (CORPUS/NAME if several have it)."),
]

out = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def open_corpus(recipe: str | None, store: str | None) -> Corpus:
    return Corpus(recipe_of(recipe), store_of(store))


def open_reader(recipe: str | None, store: str | None, release: str | None) -> Reader:
    """The corpus as it is, or a release: which is found without the recipe, for that may be gone or another by now."""
    if release is None:
        return open_corpus(recipe, store)
    return open_release(recipe, store, release)


def open_release(recipe: str | None, store: str | None, name: str) -> Release:
    try:
        corpus = load_recipe(recipe_of(recipe)).corpus
    except RecipeError:
        if recipe is not None:
            raise
        corpus = None
    return find(Store(store_of(store)), name, corpus)


def print_json(value: Any) -> None:
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False, default=str)
    sys.stdout.write("\n")
