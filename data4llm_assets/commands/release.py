"""`data4llm release`: named, frozen sets of what was current, to train on and to compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer
from rich.table import Table
from rich.text import Text

from data4llm_assets.commands.export import export as export_dataset
from data4llm_assets.commands.options import (
    JsonOption,
    RecipeOption,
    StoreOption,
    open_corpus,
    open_release,
    out,
    print_json,
)
from data4llm_assets.engine.store import Store
from data4llm_assets.lineage.difference import compare, summary
from data4llm_assets.lineage.reader import Reader
from data4llm_assets.lineage.releases import Release, Releases
from data4llm_assets.settings import store_of

app = typer.Typer(
    no_args_is_help=True, help="Named, frozen sets of what was current: they stay readable, bit for bit, while the corpus moves on."
)
Name = Annotated[str, typer.Argument(help="Letters, digits, '.', '_' and '-', e.g. v1.0.")]
Existing = Annotated[str, typer.Argument(help="A release; CORPUS/NAME if several corpora have one of that name.")]


@app.command()
def create(name: Name, recipe: RecipeOption = None, store: StoreOption = None, json: JsonOption = False) -> None:
    """Freeze everything that is current under a name. Refused while anything is out of date, or not delivered yet.

    Copies nothing: a release names tables that are there, and gc keeps them.
    """
    made = open_corpus(recipe, store).freeze(name)
    if json:
        print_json(_about(made))
        return
    counts = made.partitions.select("node", "partition").unique().height
    out.print(f"{made.label}: {counts:,} partitions, digest {made.digest}", markup=False)
    out.print(f"data4llm read STEP --release {name} reads it, data4llm release export {name} FOLDER writes a dataset", style="dim")


@app.command("list")
def list_(store: StoreOption = None, json: JsonOption = False) -> None:
    """All releases of the store, of every corpus, the oldest first."""
    opened = Store(store_of(store))
    found = {corpus: Releases(opened, corpus).all() for corpus in opened.folders("corpora/")}
    rows = [(corpus, name, value) for corpus, releases in found.items() for name, value in releases.items()]
    if json:
        print_json([{"corpus": corpus, "release": name, **_brief(value)} for corpus, name, value in rows])
        return
    table = Table(box=None, pad_edge=False)
    for head in ("corpus", "release", "created", "snapshots", "digest"):
        table.add_column(head, no_wrap=head == "digest")
    for corpus, name, value in rows:
        brief = _brief(value)
        table.add_row(corpus, name, brief["created"], ", ".join(brief["snapshots"]), brief["digest"])
    out.print(table if rows else "no release yet: data4llm release create NAME")


@app.command()
def show(name: Existing, recipe: RecipeOption = None, store: StoreOption = None, json: JsonOption = False) -> None:
    """What a release holds: snapshots, assets with their rows, the recipe (with --json, every key of it)."""
    release = open_release(recipe, store, name)
    if json:
        print_json({**_about(release), "recipe": release.recipe_json(), "assets": _assets(release).to_dicts()})
        return
    about = _about(release)
    out.print(Text(release.label, "bold"))
    out.print(f"digest {about['digest']}, recipe {about['recipe_digest']}, created {about['created']}", markup=False)
    for snapshot, told in release.state.snapshots.items():
        listed = ", ".join(f"{source} {each['files']:,} files" for source, each in told["sources"].items())
        out.print(f"snapshot {snapshot}: {listed}", markup=False)
    _print(_assets(release))


@app.command()
def diff(
    before: Existing,
    after: Annotated[
        str | None, typer.Argument(help="Another release; the corpus as it is now if not given.", show_default=False)
    ] = None,
    recipe: RecipeOption = None,
    store: StoreOption = None,
    step: Annotated[
        str | None, typer.Option("--step", help="Compare up to this step, not up to the last.", show_default=False)
    ] = None,
    documents: Annotated[bool, typer.Option("--documents", help="List every document instead of counts.")] = False,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Write the list to .parquet or .jsonl.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many lines of a printed list.")] = 40,
    json: JsonOption = False,
) -> None:
    """Documents that are in, out or changed, and why: by step, by the rule that dropped them in the other, by source.

    Of the same page in two snapshots the texts are compared. `sources` as a reason: that release was never given the page.
    """
    if to is not None and to.suffix not in (".parquet", ".jsonl"):
        msg = f"--to writes .parquet or .jsonl, not {to.suffix or to.name!r}"
        raise typer.BadParameter(msg)
    old = open_release(recipe, store, before)
    new: Reader = open_corpus(recipe, store) if after is None else open_release(recipe, store, after)
    found = list(compare(old, new, step))
    if documents or to is not None:
        rows = pl.concat([each.documents for each in found])
        if to is not None:
            rows.write_parquet(to) if to.suffix == ".parquet" else rows.write_ndjson(to)
            out.print(f"{rows.height:,} documents → {to}", markup=False)
        elif json:
            out.file.write(rows.write_ndjson())
        else:
            # A page is named by its documents; of an id, as much as `decisions` needs.
            _print(rows.head(limit).drop("page_id").with_columns(pl.col("before", "after", "partner").str.head(12)))
            if rows.height > limit:
                out.print(f"{rows.height - limit:,} more: --limit, --json or --to FILE", style="dim")
        return
    told = summary(old, new, found)
    if json:
        print_json(told)
        return
    _print_summary(told)


@app.command()
def export(
    name: Existing,
    to: Annotated[Path, typer.Argument(metavar="FOLDER", help="Must not exist, or be empty.")],
    step: Annotated[str, typer.Option("--step", help="packed, or a step after which to take documents.")] = "packed",
    columns: Annotated[str | None, typer.Option("--columns", metavar="A,B,…", help="Only these columns.")] = None,
    recipe: RecipeOption = None,
    store: StoreOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export.")] = False,
    json: JsonOption = False,
) -> None:
    """Write a release as a dataset: what data4llm export does, of what was frozen."""
    export_dataset(to, step, columns=columns, recipe=recipe, store=store, release=name, force=force, json=json)


@app.command()
def delete(name: Existing, recipe: RecipeOption = None, store: StoreOption = None) -> None:
    """Withdraw a release. No file is deleted; gc may collect what only this release named."""
    release = open_release(recipe, store, name)
    Releases(release.store, release.name).delete(release.release)
    out.print(f"{release.label} is withdrawn; data4llm gc --forget may collect what only it named", markup=False)


def _brief(value: dict[str, Any]) -> dict[str, Any]:
    return {"created": value["created"], "digest": value["digest"], "snapshots": list(value["content"]["snapshots"])}


def _about(release: Release) -> dict[str, Any]:
    about = {"corpus": release.name, "release": release.release, **_brief(dict(release.value))}
    return {**about, "recipe_digest": release.content["recipe_digest"]}


def _assets(release: Release) -> pl.DataFrame:
    """(asset, partitions, tables, rows, accepted)."""
    by_node = release.partitions.rename({"node": "asset"}).group_by("asset", maintain_order=True)
    accepted = pl.col("accepted").list.explode(keep_nulls=False, empty_as_null=False).unique().sort().str.join(", ")
    return by_node.agg(
        partitions=pl.col("partition").n_unique(), tables=pl.len(), rows=pl.col("rows").sum(), accepted=accepted
    ).with_columns(pl.col("accepted").replace("", None))


def _print_summary(told: dict[str, Any]) -> None:
    out.print(Text(f"{told['before']} → {told['after']}", "bold"))
    for kind, names in told["snapshots"].items():
        if names:
            out.print(f"snapshots {kind}: {', '.join(names)}", markup=False)
    for line in told["recipe"]:
        out.print(f"recipe: {line}", markup=False)
    for name, title in (("steps", None), ("reasons", "\nwhy, after the last step"), ("sources", "\nby source")):
        if not told[name]:
            continue
        if title:
            out.print(Text(title, "bold"))
        _print(pl.DataFrame(told[name], infer_schema_length=None))
    if not told["reasons"]:
        out.print("after the last of these steps no document differs", style="green")


def _print(frame: pl.DataFrame) -> None:
    table = Table(box=None, pad_edge=False)
    shown = [name for name in frame.columns if frame.height == 0 or frame[name].null_count() < frame.height]
    for name in shown:
        numeric = frame.schema[name].is_numeric()
        table.add_column(name.replace("_", " "), justify="right" if numeric else "left", no_wrap=name in ("before", "after"))
    for row in frame.select(shown).iter_rows():
        table.add_row(*("" if cell is None else f"{cell:,}" if isinstance(cell, int) else _cell(cell) for cell in row))
    out.print(table)


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
