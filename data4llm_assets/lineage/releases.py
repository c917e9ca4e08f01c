"""Releases: named, frozen sets of what was current. They stay readable, bit for bit, whatever becomes of the corpus.

A release is one small object, created exclusively, that names one table of all partitions with the tables they published. It says
itself how to read them, so neither the recipe nor the stages need to be what they were.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import polars as pl

from data4llm_assets.engine.collecting import stand_aside
from data4llm_assets.engine.digest import json_digest
from data4llm_assets.engine.planner import Plan
from data4llm_assets.engine.register import Register
from data4llm_assets.engine.roots import named_by_release
from data4llm_assets.engine.snapshots import NAME
from data4llm_assets.engine.state import State, manifest_path
from data4llm_assets.engine.store import Damaged, Store
from data4llm_assets.lineage.frozen import FrozenState, Said, described, graph_of, view_of
from data4llm_assets.lineage.reader import Reader
from data4llm_assets.method import Method
from data4llm_assets.node import View
from data4llm_assets.recipe import did_you_mean

LAYOUT = 1
"""Of the object that a release is. A release is never rewritten: every layout that ever was stays readable."""
PARTITIONS = pl.Schema(
    {
        "node": pl.String(),
        "partition": pl.String(),
        "fingerprint": pl.String(),
        "digest": pl.String(),
        "table": pl.String(),
        "file": pl.String(),
        "rows": pl.Int64(),
        "accepted": pl.List(pl.String),
    }
)
"""One row for each table of each partition of each node. accepted: versions that stand for later ones (`acceptance.told`)."""


class ReleaseError(ValueError):
    """A release cannot be made, read or deleted as asked."""


class Stale(ReleaseError):
    """A corpus that is not up to date cannot be released. `why`: a line for each asset."""

    def __init__(self, corpus: str, why: list[str]) -> None:
        self.why = why
        super().__init__(f"not released, for {corpus} is not up to date: first data4llm run\n" + "\n".join(why))


class Release(Reader):
    """A release, to be read as a corpus is."""

    def __init__(self, store: Store, name: str, value: Mapping[str, Any]) -> None:
        if value["layout"] > LAYOUT:
            msg = f"release {name!r} was written by a newer data4llm: upgrade the program to read it"
            raise ReleaseError(msg)
        self.store, self.release, self.value = store, name, value
        self.content: Mapping[str, Any] = value["content"]
        self.recipe = Said(self.content["recipe"])
        self.graph = graph_of(self.content["corpus"], self.content["graph"], self.recipe.sources)
        self.state = FrozenState(self.graph, store, frozen=_values(self.partitions), listed=self.content["snapshots"])

    @property
    def digest(self) -> str:
        """Of everything it holds: equal digests mean equal rows, recipes and listings."""
        return str(self.value["digest"])

    @property
    def label(self) -> str:
        return f"{self.name}, release {self.release}"

    @property
    def partitions(self) -> pl.DataFrame:
        """PARTITIONS of everything in it."""
        return self.store.read_table(self.content["partitions"][0])

    def view_after(self, step: str) -> View:
        views = self.content["graph"]["views"]
        return view_of(views[self._known(step, views)])

    def recipe_json(self) -> dict[str, Any]:
        return dict(self.content["recipe"])

    def model(self, method: Method) -> Any:
        """Raises ReleaseError if the tokenizer that the release's recipe names is another by now."""
        if method is self.recipe.tokenizer and dict(method.models()) != self.content["tokenizer"]:
            msg = f"the tokenizer {method.method!r} is not what it was when {self.label} was made: put its files back"
            raise ReleaseError(msg)
        return super().model(method)

    def stale(self, nodes: set[str]) -> list[str]:
        return []


class Releases:
    """The releases of one corpus."""

    def __init__(self, store: Store, corpus: str) -> None:
        self._store, self._corpus = store, corpus
        self.register = Register(store, f"corpora/{corpus}/releases")

    def all(self) -> dict[str, dict[str, Any]]:
        """What releases are, by name, the oldest first."""
        self.register.refresh()
        found = {name: entry.value for name, entry in self.register.entries().items() if entry.value is not None}
        return dict(sorted(found.items(), key=lambda item: (item[1]["created"], item[0])))

    def open(self, name: str) -> Release:
        """Raises LookupError if there is none of that name."""
        value = self.register.current(name).value
        if value is None:
            known = self.all()
            names = ", ".join(known) or "none"
            msg = f"there is no release {name!r} of {self._corpus}; there are: {names}{did_you_mean(name, known)}"
            raise LookupError(msg)
        return Release(self._store, name, value)

    def create(self, name: str, of: Reader, plan: Plan, undelivered: list[str]) -> Release:
        """Freeze what `plan` found current, under a name.

        plan : of everything, made from the state of `of` as it is. undelivered : sources that no snapshot lists yet.

        Raises
        ------
        Stale
            If anything is not up to date.
        ReleaseError
            If the name is taken or is no name, or files were collected meanwhile.
        """
        if not NAME.fullmatch(name):
            msg = f"a release is named with letters, digits, '.', '_' and '-', not {name!r}"
            raise ReleaseError(msg)
        entry = self.register.current(name)
        if entry.value is not None:
            msg = f"release {name!r} of {self._corpus} exists: choose another name, or first data4llm release delete {name}"
            raise ReleaseError(msg)
        state = of.state
        if why := out_of_date(state, plan, undelivered):
            raise Stale(self._corpus, why)
        table = self._store.write_table([_partitions(state)], PARTITIONS)
        content = {
            "corpus": self._corpus,
            "recipe": (recipe := of.recipe_json()),
            "recipe_digest": json_digest(recipe),
            "tokenizer": dict(of.recipe.tokenizer.models()),
            "graph": described(state.graph, {step.name: of.view_after(step.name) for step in of.recipe.steps}),
            "snapshots": state.snapshots,
            "partitions": list(table),
        }
        value = {"layout": LAYOUT, "digest": json_digest(content), "content": content, "created": _now()}
        with self._claimed(value):
            if not self.register.publish(name, entry.generation, value):
                msg = f"another process made release {name!r} of {self._corpus} at the same time: choose another name"
                raise ReleaseError(msg)
        return Release(self._store, name, value)

    def delete(self, name: str) -> None:
        """Withdraw a release: `gc` may collect what only it names. Raises LookupError if there is none of that name."""
        self.open(name)
        self.register.publish(name, self.register.entry(name).generation, None)

    @contextmanager
    def _claimed(self, value: dict[str, Any]) -> Iterator[None]:
        """What was current a moment ago may be collected by now: claim it, then see that it is there."""
        claim = f"claims/{os.urandom(8).hex()}.json"
        self._store.put_json(claim, value)
        try:
            stand_aside(self._store)
            try:
                files, fingerprints = named_by_release(self._store, value)
                gone = self._store.missing([*sorted(files), *map(manifest_path, sorted(fingerprints))])
            except Damaged as error:
                gone = [error.path]
            if gone:
                msg = f"not released: {gone[0]} was collected meanwhile; data4llm run, then try again"
                raise ReleaseError(msg)
            yield
        finally:
            self._store.delete([claim])


def find(store: Store, named: str, corpus: str | None = None) -> Release:
    """A release by `name` or `corpus/name`, without any recipe. corpus: preferred where several have one of that name.

    Raises
    ------
    LookupError
        If there is none, or several corpora have one and none is preferred.
    """
    before, slash, name = named.rpartition("/")
    if slash:
        return Releases(store, before).open(name)
    every = {each: Releases(store, each).all() for each in store.folders("corpora/")}
    having = [each for each, releases in every.items() if name in releases]
    if len(having) == 1 or corpus in having:
        return Releases(store, corpus if corpus in having and corpus is not None else having[0]).open(name)
    known = [f"{each}/{release}" for each, releases in every.items() for release in releases]
    if having:
        msg = f"several corpora have a release {name!r}: say one of {', '.join(f'{each}/{name}' for each in having)}"
    else:
        msg = f"there is no release {name!r}; there are: {', '.join(known) or 'none'}"
    raise LookupError(msg)


def out_of_date(state: State, plan: Plan, undelivered: list[str]) -> list[str]:
    """What stands between a corpus and its release, a line for each asset; nothing if all is current."""
    if not state.snapshots:
        return ["nothing is delivered yet"]
    why = [f"not delivered yet: {', '.join(undelivered)}"] if undelivered else []
    for node, group in plan.by_node().items():
        counts = []
        for due, verb in (("run", "must run"), ("adopt", "were made before and are not current")):
            if group[due]:
                counts.append(f"{group[due]} {verb}")
        if waits := list(dict.fromkeys(item.reason for item in plan.items if item.node == node and item.due == "follow")):
            counts.append(f"{group['follow']} may follow ({', '.join(waits)})")
        if counts:
            reasons = [reason for reason in group["reasons"] if reason and not reason.startswith("made before")]
            total = sum(group[due] for due in ("current", "run", "adopt", "follow"))
            why.append(f"{node}: of {total} partitions {', '.join(counts)}" + (f": {'; '.join(reasons[:4])}" if reasons else ""))
    return why


def _partitions(state: State) -> pl.DataFrame:
    rows = []
    for node in state.graph.nodes.values():
        for partition in state.partitions(node):
            value = state.entry(node.name, partition.key).value
            identity = (node.name, partition.key, value["fingerprint"], value["digest"])
            rows += [(*identity, table, *file, value.get("accepted", [])) for table, file in sorted(value["tables"].items())]
    return pl.DataFrame(rows, schema=PARTITIONS, orient="row")


def _values(partitions: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """As `FrozenState.frozen`."""
    found: dict[str, dict[str, Any]] = {}
    for node, key, fingerprint, digest, table, file, rows, accepted in partitions.iter_rows():
        told = {"fingerprint": fingerprint, "digest": digest, "accepted": accepted}
        value = found.setdefault(node, {}).setdefault(key, {**told, "tables": {}})
        value["tables"][table] = [file, rows]
    return found


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
