"""A corpus in Python: the same as the command line, for notebooks and other programs.

>>> corpus = Corpus("sample", "store")            # doctest: +SKIP
>>> corpus.build()                                # doctest: +SKIP
>>> corpus.read("filtered", columns=["doc_id", "text"], limit=5)  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data4llm_assets.engine.planner import Plan, Selection, plan
from data4llm_assets.engine.records import new_run
from data4llm_assets.engine.run import Execute, Report, Watch, bring_up_to_date, inline
from data4llm_assets.engine.snapshots import Snapshots
from data4llm_assets.engine.state import State
from data4llm_assets.engine.store import Store
from data4llm_assets.lineage.frozen import without_secrets
from data4llm_assets.lineage.reader import Reader
from data4llm_assets.lineage.releases import Release, Releases
from data4llm_assets.node import Section, View
from data4llm_assets.recipe import Recipe, load_recipe, parse_recipe


class Corpus(Reader):
    """A recipe and the store it is built in."""

    recipe: Recipe

    def __init__(self, recipe: str | Path | Recipe | Mapping[str, Any] = "sample", store: str | Path | Store = "store") -> None:
        """recipe: a file, the name of a shipped one, or its keys. store: a folder or a URI. Raises recipe.RecipeError."""
        if isinstance(recipe, Mapping):
            recipe = parse_recipe(recipe)
        self.recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
        self.store = store if isinstance(store, Store) else Store(str(store))
        self.graph = self.recipe.graph()
        self.state = State(self.graph, self.store)

    @property
    def snapshots(self) -> Snapshots:
        return Snapshots(self.store, self.name)

    @property
    def releases(self) -> Releases:
        return Releases(self.store, self.name)

    def release(self, name: str) -> Release:
        """What a release froze, to be read as the corpus is, whatever became of the corpus. Raises LookupError."""
        return self.releases.open(name)

    def plan(self, selection: Selection | None = None) -> Plan:
        """What stands between the store and the recipe."""
        self.state.refresh()
        return plan(self.state, selection)

    def deliver(self) -> None:
        """Freeze the first snapshot if there is none; list sources that the recipe gained in the newest."""
        known = self.snapshots.all()
        if not known:
            self.snapshots.add(self.recipe.snapshot, self.recipe.sources)
        else:
            self.snapshots.complete(list(known)[-1], self.recipe.sources)
        self.state.refresh()

    def undelivered(self) -> list[str]:
        """Sources that the recipe gained: those that no snapshot has."""
        return self.snapshots.missing(self.recipe.sources)

    def freeze(self, name: str) -> Release:
        """Make a release of what is current. Raises releases.Stale if anything is not, ReleaseError if the name is taken."""
        waiting = self.undelivered()
        return self.releases.create(name, self, self.plan(), waiting)

    def recipe_json(self) -> dict[str, Any]:
        return dict(without_secrets(self.recipe.model_dump(mode="json", serialize_as_any=True)))

    def stale(self, nodes: set[str]) -> list[str]:
        concerned = self.graph.all_upstream(nodes)
        return list(dict.fromkeys(item.node for item in self.plan().due("run", "adopt", "follow") if item.node in concerned))

    def build(
        self,
        execute: Execute | None = None,
        *,
        run: str | None = None,
        selection: Selection | None = None,
        watch: Watch | None = None,
        workers: int = 1,
    ) -> Report:
        """Bring the corpus up to date, in this process unless `execute` says otherwise (see `engine.workers`)."""
        run = run or new_run()
        self.deliver()
        execute = execute or inline(self.state, run)
        return bring_up_to_date(self.state, execute, run, selection=selection, watch=watch, workers=workers)

    def step(self, name: str) -> Section:
        return next(section for section in self.recipe.steps if section.name == name)

    def view_after(self, step: str) -> View:
        """The documents as they stand after a step."""
        for section, place in self.recipe.places():
            if section.name == step:
                return section.after(place)
        msg = f"there is no step {step!r}"
        raise LookupError(msg)
