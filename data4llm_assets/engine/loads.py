"""How much a partition has to work on, and what kind of work it is: what records say of the past, and forecasts of what is due."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data4llm_assets.engine.costs import Load
from data4llm_assets.engine.digest import json_digest
from data4llm_assets.engine.state import State, table_name
from data4llm_assets.engine.store import TableFile
from data4llm_assets.method import MEASURE
from data4llm_assets.node import Node, Partition, Read, Ref


def driving(node: Node) -> Ref | None:
    """The input whose rows drive the work of a node; None for one that only reads sources."""
    if node.takes is not None:
        return node.takes
    if node.reads:
        return node.reads[0].ref
    return node.view.kept if node.view is not None else None


def rows_read(node: Node, inputs: Mapping[Read, Mapping[str, TableFile | None]]) -> int:
    """Rows of the driving input, over all partitions of it that are read."""
    ref = driving(node)
    files = next((files for read, files in inputs.items() if read.ref == ref), {})
    return sum(file.rows for file in files.values() if file is not None)


def listed(state: State, node: Node, partition: Partition) -> Load | None:
    """Files and bytes of the sources that a node reads; None if it reads none."""
    if not node.lists_sources:
        return None
    files = state.listing(partition).files
    return Load(len(files), sum(file.bytes for file in files))


def kind_of_work(node: Node) -> dict[str, Any]:
    """What must be equal for two partitions to cost alike, as digests: `code`, the methods with what they measure; `kin`, the
    methods alone. Decisions are in neither: another threshold costs the same."""
    methods = (*node.methods, *node.measures)
    measured = [[method.identity(), method.parameters(MEASURE)] for method in methods]
    kinds = sorted({method.identity()["class"] for method in methods})
    return {
        "function": node.function,
        "code": json_digest([node.function, node.version, measured]),
        "kin": json_digest([node.function, kinds]),
        "kinds": kinds,
    }


def written(tables: Mapping[str, Any]) -> dict[str, int]:
    """Rows of each table of a manifest; files for other partitions are summed."""
    found: dict[str, int] = {}
    for name, (_, rows) in tables.items():
        table = name.split("/")[0]
        found[table] = found.get(table, 0) + rows
    return found


def own_table(name: str, node: Node, above: Node, read: Read, partition: Partition) -> str:
    """Under which name a node finds a table that another wrote for its partition."""
    own = read.across == "own" and (node.grain == "part" or above.grain == "corpus")
    return table_name(name, partition.key) if own else name
