"""`data4llm plan`: what a run would do, and why. Changes nothing."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from data4llm_assets.commands.options import (
    JsonOption,
    RecipeArgument,
    ShardOption,
    SnapshotOption,
    StoreOption,
    open_corpus,
    out,
    print_json,
)
from data4llm_assets.engine.run import selected
from data4llm_assets.report.throughput import forecast


def plan(
    recipe: RecipeArgument = None,
    store: StoreOption = None,
    select: Annotated[list[str] | None, typer.Option("--select", metavar="STEP", help="Only these steps; may be repeated.")] = None,
    snapshot: SnapshotOption = None,
    shard: ShardOption = None,
    json: JsonOption = False,
) -> None:
    """Say what must run, why, and for about how long. Changes nothing.

    [bold]run[/bold]: its inputs stand and something that makes it changed. [bold]adopt[/bold]: an earlier run made exactly this,
    it only becomes current again. [bold]may follow[/bold]: an input is about to run; if that comes out unchanged, this will not.
    """
    corpus = open_corpus(recipe, store)
    for name in select or ():
        corpus.node(name)
    found = corpus.plan(selected(select or (), [snapshot] if snapshot else (), [shard] if shard else ()))
    groups = found.by_node()
    seconds = forecast(corpus.store, found)
    waiting = corpus.undelivered()
    if json:
        print_json(
            {"current": found.current and not waiting, "undelivered": waiting, "assets": groups, "forecast_seconds": seconds}
        )
        return
    if not corpus.state.snapshots:
        out.print(
            f"{corpus.name}: nothing delivered yet; [bold]data4llm run[/bold] freezes the first snapshot and builds everything"
        )
        return
    if waiting:
        out.print(
            f"not delivered yet: {', '.join(waiting)}; the next run lists them in the newest snapshot and builds what follows"
        )
    for name, group in groups.items():
        for told, count in group["accepted"].items():
            out.print(f"{name}: {count} partitions stand by an older version, accepted: {told}", markup=False, style="dim")
    if found.current:
        out.print(f"[green]✓[/green] {corpus.name}: all {len(found.items)} partitions are current")
        return
    out.print(_table(groups))
    if seconds is not None:
        out.print(f"about {seconds:.0f} s of work by earlier runs' pace, were everything that may follow to run")


def _table(groups: dict[str, dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for head in ("asset", "current", "run", "adopt", "may follow"):
        table.add_column(head, justify="left" if head == "asset" else "right")
    table.add_column("why")
    for name, group in groups.items():
        reasons = sorted(group["reasons"].items(), key=lambda item: -item[1])
        why = "\n".join(f"{reason}" + (f"  ({count}×)" if count > 1 else "") for reason, count in reasons[:6])
        numbers = [str(group[due] or "·") for due in ("current", "run", "adopt", "follow")]
        style = "bold" if group["run"] else ("" if group["adopt"] or group["follow"] else "dim")
        table.add_row(name, *numbers, why, style=style)
    return table
