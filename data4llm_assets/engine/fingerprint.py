"""What a fingerprint hashes. What all partitions of a node and source have in common is taken from the recipe and written once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from data4llm_assets.engine.digest import canonical, object_digest
from data4llm_assets.engine.store import FORMAT, TableFile
from data4llm_assets.method import MEASURE, Method
from data4llm_assets.node import Node, Partition, Read

Inputs = Mapping[Read, Mapping[str, TableFile | None]]
"""The tables a node reads, by input and partition key."""


class Ingredients:
    """Everything that makes a partition: what the recipe says, and what varies from partition to partition, handed in written."""

    def __init__(self) -> None:
        self._common: dict[tuple[str, str], tuple[dict[str, Any], dict[str, bytes]]] = {}

    def forget(self) -> None:
        """Ask methods anew who they are: a model file may have been replaced."""
        self._common.clear()

    def ingredients(self, node: Node, partition: Partition, varying: Mapping[str, bytes]) -> dict[str, Any]:
        common = self.of_recipe(node, partition.source)
        return {**common, **{name: json.loads(value) for name, value in varying.items()}}

    def fingerprint(self, node: Node, partition: Partition, varying: Mapping[str, bytes]) -> str:
        """`json_digest` of the ingredients."""
        self.of_recipe(node, partition.source)
        _, written = self._common[node.name, partition.source]
        return object_digest({**written, **varying})

    def of_recipe(self, node: Node, source: str) -> dict[str, Any]:
        """What the recipe and the code say of a node, for every partition of a source alike. As JSON gives it back."""
        if (node.name, source) not in self._common:
            made_by = node.methods_by_source.get(source, node.methods)
            made_of: dict[str, Any] = {
                "format": FORMAT,
                "function": node.function,
                "version": node.version,
                "settings": {**node.settings, **node.by_source.get(source, {})},
                "methods": _named([(method, None) for method in made_by] + [(method, MEASURE) for method in node.measures]),
                "checks": [[e.quality, e.kind, e.frame, e.severity, dict(e.arguments)] for e in node.expectations],
                "retention": list(node.retention.get(source) or node.retention.get("*") or ()),
            }
            written = {name: canonical(value) for name, value in made_of.items()}
            self._common[node.name, source] = {name: json.loads(value) for name, value in written.items()}, written
        return self._common[node.name, source][0]


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
