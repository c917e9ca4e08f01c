"""How to read what was published, as JSON: nodes, schemas and views, and the graph that they are again. Nothing is made from it.

A release keeps this, so that it can be read when the recipe, its language or the stages have become others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import polars as pl
from pydantic import TypeAdapter

from data4llm_assets.engine.register import Held, Register
from data4llm_assets.engine.state import Graph, State, file_name
from data4llm_assets.models.tokenizer import AnyTokenizer
from data4llm_assets.node import Node, Read, Ref, View, Work

_WITHHELD = "(withheld)"


class Method(NamedTuple):
    """What a release tells of a method."""

    method: str
    version: str


def described(graph: Graph, views: Mapping[str, View]) -> dict[str, Any]:
    """views: the documents as they stand after each step, by step."""
    nodes = [_node(node) for node in graph.nodes.values()]
    return {"nodes": nodes, "views": {step: _view(view) for step, view in views.items()}, "parts": graph.parts}


def _node(node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "stage": node.stage,
        "function": node.function,
        "version": node.version,
        "grain": node.grain,
        "description": node.description,
        "tables": list(node.tables),
        "schemas": {table: {name: _written(dtype) for name, dtype in each.items()} for table, each in node.schemas.items()},
        "reads": [[*read.ref, read.across] for read in node.reads],
        "view": None if node.view is None else _view(node.view),
        "view_across": node.view_across,
        "takes": None if node.takes is None else list(node.takes),
        "keeps": node.keeps,
        "methods": [[method.method, method.version] for method in (*node.methods, *node.measures)],
    }


def graph_of(corpus: str, told: Mapping[str, Any], sources: Mapping[str, Any]) -> Graph:
    """sources: with the attributes `shards` and `priority`, by name."""
    nodes: dict[str, Node] = {}
    for each in told["nodes"]:
        methods: Any = tuple(Method(*method) for method in each["methods"])
        schemas = {
            table: pl.Schema({name: _dtype(dtype) for name, dtype in schema.items()}) for table, schema in each["schemas"].items()
        }
        nodes[each["name"]] = Node(
            each["name"],
            each["stage"],
            each["function"],
            each["version"],
            each["grain"],
            _make,
            each["description"],
            tuple(each["tables"]),
            schemas,
            reads=tuple(Read(Ref(node, table), across) for node, table, across in each["reads"]),
            view=None if each["view"] is None else view_of(each["view"]),
            view_across=each["view_across"],
            takes=None if each["takes"] is None else Ref(*each["takes"]),
            keeps=each["keeps"],
            methods=methods,
        )
    return Graph(corpus, nodes, sources, told["parts"], 0)


def view_of(told: Mapping[str, Any]) -> View:
    return View(
        texts=tuple(Ref(*ref) for ref in told["texts"]),
        overlays=tuple(Ref(*ref) for ref in told["overlays"]),
        kept=Ref(*told["kept"]),
    )


class Said(SimpleNamespace):
    """The keys of a recipe, of its sources and of its steps as attributes; deeper ones as JSON."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._tokenizer = told["tokenizer"]
        sources = {name: SimpleNamespace(**section) for name, section in told["sources"].items()}
        steps = tuple(SimpleNamespace(**step) for step in told["steps"])
        rest = {key: value for key, value in told.items() if key != "tokenizer"}
        super().__init__(**{**rest, "sources": sources, "steps": steps})

    @cached_property
    def tokenizer(self) -> Any:
        """The method itself, for it is used and not only told. Raises pydantic.ValidationError if there is no such method now."""
        return TypeAdapter(AnyTokenizer).validate_python(self._tokenizer)


def without_secrets(value: Any) -> Any:
    """The same JSON, where no address holds a user, a password or a query: recipes name variables for these, but a path may not."""
    if isinstance(value, Mapping):
        return {key: without_secrets(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_secrets(each) for each in value]
    if isinstance(value, str) and "://" in value:
        parts = urlsplit(value)
        if parts.username or parts.password or parts.query:
            host = parts.hostname or ""
            query = _WITHHELD if parts.query else ""
            return parts._replace(netloc=host if parts.port is None else f"{host}:{parts.port}", query=query).geturl()
    return value


@dataclass
class FrozenState(State):
    """What was current when it was frozen: {node: {partition: value of its reference}}, and the snapshots."""

    frozen: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    listed: Mapping[str, Any] = field(default_factory=dict)

    def _register(self, name: str) -> Register:
        if name == "snapshots":
            return Held(self.store, name, self.listed)
        return Held(self.store, name, {file_name(key): value for key, value in self.frozen.get(name, {}).items()})


def _make(work: Work) -> None:
    msg = "what a release holds is read, never made"
    raise RuntimeError(msg)


def _view(view: View) -> dict[str, Any]:
    return {"texts": _refs(view.texts), "overlays": _refs(view.overlays), "kept": list(view.kept)}


def _refs(refs: Iterable[Ref]) -> list[list[str]]:
    return [list(ref) for ref in refs]


def _written(dtype: Any) -> Any:
    if isinstance(dtype, pl.List):
        return {"list": _written(dtype.inner)}
    if isinstance(dtype, pl.Struct):
        return {"struct": [[each.name, _written(each.dtype)] for each in dtype.fields]}
    written = str(dtype)
    if getattr(pl, written, None) is None:
        msg = f"a release cannot say how to read a column of {written}"
        raise TypeError(msg)
    return written


def _dtype(written: Any) -> Any:
    if isinstance(written, str):
        return getattr(pl, written)()
    if "list" in written:
        return pl.List(_dtype(written["list"]))
    return pl.Struct({name: _dtype(each) for name, each in written["struct"]})
