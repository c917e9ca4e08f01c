"""What is current in a corpus: its graph, its grid, and the published tables that a node would read now.

The planner, the shell and the readers all look here, so they cannot disagree about what an input is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from data4llm_assets.engine.register import Entry, Register
from data4llm_assets.engine.snapshots import Listing, Snapshots, partitions
from data4llm_assets.engine.store import FORMAT, Store, TableFile
from data4llm_assets.method import MEASURE, Method
from data4llm_assets.node import Node, Partition, Read, Ref

CORPUS_WIDE = Partition("")


@dataclass(frozen=True)
class Graph:
    """A compiled recipe: nodes in order of dependency, and what they need to know of the recipe as a whole."""

    corpus: str
    nodes: Mapping[str, Node]
    sources: Mapping[str, Any]
    parts: int
    memory: int

    @cached_property
    def upstream(self) -> dict[str, tuple[str, ...]]:
        """The nodes that each node reads, directly."""
        return {name: tuple(dict.fromkeys(read.ref.node for read in reads_of(node))) for name, node in self.nodes.items()}

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
    """One look at a store. `refresh` looks again; nothing else does."""

    graph: Graph
    store: Store
    _registers: dict[str, Register] = field(default_factory=dict)
    _entries: dict[str, dict[str, Entry]] = field(default_factory=dict)
    snapshots: dict[str, Any] = field(default_factory=dict)
    grid: tuple[Partition, ...] = ()

    def __post_init__(self) -> None:
        for name in self.graph.nodes:
            self._registers[name] = Register(self.store, f"corpora/{self.graph.corpus}/{name}")
        self.refresh()

    def refresh(self, nodes: Iterable[str] | None = None) -> None:
        """Look again at what is current, of all nodes or some; what has not moved is not read again."""
        self.snapshots = Snapshots(self.store, self.graph.corpus).all()
        self.grid = partitions(self.snapshots, self.graph.sources)
        for name in self.graph.nodes if nodes is None else nodes:
            self._entries[name] = self._registers[name].entries(self._entries.get(name))

    def partitions(self, node: Node) -> tuple[Partition, ...]:
        if node.grain == "corpus":
            return (CORPUS_WIDE,)
        if node.grain == "part":
            return tuple(Partition(f"part-{index}") for index in range(self.graph.parts))
        return self.grid

    def partition(self, node: Node, key: str) -> Partition:
        """Raises Missing if the grid has no such partition."""
        for partition in self.partitions(node):
            if partition.key == key:
                return partition
        raise Missing(node.name, key)

    def entry(self, node: str, partition: str) -> Entry:
        return self._entries[node].get(file_name(partition), Entry(0, None))

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
        return {read: self._resolve(node, read, partition) for read in reads_of(node)}

    def _resolve(self, node: Node, read: Read, partition: Partition) -> dict[str, TableFile | None]:
        above = self.graph.nodes[read.ref.node]
        if read.across == "all" or (read.across == "own" and node.grain == "part"):
            name = read.ref.table if read.across == "all" else table_name(read.ref.table, partition.key)
            return {each.key: self.table(above.name, each.key, name) for each in self.partitions(above)}
        if above.grain == "corpus":
            name = table_name(read.ref.table, partition.key) if read.across == "own" else read.ref.table
            return {"": self.table(above.name, "", name)}
        return {partition.key: self.table(above.name, partition.key, read.ref.table)}

    def ingredients(
        self, node: Node, partition: Partition, inputs: Mapping[Read, Mapping[str, TableFile | None]]
    ) -> dict[str, Any]:
        """Everything that makes a partition: what its fingerprint hashes, and what `plan` compares to give a reason."""
        made_of: dict[str, Any] = {
            "format": FORMAT,
            "function": node.function,
            "version": node.version,
            "settings": {**node.settings, **node.by_source.get(partition.source, {})},
            "methods": _named([(method, None) for method in node.methods] + [(method, MEASURE) for method in node.measures]),
            "checks": [[e.quality, e.kind, e.frame, e.severity, dict(e.arguments)] for e in node.expectations],
            "retention": list(node.retention.get(partition.source) or node.retention.get("*") or ()),
            "inputs": [[self._label(read.ref), read.across, digests(files)] for read, files in inputs.items()],
        }
        if node.lists_sources:
            listing = self.listing(partition)
            made_of["listing"] = {
                "source": partition.source,
                "snapshot": partition.snapshot,
                "files": len(listing.files),
                "digest": listing.digest,
            }
        if node.grain == "corpus":
            made_of["partitions"] = [[each.key, each.priority] for each in self.grid]
        return made_of

    def listing(self, partition: Partition) -> Listing:
        section = self.graph.sources[partition.source]
        snapshot = self.snapshots[partition.snapshot]
        return Snapshots(self.store, self.graph.corpus).listing(snapshot, partition.source, partition.shard, section.shards)

    def _label(self, ref: Ref) -> str:
        # By function, not by name: two recipes that call a step differently still share what it made.
        return f"{self.graph.nodes[ref.node].function}/{ref.table}"

    def manifest(self, fingerprint: str) -> dict[str, Any] | None:
        found = self.store.get_json(manifest_path(fingerprint))
        return None if found is None else dict(found)


def _named(methods: Iterable[tuple[Method, str | None]]) -> list[list[Any]]:
    """Name, identity and parameters of methods, in order; one that stands several times gets a number."""
    found: list[list[Any]] = []
    for method, tag in methods:
        times = sum(name.split("#")[0] == method.method for name, _ in found)
        name = f"{method.method}#{times + 1}" if times else method.method
        found.append([name, {**method.identity(), "parameters": method.parameters(tag)}])
    return found


def digests(files: Mapping[str, TableFile | None]) -> Any:
    """Digests by partition; a single one alone, so that partitions with equal inputs share what they make."""
    if len(files) == 1:
        (file,) = files.values()
        return None if file is None else file.digest
    return {key: None if file is None else file.digest for key, file in files.items()}


def manifest_path(fingerprint: str) -> str:
    return f"manifests/{fingerprint}.json"
