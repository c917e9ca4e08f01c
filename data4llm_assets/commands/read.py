"""`data4llm read`: the documents as they stand after a step, or any published table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from data4llm_assets.commands.options import (
    JsonOption,
    RecipeOption,
    ReleaseOption,
    ShardOption,
    SnapshotOption,
    StoreOption,
    errors,
    open_reader,
    out,
)


def read(
    step: Annotated[
        str, typer.Argument(help="A step (extracted_text, filtered, packed, …) or another asset (duplicates, mixture, …).")
    ],
    recipe: RecipeOption = None,
    store: StoreOption = None,
    table: Annotated[
        str | None, typer.Option("--table", help="One of the asset's tables; documents, or its main table, if not given.")
    ] = None,
    snapshot: SnapshotOption = None,
    shard: ShardOption = None,
    release: ReleaseOption = None,
    columns: Annotated[str | None, typer.Option("--columns", metavar="A,B,…", help="Only these columns.")] = None,
    where: Annotated[str | None, typer.Option("--where", metavar="SQL", help="E.g. \"bytes > 1000 AND domain = 'code'\".")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many rows; 20 if printed.")] = None,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Write .parquet or .jsonl instead of printing.")] = None,
    json: JsonOption = False,
) -> None:
    """Read the documents as they stand after a step: original text, latest edits, only who is kept.

    Example: data4llm read filtered --columns doc_id,domain,text --where "bytes > 5000" --to long.parquet
    """
    if to is not None and to.suffix not in (".parquet", ".jsonl"):
        msg = f"--to writes .parquet or .jsonl, not {to.suffix or to.name!r}"
        raise typer.BadParameter(msg)
    corpus = open_reader(recipe, store, release)
    rows = limit if to or json else (limit or 20)
    wanted = [name.strip() for name in columns.split(",")] if columns else None
    try:
        frame = corpus.read(step, table=table, snapshot=snapshot, shard=shard, columns=wanted, where=where, limit=rows)
    except pl.exceptions.PolarsError as error:
        msg = f"--where {where!r}: {error}"
        raise typer.BadParameter(msg) from error
    if to is None and not json:
        with pl.Config(
            tbl_rows=rows or 20, tbl_cols=12, fmt_str_lengths=60, tbl_width_chars=out.width, tbl_hide_dataframe_shape=True
        ):
            out.print(str(frame), markup=False)
    elif to is None:
        out.file.write(frame.write_ndjson())
    else:
        frame.write_parquet(to) if to.suffix == ".parquet" else frame.write_ndjson(to)
        errors.print(f"{frame.height:,} rows → {to}", markup=False)
