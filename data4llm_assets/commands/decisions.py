"""`data4llm decisions`: why a document was dropped, edited or carried."""

from __future__ import annotations

from typing import Annotated

import polars as pl
import typer
from rich.table import Table

from data4llm_assets.commands.options import JsonOption, RecipeOption, ReleaseOption, StoreOption, open_reader, out


def decisions(
    doc_id: Annotated[
        str | None, typer.Argument(metavar="[DOC_ID]", help="A document, or the beginning of its id.", show_default=False)
    ] = None,
    recipe: RecipeOption = None,
    store: StoreOption = None,
    step: Annotated[str | None, typer.Option("--step", help="Only this step.", show_default=False)] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="Only rules that begin so.", show_default=False)] = None,
    release: ReleaseOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many lines.")] = 40,
    json: JsonOption = False,
) -> None:
    """Every decision about a document, or a count by step and rule. Complete, never a sample.

    With a DOC_ID: each rule that spoke, value against threshold, the document it duplicates, the spans that were edited.
    """
    corpus = open_reader(recipe, store, release)
    if not any(corpus.state.entry("raw_crawl", partition.key).value for partition in corpus.state.grid):
        msg = f"nothing of {corpus.name!r} is built yet: data4llm run"
        raise LookupError(msg)
    found = corpus.decisions(step, doc_id=doc_id, rule=rule)
    if json:
        out.file.write(found.write_ndjson())
        return
    if doc_id is None and rule is None:
        counts = found.group_by("step", "rule", "action", maintain_order=True).agg(documents=pl.col("doc_id").n_unique())
        order = {name: place for place, name in enumerate(corpus.graph.nodes)}
        ranked = counts.sort(pl.col("step").replace_strict(order, return_dtype=pl.Int64), "documents", descending=[False, True])
        _print(ranked.head(limit))
        for name in ranked["step"].unique(maintain_order=True):
            for told in corpus.accepted(name):
                out.print(f"{name}: {told}, accepted", markup=False, style="dim")
        return
    if found.is_empty():
        out.print("no decision names such a document: none of that id, or no rule dropped, edited or carried it", markup=False)
        return
    spans = pl.col("spans").list.eval(
        pl.format(
            "{} {}–{}", pl.element().struct.field("type"), pl.element().struct.field("start"), pl.element().struct.field("end")
        )
    )
    _print(found.with_columns(spans=spans.list.join(", ")).drop("partition").head(limit))


def _print(frame: pl.DataFrame) -> None:
    table = Table(box=None, pad_edge=False)
    # Ids are there to be copied, so they are never cut; columns that say nothing make room for them.
    shown = [name for name in frame.columns if frame[name].null_count() < frame.height]
    for name in shown:
        table.add_column(
            name, justify="right" if frame.schema[name].is_numeric() else "left", no_wrap=name in ("doc_id", "partner")
        )
    for row in frame.select(shown).iter_rows():
        table.add_row(*("" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value) for value in row))
    out.print(table, crop=False, soft_wrap=False)
