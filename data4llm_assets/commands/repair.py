"""`data4llm repair`: find files of the store that are gone, cut short or changed, and have the next run make them anew."""

from __future__ import annotations

from typing import Annotated

import typer

from data4llm_assets.commands.options import JsonOption, StoreOption, out, print_json
from data4llm_assets.engine.repair import examine, forget
from data4llm_assets.engine.store import Store
from data4llm_assets.settings import store_of


def repair(
    store: StoreOption = None,
    rows: Annotated[
        bool, typer.Option("--rows", help="Compare the rows of every table with its name, too: reads all of them.")
    ] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Forget what is damaged; without it only say what is.")] = False,
    json: JsonOption = False,
) -> None:
    """Find damaged files, and what was made of them; with --apply, the next run makes all of that anew.

    Exit status 1 if something is damaged and was not repaired.
    """
    opened = Store(store_of(store))
    found = examine(opened, rows=rows)
    if apply:
        forget(opened, found)
    if json:
        print_json(found._asdict())
    else:
        for path, what in found.damaged:
            out.print(f"{path}: {what}", markup=False)
        for folder, name in found.references:
            out.print(f"{folder} {name.replace('@', '|')}: {'will be' if apply else 'would be'} made anew", markup=False)
        if found.lost:
            out.print("a snapshot's listing is lost: freeze it again, `data4llm snapshot add NAME --relist`", style="yellow")
        for corpus, name in found.releases:
            out.print(f"release {name} of {corpus} holds what is damaged: whole again when a run makes it anew", style="yellow")
        if not found.damaged:
            out.print("nothing is damaged")
        elif not apply:
            out.print("run again with --apply to forget what is damaged")
    if found.damaged and (found.lost or not apply):
        raise typer.Exit(1)
