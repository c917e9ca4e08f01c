"""`data4llm run`: bring a corpus up to date, and show what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
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
from data4llm_assets.engine.acceptance import parse
from data4llm_assets.engine.alerts import Finding, findings, tell
from data4llm_assets.engine.expectations import refused, sentence
from data4llm_assets.engine.home import dagster_home, open_instance
from data4llm_assets.engine.orphans import fail_orphans, left_behind, noted
from data4llm_assets.engine.planner import Plan, Selection, acceptable
from data4llm_assets.engine.records import new_run
from data4llm_assets.engine.run import Done, Report, selected
from data4llm_assets.recipe import find_recipe, load_graph
from data4llm_assets.report.funnel import funnel, funnel_table
from data4llm_assets.report.throughput import throughput
from data4llm_assets.settings import recipe_of

WITHIN_BUDGET = 3
"""Exit status of a run that left something for the next one, so as not to exceed its budget."""


def run(
    recipe: RecipeArgument = None,
    store: StoreOption = None,
    select: Annotated[
        list[str] | None, typer.Option("--select", metavar="STEP", help="Only these assets; may be repeated.")
    ] = None,
    snapshot: SnapshotOption = None,
    shard: ShardOption = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Partitions made at the same time; default from the recipe.")
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", metavar="NAME=VERSION", help="Take over what this older version made; may be repeated."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Build what is out of date, check it, publish it, and print the funnel. Nothing else is touched.

    The first run freezes a snapshot of the sources. A partition is published only if its checks pass; a refused one leaves the
    version before readable, and nothing that reads it runs. Interrupted or killed, the next run goes on where this one stopped.

    With [bold]budget[/bold] in the recipe, a partition that might exceed it is not begun: exit status 3, and the next run goes on
    with a budget of its own.

    --accept: the version of a method, step, source kind or library, as in minhash=1. Partitions that differ from what is current by
    that version alone become current as they are, and say so ever after. Everything else is made.
    """
    began = time.perf_counter()
    corpus = open_corpus(recipe, store)
    for name in select or ():
        corpus.node(name)
    selection = selected(select or (), [snapshot] if snapshot else (), [shard] if shard else ())
    corpus.state.accept = parse(accept or ())
    with _told_of(corpus):
        corpus.deliver()
        due = corpus.plan(selection)
    acceptable(corpus.state, due)
    if due.current:
        _tidy_up()
        if json:
            print_json({"current": True, "jobs": 0, "funnel": funnel(corpus)})
            return
        out.print(funnel_table(corpus))
        out.print(f"\n[green]✓[/green] {corpus.name}: all is current, nothing to do ({time.perf_counter() - began:.1f} s)")
        return
    count = workers or corpus.recipe.compute.workers
    with _told_of(corpus):
        report = _build(corpus, str(find_recipe(recipe_of(recipe))), selection, count, warm=bool(due.due("run")))
    seconds = time.perf_counter() - began
    undelivered = tell(corpus.recipe.alerts, corpus.name, report.run, findings(report))
    if json:
        print_json(
            {
                "current": report.plan.current,
                "run": report.run,
                "jobs": report.jobs,
                "seconds": round(seconds, 2),
                "funnel": funnel(corpus),
            }
            | {"refused": [[o.node, o.partition, [sentence(r) for r in refused(o.checks)]] for o in report.refused()]}
            | {"failed": [[done.job.partition, done.error] for done in report.failures]}
            | {"undelivered_alerts": undelivered}
            | _spent(report)
        )
    else:
        _show(corpus, report, seconds)
    for line in undelivered:
        errors.print(line, style="yellow", markup=False)
    if not report.ok:
        raise typer.Exit(1)
    if report.held:
        raise typer.Exit(WITHIN_BUDGET)


def _spent(report: Report) -> dict[str, Any]:
    if report.allowance is None:
        return {}
    return {"spent": report.allowance.spent._asdict(), "held": [each._asdict() for each in report.allowance.held.values()]}


def _build(corpus: Corpus, recipe: str, selection: Selection, workers: int, *, warm: bool) -> Report:
    # Dagster takes a second to import: a run with nothing to do does not pay for it.
    from data4llm_assets.engine.workers import DagsterPool, announce_snapshots, report_adopted

    home, name = dagster_home(), new_run()
    with noted(home), DagsterPool(partial(load_graph, recipe), corpus.store.uri, home, name, workers) as pool:
        if warm:
            pool.warm()
        with open_instance(home) as instance, _display() as shown:
            fail_orphans(instance, home)
            announce_snapshots(instance, corpus.name, list(corpus.state.snapshots))

            def watch(event: str, value: Any) -> None:
                if event == "adopted":
                    report_adopted(instance, corpus.graph, value)
                shown(event, value)

            return corpus.build(pool.execute, run=name, selection=selection, watch=watch, workers=workers)


def _tidy_up() -> None:
    home = dagster_home()
    if left_behind(home):
        with open_instance(home) as instance:
            fail_orphans(instance, home)


@contextmanager
def _told_of(corpus: Corpus) -> Iterator[None]:
    """An error that stops the whole run is told as well: nobody may be sitting at the terminal."""
    try:
        yield
    except Exception as error:
        for line in tell(corpus.recipe.alerts, corpus.name, "", [Finding("failed", "", error=type(error).__name__)]):
            errors.print(line, style="yellow", markup=False)
        raise


@contextmanager
def _display() -> Iterator[Any]:
    """One line: what runs, partitions done of all that are due, documents per second, time left."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=errors, transient=errors.is_terminal) as progress:
        task = progress.add_task("planning", total=None, rate="")
        began, done, documents = time.perf_counter(), 0, 0

        def shown(event: str, value: Any) -> None:
            nonlocal done, documents
            if event == "plan":
                due: Plan = value
                progress.update(task, total=done + len(due.due("run", "adopt", "follow")))
                return
            if event == "frontier":
                assets = " → ".join(dict.fromkeys(name for job in value for name in job.nodes))
                progress.update(task, description=assets)
                if not errors.is_terminal:
                    errors.print(f"{time.perf_counter() - began:6.1f} s  {assets}: {len(value)} partitions", markup=False)
                return
            outcomes = [value] if event == "adopted" else value.outcomes
            done += len(outcomes)
            documents += sum(row["documents_in"] for outcome in outcomes for row in outcome.metrics.get("accounts", []))
            rate = documents / (time.perf_counter() - began)
            progress.update(task, completed=done, rate=f"{rate:,.0f} documents/s" if documents else "")

        yield shown


def _show(corpus: Corpus, report: Report, seconds: float) -> None:
    if report.refused():
        out.print("What is current; where a partition was refused, that is its version before:")
    out.print(funnel_table(corpus))
    if any(outcome.record for outcome in report.outcomes):
        out.print()
        out.print(_throughput_table(corpus, report))
    _show_warnings(report)
    for done in report.failures:
        _show_failure(done)
    for outcome in report.refused():
        errors.print(
            f"\n[bold red]refused[/bold red] {outcome.node} {outcome.partition}: nothing published, what was current still is"
        )
        for result in refused(outcome.checks):
            errors.print(f"  [{result['quality']}] {sentence(result)}", markup=False)
        dropped = [row for row in outcome.metrics.get("reasons", []) if row["action"] == "drop"]
        if dropped:
            told = ", ".join(f"{row['rule']} {row['documents']:,}" for row in dropped[:5])
            errors.print(f"  dropped by {told}", markup=False)
    if lost := [outcome for outcome in report.outcomes if outcome.result == "lost"]:
        errors.print(f"{len(lost)} partitions were published first by another run; run again to see whether anything is left")
    made = sum(outcome.result == "published" for outcome in report.outcomes)
    again = sum(outcome.result in ("adopted", "unchanged") for outcome in report.outcomes)
    out.print(f"\n{corpus.name}: {made} partitions made, {again} taken over unchanged, in {seconds:.1f} s", markup=False)
    if report.held and report.allowance is not None:
        for line in report.allowance.told():
            errors.print(line, style="yellow", markup=False)
        out.print("stopped within the budget: what is whole is published, and the next [bold]data4llm run[/bold] goes on from here")
    if report.ok and report.plan.current:
        out.print("[green]✓[/green] all is current")
    out.print(
        "Look around: [bold]data4llm ui[/bold] opens Dagster (in a checkout: [bold]make ui[/bold]); "
        "[bold]data4llm decisions[/bold] says what was dropped and why"
    )


def _throughput_table(corpus: Corpus, report: Report) -> Table:
    """How fast each asset was, from the records of this run."""
    frame = throughput(corpus.store, report.run)
    table = Table(box=None, pad_edge=False)
    for name, dtype in frame.schema.items():
        table.add_column(name.replace("_", " "), justify="right" if dtype.is_numeric() else "left")
    for row in frame.iter_rows():
        table.add_row(
            *(
                ""
                if value is None
                else f"{value:,.1f}"
                if isinstance(value, float)
                else f"{value:,}"
                if isinstance(value, int)
                else str(value)
                for value in row
            )
        )
    return table


def _show_warnings(report: Report) -> None:
    """Expectations that failed without refusing anything, each once, with the partitions it failed for."""
    found: dict[tuple[str, str], list[str]] = {}
    for outcome in report.outcomes:
        for result in outcome.checks:
            if not result["passed"] and result["severity"] == "warning" and outcome.result == "published":
                found.setdefault((outcome.node, result["why"]), []).append(sentence(result))
    for (node, _), told in list(found.items())[:8]:
        more = f" (and in {len(told) - 1} more partitions)" if len(told) > 1 else ""
        errors.print(f"[yellow]warning[/yellow] {node}: ", end="")
        errors.print(told[0] + more, markup=False)
    if len(found) > 8:
        errors.print(f"[yellow]{len(found) - 8} more warnings[/yellow]: see the checks in Dagster")


def _show_failure(done: Done) -> None:
    errors.print(f"\n[bold red]failed[/bold red] {done.job.partition}")
    errors.print(f"  {done.error}", markup=False)
