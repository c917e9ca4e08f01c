"""The planner: compare fingerprints with what is current, for every partition, and say what must run, what may follow, and why.

It looks at states, never at events, so no change is lost and nothing runs twice. `run`, the schedule and the sensor all ask it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from data4llm_assets.engine.acceptance import NothingToAccept, moved
from data4llm_assets.engine.state import Missing, State, manifest_path
from data4llm_assets.node import Node, Partition

Due = Literal["current", "run", "adopt", "follow"]


@dataclass(frozen=True)
class Item:
    """One partition of the plan.

    current: nothing to do. run: its inputs stand and its fingerprint is new. adopt: an earlier run made exactly this; it only
    becomes current again. follow: an input is about to run, so whether it must is not known yet.
    """

    node: str
    partition: Partition
    due: Due
    reason: str = ""
    fingerprint: str = ""
    accepted: tuple[str, ...] = ()
    """Older versions that what is current stands by, as `acceptance.told` words them."""


@dataclass(frozen=True)
class Plan:
    items: tuple[Item, ...]

    def due(self, *kinds: Due) -> list[Item]:
        return [item for item in self.items if item.due in kinds]

    @property
    def current(self) -> bool:
        return not self.due("run", "adopt", "follow")

    def by_node(self) -> dict[str, dict[str, Any]]:
        """For each node: how many partitions are due for what, why, and by which accepted older versions current ones stand."""
        found: dict[str, dict[str, Any]] = {}
        for item in self.items:
            group = found.setdefault(item.node, {"current": 0, "run": 0, "adopt": 0, "follow": 0, "reasons": {}, "accepted": {}})
            group[item.due] += 1
            if item.due in ("run", "adopt"):
                group["reasons"][item.reason] = group["reasons"].get(item.reason, 0) + 1
            for each in item.accepted:
                group["accepted"][each] = group["accepted"].get(each, 0) + 1
        return found


@dataclass(frozen=True)
class Selection:
    """Which part of the corpus a command is about; empty means all."""

    nodes: frozenset[str] = frozenset()
    snapshots: frozenset[str] = frozenset()
    shards: frozenset[str] = frozenset()

    def takes(self, node: Node, partition: Partition) -> bool:
        if self.nodes and node.name not in self.nodes:
            return False
        if node.grain != "grid":
            return True
        return (not self.snapshots or partition.snapshot in self.snapshots) and (not self.shards or partition.shard in self.shards)


def plan(state: State, selection: Selection | None = None) -> Plan:
    """What stands between the current state and the recipe. Reads only references, and manifests of what is not current."""
    selection = selection or Selection()
    items: list[Item] = []
    unsettled: set[tuple[str, str]] = set()
    for node in state.graph.nodes.values():
        state.entries(node.name)
        for partition in state.partitions(node):
            item = _item(state, node, partition, unsettled)
            if item.due != "current":
                unsettled.add((node.name, partition.key))
            if selection.takes(node, partition):
                items.append(item)
    return Plan(tuple(items))


def acceptable(state: State, found: Plan) -> None:
    """Whether each version to be accepted is one by which something that is due differs.

    Raises
    ------
    NothingToAccept
        If one is not: with the versions that do differ, or with what else does.
    """
    others: dict[str, set[str]] = {}
    used: set[str] = set()
    for item in found.due("run", "adopt", "follow"):
        current = state.entry(item.node, item.partition.key).value
        made_before = item.due == "adopt" and not item.reason.startswith("accepted")
        if made_before or current is None or (before := state.manifest(current["fingerprint"])) is None:
            continue
        node = state.graph.nodes[item.node]
        inputs = {} if item.due == "follow" else state.inputs(node, item.partition)
        now = state.ingredients(node, item.partition, inputs)
        for version in moved(before["ingredients"], now, node.name):
            wanted = state.accept.get(version.name) == version.before
            if wanted and (item.due == "follow" or item.reason.startswith("accepted")):
                used.add(version.name)
            else:
                rest = [] if item.due == "follow" else differences(before["ingredients"], now)
                others.setdefault(f"{version.name}={version.before}", set()).update(rest if wanted else ())
    for name, older in state.accept.items():
        if name not in used:
            asked = f"{name}={older}"
            if asked in others:
                msg = f"nothing is accepted by {asked}, for more than that differs: {'; '.join(sorted(others[asked])[:6])}"
            else:
                msg = f"nothing differs from what is current by {asked}; what does: {', '.join(sorted(others)) or 'no version'}"
            raise NothingToAccept(msg)


def _item(state: State, node: Node, partition: Partition, unsettled: set[tuple[str, str]]) -> Item:
    waits = _waits_for(state, node, partition, unsettled)
    if waits:
        return Item(node.name, partition, "follow", f"after {waits}")
    try:
        inputs = state.inputs(node, partition)
    except Missing as missing:
        return Item(node.name, partition, "follow", f"after {missing.node}")
    fingerprint = state.fingerprint(node, partition, inputs)
    current = state.entry(node.name, partition.key).value
    if current is not None and current["fingerprint"] == fingerprint:
        return Item(node.name, partition, "current", fingerprint=fingerprint, accepted=tuple(current.get("accepted", ())))
    if state.store.exists(manifest_path(fingerprint)):
        return Item(node.name, partition, "adopt", "made before: only becomes current again", fingerprint)
    if current is None:
        return Item(node.name, partition, "run", "never built", fingerprint)
    if (accepted := state.accepted(node, partition, inputs)) is not None:
        versions = ", ".join(f"{each.name} {each.before} for {each.now}" for each in accepted[1])
        return Item(node.name, partition, "adopt", f"accepted: {versions}", fingerprint)
    before = state.manifest(current["fingerprint"])
    now = state.ingredients(node, partition, inputs)
    reason = "; ".join(differences(before["ingredients"], now)) if before else "its manifest is gone"
    return Item(node.name, partition, "run", reason or "its ingredients changed", fingerprint)


def _waits_for(state: State, node: Node, partition: Partition, unsettled: set[tuple[str, str]]) -> str | None:
    """The first input that is itself not current."""
    if not unsettled:
        return None
    for read in state.graph.reads[node.name]:
        above = read.ref.node
        if any((above, each.key) in unsettled for each in state.reads_partitions(node, read, partition)):
            return above
    return None


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What changed between two lists of ingredients, in the words of the recipe: `rules.gopher_quality.min_words: 50 → 60`."""
    found = changed("", before.get("settings", {}), now.get("settings", {}))
    # A stage may list its methods' parameters among its settings, under the names the recipe gives them: say it once.
    found += [line for line in _changed_methods(before, now) if not any(told.endswith(line) for told in found)]
    if before.get("version") != now.get("version") or before.get("format") != now.get("format"):
        found.append(f"a new version of the step ({before.get('version')} → {now.get('version')})")
    found += changed("retention", before.get("retention"), now.get("retention"))
    if before.get("checks") != now.get("checks"):
        found.append("its expectations changed")
    if before.get("listing") != now.get("listing"):
        old, new = before.get("listing") or {}, now.get("listing") or {}
        found.append(
            f"files listed: {old.get('files')} → {new.get('files')}" if old.get("files") != new.get("files") else "files changed"
        )
    if before.get("partitions") != now.get("partitions"):
        found.append(f"partitions: {len(before.get('partitions') or [])} → {len(now.get('partitions') or [])}")
    inputs = {label: value for label, _, value in before.get("inputs", [])}
    moved = [label for label, _, value in now.get("inputs", []) if inputs.get(label) != value]
    if moved:
        found.append(f"input changed: {', '.join(moved)}")
    return list(dict.fromkeys(found))


def _changed_methods(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    old, new = dict(before.get("methods", [])), dict(now.get("methods", []))
    found = []
    for name in dict.fromkeys((*old, *new)):
        if name not in old or name not in new:
            found.append(f"{name} {'added' if name in new else 'removed'}")
            continue
        found += changed(name, old[name].get("parameters", {}), new[name].get("parameters", {}))
        found += changed(name, {**old[name], "parameters": None}, {**new[name], "parameters": None})
    if list(old) != list(new) and set(old) == set(new):
        found.append(f"order of methods: {', '.join(new)}")
    return found


def changed(path: str, old: Any, new: Any) -> list[str]:
    """What differs between two JSON values, a line for each key: `a.b: 1 → 2`."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = dict.fromkeys((*old, *new))
        return [line for key in keys for line in changed(f"{path}.{key}" if path else str(key), old.get(key), new.get(key))]
    return [] if old == new else [f"{path}: {_short(old)} → {_short(new)}"]


def _short(value: Any) -> str:
    written = str(value)
    return written if len(written) <= 60 else written[:57] + "…"
