"""`data4llm gc`: collect files that nothing refers to."""

from __future__ import annotations

from typing import Annotated

import typer

from data4llm_assets.commands.options import JsonOption, StoreOption, out, print_json
from data4llm_assets.engine.garbage import collect
from data4llm_assets.engine.store import Store
from data4llm_assets.settings import store_of


def gc(
    store: StoreOption = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Also what is not current in any corpus: going back to an earlier recipe works again.")
    ] = False,
    measures: Annotated[
        bool, typer.Option("--measures", help="Also what was measured by methods as nothing that is current is made with them.")
    ] = False,
    older_than: Annotated[
        float, typer.Option("--older-than", metavar="HOURS", min=0, help="Spare what is younger: a run may be writing it.")
    ] = 24.0,
    delete: Annotated[bool, typer.Option("--delete", help="Delete; without it only say what would be.")] = False,
    json: JsonOption = False,
) -> None:
    """Find files that no manifest names (leftovers of killed runs) and, with --delete, remove them.

    Remembered results of earlier recipes are kept, so that going back costs nothing, unless you --forget them; what a release holds
    is kept until you delete the release. --measures forgets what other versions, parameters or models of methods in use measured.
    """
    found = collect(Store(store_of(store)), forget=forget, older_than=older_than * 3600, delete=delete, measures=measures)
    if json:
        print_json(found)
        return
    verb = "deleted" if delete else "would delete"
    for kind, (count, size) in found.items():
        out.print(f"{verb} {count:,} {kind}, {size / 1e6:,.1f} MB", markup=False)
    if not delete and any(count for count, _ in found.values()):
        out.print("run again with --delete to remove them")
