"""`data4llm upgrade`: bring a store that an older data4llm wrote up to the present format."""

from __future__ import annotations

from typing import Annotated

import typer

from data4llm_assets.commands.options import JsonOption, StoreOption, errors, out, print_json
from data4llm_assets.engine.upgrade import upgrade as upgraded
from data4llm_assets.settings import store_of


def upgrade(
    store: StoreOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be written; change nothing.")] = False,
    json: JsonOption = False,
) -> None:
    """Bring a store of an older format up to date. Nothing is built again, no document and no digest changes.

    Stop what runs on the store first. Interrupted, the store is readable, and the same command ends what was begun.
    """
    found = upgraded(store_of(store), apply=not dry_run)
    if json:
        print_json({**found._asdict(), "applied": not dry_run})
        return
    if found.before == found.after:
        out.print(f"the store has format {found.after}: nothing to do")
        return
    verb = "would be" if dry_run else "are"
    out.print(
        f"format {found.before} → {found.after}: {found.manifests:,} results, {found.folds:,} intermediate results and "
        f"{found.references:,} references {verb} renamed; tables and measures stay as they lie"
    )
    for path in found.unusable:
        errors.print(f"{path} is not what it is named by: what it holds is made anew", markup=False, style="yellow")
