"""What is current in a corpus: its graph, its grid, and the published tables that a node would read now.

The planner, the shell and the readers all look here, so they cannot disagree about what an input is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from data4llm_assets.engine.acceptance import Accepted, Version, only
from data4llm_assets.engine.budget import Spending
from data4llm_assets.engine.digest import canonical
from data4llm_assets.engine.fingerprint import Ingredients, Inputs, digests
from data4llm_assets.engine.register import Entry, Register
from data4llm_assets.engine.snapshots import Listing, Snapshots, partitions
from data4llm_assets.engine.store import Store, TableFile
from data4llm_assets.node import Node, Partition, Read

CORPUS_WIDE = Partition("")
_SETTINGS = ("format", "function", "version", "settings", "methods")
"""What decides which rows a node makes of others; its checks only decide whether they are published."""
_NEIGHBOURS = 4
"""Snapshots in which an unchanged document is looked for: further away there is little that is not nearer, too."""


@dataclass(frozen=True)
class Graph:
    """A compiled recipe: nodes in order of dependency, and what they need to know of the recipe as a whole."""

    corpus: str
    nodes: Mapping[str, Node]
    sources: Mapping[str, Any]
    parts: int
    memory: int
    pools: Mapping[str, int] = field(default_factory=dict)
    """How many partitions may be made at a time of nodes that need a scarce thing, by the name of the thing."""
    spending: Spending = field(default_factory=Spending)

    @cached_property
    def upstream(self) -> dict[str, tuple[str, ...]]:
        """The nodes that each node reads, directly."""
        return {name: tuple(dict.fromkeys(read.ref.node for read in reads_of(node))) for name, node in self.nodes.items()}

    @cached_property
    def reads(self) -> dict[str, tuple[Read, ...]]:
        """What each node reads: `reads_of`."""
        return {name: reads_of(node) for name, node in self.nodes.items()}

    @cached_property
    def stretches(self) -> list[tuple[str, ...]]:
        """Runs of grid nodes between corpus-wide ones: what one worker does for one partition without a barrier."""
        found: list[list[str]] = []
        stretch_of: dict[str, int] = {}
        for name, node in self.nodes.items():
            own = max((stretch_of[above] for above in self.upstream[name]), default=-1)
            if node.grain == "grid" and own >= 0 and self._joins(found[own], node):
                found[own].append(name)
            else:
                own = len(found)
                found.append([name])
            stretch_of[name] = own
        return [tuple(names) for names in found]

    def all_upstream(self, nodes: Iterable[str]) -> set[str]:
        """The nodes and everything that they are made from."""
        found: set[str] = set()
        waiting = list(nodes)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self.upstream[name]
        return found

    def _joins(self, stretch: list[str], node: Node) -> bool:
        if self.nodes[stretch[0]].grain != "grid":
            return False
        return all(read.across == "same" or read.ref.node not in stretch for read in reads_of(node))


def reads_of(node: Node) -> tuple[Read, ...]:
    """Declared inputs, and those of the node's view of the documents."""
    view = () if node.view is None else tuple(Read(ref, node.view_across) for ref in node.view.refs())
    return tuple(dict.fromkeys((*node.reads, *view)))


@dataclass
class Missing(Exception):
    """An input was never built."""

    node: str
    partition: str

    def __str__(self) -> str:
        return f"{self.node} {self.partition or ''} is not built yet".replace("  ", " ")


def file_name(partition: str) -> str:
    """The name under which a partition's reference is kept: `|` is awkward in paths and shells."""
    return partition.replace("|", "@") or "corpus"


def table_name(table: str, key: str = "") -> str:
    """The name in a manifest of a table, or of the file that a node wrote for another partition."""
    return f"{table}/{key}" if key else table


@dataclass
class State:
    """What is current, as last seen: `refresh` looks anew at everything, `look` at what one partition reads."""

    graph: Graph
    store: Store
    accept: Accepted = field(default_factory=dict)
    """Older versions whose results are as good as those of the present ones: see `acceptance`."""

    def __post_init__(self) -> None:
        self._registers = {name: self._register(name) for name in self.graph.nodes}
        self._snapshots = Snapshots(self.store, self.graph.corpus, self._register("snapshots"))
        self._made_of = Ingredients()
        self._parts = tuple(Partition(f"part-{index}") for index in range(self.graph.parts))
        self.snapshots: dict[str, Any] = {}
        self.grid: tuple[Partition, ...] = ()
        self._see_snapshots()

    def _register(self, name: str) -> Register:
        """Where the references of a node are kept, or the snapshots."""
        return Register(self.store, f"corpora/{self.graph.corpus}/{name}")

    def refresh(self) -> None:
        """Look again at what is current; what has not moved is not read again."""
        self._made_of.forget()
        for register in self._registers.values():
            register.refresh()
        self._snapshots.register.refresh()
        self._see_snapshots()

    def deliver(self, name: str, snapshot: Mapping[str, Any]) -> None:
        """Make a snapshot of listings that stand in the store already, where there is none of that name."""
        self._snapshots.register.publish(name, 0, snapshot)
        self.refresh()

    def look(self, nodes: Iterable[Node], key: str) -> None:
        """Look again at what `nodes` read and are for one partition: at the cost of that, however large the corpus."""
        self._made_of.forget()
        names: dict[str, set[str]] = {}
        every: set[str] = set()
        for node in nodes:
            names.setdefault(node.name, set()).add(file_name(key))
            for read in self.graph.reads[node.name]:
                above = self.graph.nodes[read.ref.node]
                if self._reads_all(node, read):
                    every.add(above.name)
                else:
                    names.setdefault(above.name, set()).add(file_name("" if above.grain == "corpus" else key))
        for name in every:
            self._registers[name].refresh()
        for name in names.keys() - every:
            self._registers[name].look(sorted(names[name]))
        # Whoever is for one partition of the grid has to do with its snapshot only.
        snapshot = key.partition("|")[2]
        if not snapshot:
            self._snapshots.register.refresh()
            self._see_snapshots()
        elif self._snapshots.register.look([snapshot]):
            self._see_snapshots()

    def _see_snapshots(self) -> None:
        seen = self._snapshots.seen()
        if seen == self.snapshots and self.grid:
            return
        self.snapshots = seen
        self.grid = partitions(self.snapshots, self.graph.sources)
        self._by_key = {each.key: each for each in (CORPUS_WIDE, *self._parts, *self.grid)}
        self._ranked = canonical([[each.key, each.priority] for each in self.grid])

    def partitions(self, node: Node) -> tuple[Partition, ...]:
        if node.grain == "corpus":
            return (CORPUS_WIDE,)
        return self._parts if node.grain == "part" else self.grid

    def partition(self, node: Node, key: str) -> Partition:
        """Raises Missing if the grid has no such partition."""
        if key not in self._by_key:
            raise Missing(node.name, key)
        return self._by_key[key]

    def entry(self, node: str, partition: str) -> Entry:
        return self._registers[node].entry(file_name(partition))

    def entries(self, node: str) -> dict[str, Entry]:
        """Every entry of a node, by file name: read together, which counts where each is a round trip."""
        return self._registers[node].entries()

    def publish(self, node: str, partition: str, seen: int, value: Any) -> bool:
        return self._registers[node].publish(file_name(partition), seen, value)

    def table(self, node: str, partition: str, name: str) -> TableFile | None:
        """A published table; None if the partition is current but has no such table. Raises Missing if it was never built."""
        value = self.entry(node, partition).value
        if value is None:
            raise Missing(node, partition)
        found = value["tables"].get(name)
        return None if found is None else TableFile(*found)

    def inputs(self, node: Node, partition: Partition) -> dict[Read, dict[str, TableFile | None]]:
        """The tables that `node` would read now, by input and partition key. Raises Missing if one was never built."""
        return {read: self._resolve(node, read, partition) for read in self.graph.reads[node.name]}

    def reads_partitions(self, node: Node, read: Read, partition: Partition) -> tuple[Partition, ...]:
        """The partitions of `read.ref.node` that one partition of `node` reads."""
        above = self.graph.nodes[read.ref.node]
        if self._reads_all(node, read):
            return self.partitions(above)
        return (CORPUS_WIDE if above.grain == "corpus" else partition,)

    def _resolve(self, node: Node, read: Read, partition: Partition) -> dict[str, TableFile | None]:
        above, name = read.ref
        if read.across == "own" and (node.grain == "part" or self.graph.nodes[above].grain == "corpus"):
            name = table_name(name, partition.key)
        return {each.key: self.table(above, each.key, name) for each in self.reads_partitions(node, read, partition)}

    def _reads_all(self, node: Node, read: Read) -> bool:
        return read.across == "all" or (read.across == "own" and node.grain == "part")

    def ingredients(self, node: Node, partition: Partition, inputs: Inputs) -> dict[str, Any]:
        """Everything that makes a partition: what its fingerprint hashes, and what `plan` compares to give a reason."""
        return self._made_of.ingredients(node, partition, self._varying(node, partition, inputs))

    def fingerprint(self, node: Node, partition: Partition, inputs: Inputs) -> str:
        """The digest of the ingredients."""
        return self._made_of.fingerprint(node, partition, self._varying(node, partition, inputs))

    def _varying(self, node: Node, partition: Partition, inputs: Inputs) -> dict[str, bytes]:
        varying = {"inputs": canonical(self.named(inputs))}
        if node.lists_sources:
            varying["listing"] = canonical(self._listed(partition))
        if node.grain == "corpus":
            varying["partitions"] = self._ranked
        return varying

    def named(self, inputs: Inputs) -> list[list[Any]]:
        """Inputs as ingredients. By function, not by name: two recipes that call a step differently still share what it made."""
        return [
            [f"{self.graph.nodes[read.ref.node].function}/{read.ref.table}", read.across, digests(files)]
            for read, files in inputs.items()
        ]

    def accepted(self, node: Node, partition: Partition, inputs: Inputs) -> tuple[dict[str, Any], list[Version]] | None:
        """The manifest of what is current, and the versions by which alone it is not up to date, if `accept` takes them all."""
        current = self.entry(node.name, partition.key).value
        if not self.accept or current is None or (manifest := self.manifest(current["fingerprint"])) is None:
            return None
        versions = only(manifest["ingredients"], self.ingredients(node, partition, inputs), node.name, self.accept)
        return (manifest, versions) if versions else None

    def _listed(self, partition: Partition) -> dict[str, Any]:
        section = self.graph.sources[partition.source]
        snapshot = self.snapshots[partition.snapshot]
        files, digest = self._snapshots.summary(snapshot, partition.source, partition.shard, section.shards)
        return {"source": partition.source, "snapshot": partition.snapshot, "files": files, "digest": digest}

    def listing(self, partition: Partition) -> Listing:
        """The frozen files of a partition, sorted by path."""
        section = self.graph.sources[partition.source]
        return self._snapshots.listing(self.snapshots[partition.snapshot], partition.source, partition.shard, section.shards)

    def alike(self, node: Node, partition: Partition) -> Iterator[dict[str, Any]]:
        """Manifests of what `node` published by the settings of now, whatever it read: of this partition before, and of the same
        shard in the snapshots next to its own."""
        others = [each for each in self.grid if each.shard == partition.shard and each != partition]
        nearest = sorted(others, key=lambda each: (abs(each.arrival - partition.arrival), each.arrival))[:_NEIGHBOURS]
        candidates = [partition, *nearest]
        self._registers[node.name].look(file_name(each.key) for each in candidates)
        recipe = self._made_of.of_recipe(node, partition.source)
        for each in candidates:
            value = self.entry(node.name, each.key).value
            manifest = None if value is None else self.manifest(value["fingerprint"])
            if manifest is not None and all(manifest["ingredients"][name] == recipe[name] for name in _SETTINGS):
                yield manifest

    def manifest(self, fingerprint: str) -> dict[str, Any] | None:
        found = self.store.get_json(manifest_path(fingerprint))
        return None if found is None else dict(found)


def manifest_path(fingerprint: str) -> str:
    return f"manifests/{fingerprint}.json"
