"""`data4llm snapshot`: deliveries of the sources, each with a frozen listing."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from data4llm_assets.commands.options import JsonOption, RecipeOption, StoreOption, open_corpus, out, print_json
from data4llm_assets.engine.snapshots import SnapshotError

app = typer.Typer(
    no_args_is_help=True, help="Deliveries of the sources in order of arrival, each with a frozen listing of its files."
)
Name = Annotated[str, typer.Argument(help="Letters, digits, '.', '_' and '-', e.g. 2026-11.")]


@app.command("list")
def list_(recipe: RecipeOption = None, store: StoreOption = None, json: JsonOption = False) -> None:
    """Snapshots in order of arrival, with files and bytes of each source."""
    corpus = open_corpus(recipe, store)
    found = corpus.snapshots.all()
    if json:
        print_json(found)
        return
    table = Table(box=None, pad_edge=False)
    for head in ("snapshot", "source", "files", "MB"):
        table.add_column(head, justify="right" if head in ("files", "MB") else "left")
    for name, snapshot in found.items():
        for source, listed in snapshot["sources"].items():
            table.add_row(name, source, f"{listed['files']:,}", f"{listed['bytes'] / 1e6:,.1f}")
    out.print(table if found else f"{corpus.name} has no snapshot yet: data4llm run, or data4llm snapshot add NAME")


@app.command()
def add(
    name: Name,
    recipe: RecipeOption = None,
    store: StoreOption = None,
    relist: Annotated[
        bool, typer.Option("--relist", help="List an existing snapshot anew, for files that were added or mended.")
    ] = False,
    source: Annotated[
        list[str] | None, typer.Option("--source", metavar="NAME", help="Only this source; may be repeated. Default: all.")
    ] = None,
) -> None:
    """Freeze a listing of all sources as they are now; those that crawl crawl now. Nothing is built; `data4llm run` does that."""
    corpus = open_corpus(recipe, store)
    if strange := [each for each in source or () if each not in corpus.recipe.sources]:
        msg = f"there is no source {strange[0]!r}; there are: {', '.join(corpus.recipe.sources)}"
        raise SnapshotError(msg)
    wanted = {each: section for each, section in corpus.recipe.sources.items() if not source or each in source}
    found = corpus.snapshots.add(name, wanted, relist=relist)
    files = sum(listed["files"] for listed in found["sources"].values())
    size = sum(listed["bytes"] for listed in found["sources"].values())
    out.print(f"{corpus.name}: snapshot {name} holds {files:,} files, {size / 1e6:,.1f} MB", markup=False)


@app.command()
def remove(name: Name, recipe: RecipeOption = None, store: StoreOption = None) -> None:
    """Withdraw a snapshot: the next run rebuilds exactly what depended on it. No file is deleted (see gc)."""
    corpus = open_corpus(recipe, store)
    corpus.snapshots.remove(name)
    out.print(f"{corpus.name}: snapshot {name} is withdrawn; data4llm run brings the rest up to date", markup=False)
