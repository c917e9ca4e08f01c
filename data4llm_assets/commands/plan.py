"""`data4llm plan`: what a run would do, and why. Changes nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from data4llm_assets.commands.options import (
    JsonOption,
    RecipeArgument,
    ShardOption,
    SnapshotOption,
    StoreOption,
    errors,
    open_corpus,
    out,
    print_json,
)
from data4llm_assets.corpus import Corpus
from data4llm_assets.engine.costs import Range
from data4llm_assets.engine.experience import earlier_records
from data4llm_assets.engine.planner import Selection
from data4llm_assets.engine.run import selected
from data4llm_assets.evaluation.probe import DOCUMENTS, listed
from data4llm_assets.evaluation.probe import probe as build_miniature
from data4llm_assets.report.forecast import Forecast, Line, forecast


def plan(
    recipe: RecipeArgument = None,
    store: StoreOption = None,
    select: Annotated[list[str] | None, typer.Option("--select", metavar="STEP", help="Only these steps; may be repeated.")] = None,
    snapshot: SnapshotOption = None,
    shard: ShardOption = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Partitions made at the same time; default from the recipe.")
    ] = None,
    probe: Annotated[
        bool,
        typer.Option("--probe", help=f"First build {DOCUMENTS} documents in a store that is thrown away, to see what they cost."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Say what must run, why, and what it will take: CPU, time, tokens, money. Changes nothing.

    [bold]run[/bold]: its inputs stand and something that makes it changed. [bold]adopt[/bold]: an earlier run made exactly this,
    it only becomes current again. [bold]may follow[/bold]: an input is about to run; if that comes out unchanged, this will not.

    Forecasts come from the records of earlier runs; an interval holds the truth nine times of ten. Where no record tells,
    [bold]--probe[/bold] finds out. It asks the recipe's language models, too, about a few documents.
    """
    corpus = open_corpus(recipe, store)
    for name in select or ():
        corpus.node(name)
    selection = selected(select or (), [snapshot] if snapshot else (), [shard] if shard else ())
    found = corpus.plan(selection)
    groups = found.by_node()
    waiting = corpus.undelivered()
    count = workers or corpus.recipe.compute.workers
    told = _probed(corpus, selection, count) if probe else forecast(corpus.state, found, count)
    if json:
        print_json({"current": found.current and not waiting, "undelivered": waiting, "assets": groups, "forecast": told.json()})
        return
    if not corpus.state.snapshots:
        out.print(
            f"{corpus.name}: nothing delivered yet; [bold]data4llm run[/bold] freezes the first snapshot and builds everything. "
            "[bold]data4llm plan --probe[/bold] says before what that will take"
            if not probe
            else f"{corpus.name}: nothing delivered yet; a first run is expected to take:"
        )
        if probe:
            _show(told)
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
    _show(told)


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


def _probed(corpus: Corpus, selection: Selection, workers: int) -> Forecast:
    """The forecast after a probe. A corpus of which nothing is delivered is listed elsewhere first: probing changes nothing."""
    with tempfile.TemporaryDirectory(prefix="data4llm-listed-") as folder:
        delivered = corpus if corpus.state.snapshots else listed(corpus, Path(folder))
        found = build_miniature(corpus, delivered)
        documents = ", ".join(f"{count} of {source}" for source, count in found.documents.items())
        asked = f", {found.calls} calls of a language model" if found.calls else ""
        errors.print(f"probed {documents}: {_seconds(found.cpu_seconds)} of CPU time{asked}", markup=False)
        for failure in found.failures:
            errors.print(f"the probe failed, so nothing is known of this and what follows: {failure}", style="yellow", markup=False)
        return forecast(delivered.state, delivered.plan(selection), workers, earlier_records(corpus.store))


def _show(told: Forecast) -> None:
    if not told.knows_nothing and told.assets:
        out.print()
        out.print(_costs(told))
        out.print(
            f"about {_seconds(told.wall.expected)} by {told.workers} workers "
            f"({_seconds(told.wall.low)} to {_seconds(told.wall.high)}), were everything that may follow to run"
        )
    if told.unknown:
        missing = "nothing here was" if told.knows_nothing else f"this was never run here: {', '.join(told.unknown)}; it is"
        wanted = "run here yet" if told.knows_nothing else "not in the sums"
        out.print(f"{missing} {wanted}. [bold]data4llm plan --probe[/bold] measures it on {DOCUMENTS} documents")


def _costs(told: Forecast) -> Table:
    """Expectations with their intervals; of tokens and money only where there are any."""
    table = Table(box=None, pad_edge=False)
    shown = [name for name in _HEADS if name in ("cpu_seconds", "seconds") or told.total.amounts[name].high]
    for head in ("forecast", "partitions", *(_HEADS[name].format(told.currency) for name in shown)):
        table.add_column(head, justify="left" if head == "forecast" else "right")
    for line in (*told.assets, told.total):
        table.add_row(*_row(line, shown), style="bold" if line is told.total else "")
    return table


def _row(line: Line, shown: list[str]) -> list[str]:
    amounts = (line.amounts[name] for name in shown)
    return [line.asset + (" *" if line.unknown else ""), str(line.partitions), *map(_range, amounts)]


def _range(amount: Range) -> str:
    if amount.high < _NEXT_TO_NOTHING:
        return f"< {_NEXT_TO_NOTHING}" if amount.high else "·"
    return f"{_number(amount.expected)} ({_number(amount.low)}–{_number(amount.high)})"


def _seconds(value: float) -> str:
    if value < 100:
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    return f"{value / 60:.0f} min" if value < 6000 else f"{value / 3600:.1f} h"


_NEXT_TO_NOTHING = 0.001
_HEADS = {
    "cpu_seconds": "CPU seconds",
    "seconds": "seconds",
    "tokens": "model tokens",
    "training_tokens": "training tokens",
    "money": "{}",
}


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"
