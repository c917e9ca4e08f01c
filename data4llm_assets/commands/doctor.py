"""`data4llm doctor`: is everything here that a build needs?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer
from rich.table import Table

from data4llm_assets.commands import health, machine
from data4llm_assets.commands.health import Finding, first_line
from data4llm_assets.commands.options import JsonOption, RecipeArgument, StoreOption, out, print_json
from data4llm_assets.models.language_model import LanguageModelMethod
from data4llm_assets.recipe import Recipe, RecipeError, load_recipe
from data4llm_assets.settings import recipe_of, store_of

MARKS = {"ok": "[green]✓[/green]", "warning": "[yellow]![/yellow]", "failed": "[red]✗[/red]"}


def doctor(recipe: RecipeArgument = None, store: StoreOption = None, json: JsonOption = False) -> None:
    """Check that this machine has what a build needs, and say how to get what it lacks. Changes nothing.

    Python, packages and their versions, the models that the recipe names, memory and disk against the recipe, the store, Dagster's
    home. [red]✗[/red] must be mended (exit status 1); [yellow]![/yellow] is optional, or may become a problem.
    """
    findings = list(examine(recipe_of(recipe), store_of(store)))
    failed = sum(finding.status == "failed" for finding in findings)
    if json:
        print_json({"ok": not failed, "findings": [finding._asdict() for finding in findings]})
    else:
        out.print(_table(findings))
        warned = sum(finding.status == "warning" for finding in findings)
        verdict = f"[red]✗[/red] {failed} to mend" if failed else "[green]✓[/green] ready"
        out.print(f"\n{verdict}" + (f", {warned} optional or worth a look" if warned else ""))
    if failed:
        raise typer.Exit(1)


def examine(recipe: str, store: str) -> Iterator[Finding]:
    """All findings, what everything else stands on first."""
    python, requirements = health.declared()
    yield health.python(python)
    yield from health.packages(requirements)
    try:
        loaded = load_recipe(recipe)
    except RecipeError as error:
        yield Finding("recipe", "failed", str(error), "mend the recipe; data4llm init writes one that works")
    else:
        yield Finding("recipe", "ok", f"{recipe}: corpus {loaded.corpus}, {len(loaded.sources)} sources, {len(loaded.steps)} steps")
        yield from against(loaded, store)
    yield machine.store(store)
    yield machine.dagster_home()
    yield from health.programs()
    yield health.fonts()


def against(recipe: Recipe, store: str) -> Iterator[Finding]:
    """What this recipe asks of the machine."""
    methods = list(health.methods_in(recipe))
    embedded = [method for method in methods if method.method == "smollm2"]
    yield health.weights(needed=bool(embedded))
    yield health.loads("xllamacpp", needed=any(isinstance(method, LanguageModelMethod) for method in embedded))
    yield health.loads("numba", needed=True)
    yield from health.models(method for method in methods if method not in embedded)
    yield machine.threads(recipe.compute.workers)
    yield machine.memory(recipe.compute.workers, recipe.compute.bytes)
    yield from health.alerts(recipe.alerts)
    total = 0
    for name, section in recipe.sources.items():
        try:
            total += machine.source_bytes(section)
        except OSError as error:
            yield Finding(f"source {name}", "failed", first_line(error), f"mend sources.{name}.path in the recipe")
    if "://" not in store:
        yield machine.disk(Path(store), total)


def _table(findings: list[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        told = finding.found if finding.status == "ok" else f"{finding.found}\n→ {finding.remedy}"
        table.add_row(MARKS[finding.status], finding.check, told.replace("[", r"\["))
    return table
