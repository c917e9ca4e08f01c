"""Make one partition: fingerprint, reuse or work, check, publish or refuse. The only place where anything becomes current.

The order of writes is the guarantee: data files first, then the manifest that names them, last the reference that makes it
current. A crash between any two leaves the version before readable, and files that `gc` collects or the next run adopts.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import polars as pl

from data4llm_assets.engine import accounts, expectations, memory
from data4llm_assets.engine.acceptance import told
from data4llm_assets.engine.collecting import Collecting, stand_aside
from data4llm_assets.engine.digest import canonical, json_digest
from data4llm_assets.engine.documents import read_kept
from data4llm_assets.engine.loads import kind_of_work, listed, rows_read, written
from data4llm_assets.engine.records import Stopwatch, first_here, write_record
from data4llm_assets.engine.state import State, manifest_path
from data4llm_assets.engine.store import FORMAT, Store, TableFile, data_path
from data4llm_assets.engine.work import Draft
from data4llm_assets.node import Node, Partition, Read

Result = Literal["unchanged", "adopted", "published", "refused", "lost"]


@dataclass(frozen=True)
class Outcome:
    """What became of one partition.

    unchanged: it was current. adopted: an earlier run had made the same, and it is current again. published: it was made and is
    current. refused: it was made, a check failed, and what was current before still is. lost: another run published first.
    """

    result: Result
    node: str
    partition: str
    fingerprint: str
    digest: str | None
    checks: list[dict[str, Any]] = field(default_factory=list)
    metrics: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    tables: dict[str, Any] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    accepted: tuple[str, ...] = ()


class NotReproducible(RuntimeError):
    """The same fingerprint gave another result: something that matters is not part of it."""


def make(state: State, node: Node, partition: Partition, run: str) -> Outcome:
    """Bring one partition up to date with its inputs.

    Raises
    ------
    state.Missing
        If an input was never built.
    expectations.BrokenCheck
        If a check failed to run.
    """
    seen = state.entry(node.name, partition.key)
    inputs = state.inputs(node, partition)
    fingerprint = state.fingerprint(node, partition, inputs)
    manifest = state.manifest(fingerprint) or _accept(state, node, partition, inputs, fingerprint)
    if manifest is not None:
        if seen.value is not None and seen.value["fingerprint"] == fingerprint:
            return _outcome("unchanged", node, partition, manifest)
        if _claimed(state.store, manifest):
            return _publish(state, node, partition, seen.generation, manifest, "adopted", {})

    memory.release(above=state.graph.memory // 4)
    watch = Stopwatch()
    counters: dict[str, int] = {}
    elsewhere = 0.0
    kind = kind_of_work(node)
    told: dict[str, Any] = {**kind, "corpus": state.graph.corpus, "first": first_here(kind["code"])}
    try:
        with Draft(state, node, partition, inputs) as draft:
            counters = draft.counters
            node.make(draft)
            elsewhere = draft.cpu_elsewhere
            tables = draft.finish()
            frames = dict(draft.metrics)
            told["measured"] = [asdict(each) for each in draft.measuring.values()]
            told["rows_in"], told["bytes_in"] = rows_read(node, inputs), draft.bytes_in
            if node.calls is not None:
                told["calls_at_most"] = node.calls(partition, told["rows_in"])
        if node.takes is not None:
            frames["accounts"] = _account(state, node, partition, inputs, tables)
        told |= _load(state, node, partition, frames, told)
        if "decisions" in tables:
            decided = state.store.read_table(tables["decisions"].digest, ["doc_id", "rule", "action"])
            frames["reasons"] = accounts.reasons(decided)
        asked = (*node.expectations, *accounts.expectations(node, partition.source))
        results = expectations.judge(asked, frames)
    except Exception as error:
        failure = {"result": "failed", "error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc(limit=-6)}
        write_record(state.store, run, node.name, partition.key, {**watch.read(elsewhere), **told, "counters": counters, **failure})
        raise
    manifest = {
        "format": FORMAT,
        "fingerprint": fingerprint,
        "ingredients": state.ingredients(node, partition, inputs),
        "tables": {name: list(file) for name, file in tables.items()},
        "digest": json_digest({name: file.digest for name, file in tables.items()}),
        "metrics": {name: _rows(frame) for name, frame in sorted(frames.items())},
        "checks": results,
    }
    record = {**watch.read(elsewhere), **told, "wrote": written(tables), "counters": counters, "metrics": manifest["metrics"]}
    if expectations.refused(results):
        outcome = _outcome("refused", node, partition, manifest, record)
    else:
        _remember(state, manifest)
        outcome = _publish(state, node, partition, seen.generation, manifest, "published", record)
    write_record(
        state.store,
        run,
        node.name,
        partition.key,
        {**record, "result": outcome.result, "fingerprint": fingerprint, "checks": results},
    )
    return outcome


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    # JSON has no NaN. Row by row, for metric frames are small.
    return [{name: None if value != value else value for name, value in row.items()} for row in frame.iter_rows(named=True)]


def _accept(
    state: State, node: Node, partition: Partition, inputs: Mapping[Read, Mapping[str, TableFile | None]], fingerprint: str
) -> dict[str, Any] | None:
    """The manifest of what is current, under the fingerprint of what would be, if only accepted versions stand between them."""
    found = state.accepted(node, partition, inputs)
    if found is None:
        return None
    before, versions = found
    accepted = [{"name": each.name, "version": each.before, "as": each.now} for each in versions]
    manifest = {
        **before,
        "fingerprint": fingerprint,
        "ingredients": state.ingredients(node, partition, inputs),
        "accepted": [*before.get("accepted", []), *accepted],
    }
    state.store.create(manifest_path(fingerprint), canonical(manifest))
    return state.manifest(fingerprint)


def _claimed(store: Store, manifest: dict[str, Any]) -> bool:
    """Make an old manifest look new, lest it be collected before it is named; False if what it names is gone already."""
    path = manifest_path(manifest["fingerprint"])
    store.put(path, canonical(manifest))
    stand_aside(store)
    if store.missing([path, *(data_path(digest) for digest, _ in manifest["tables"].values())]):
        store.delete([path])
        return False
    return True


def _load(state: State, node: Node, partition: Partition, frames: dict[str, pl.DataFrame], told: dict[str, Any]) -> dict[str, Any]:
    """How much there was to work on, where something better is known of it than what passed through the node's batches."""
    files = listed(state, node, partition)
    if files is not None:
        return {"rows_in": told["rows_in"] or files.rows, "bytes_in": files.bytes}
    if "accounts" in frames and "bytes_in" in frames["accounts"].columns:
        return {"bytes_in": frames["accounts"]["bytes_in"][0] or 0}
    return {}


def _remember(state: State, manifest: dict[str, Any]) -> None:
    path = manifest_path(manifest["fingerprint"])
    created = state.store.create(path, canonical(manifest))
    if stand_aside(state.store) and (gone := state.store.missing(data_path(digest) for digest, _ in manifest["tables"].values())):
        msg = f"{gone[0]} was collected before it was published (gc --older-than spares what is young): run again"
        raise Collecting(msg)
    if created:
        return
    # Another run made it at the same time. Equal fingerprints must mean equal results; if not, say so loudly.
    other = state.manifest(manifest["fingerprint"])
    if other is not None and other["tables"] != manifest["tables"]:
        msg = f"{manifest['ingredients']['function']}: fingerprint {manifest['fingerprint']} gave two different results"
        raise NotReproducible(msg)


def _publish(
    state: State, node: Node, partition: Partition, seen: int, manifest: dict[str, Any], result: Result, record: dict[str, Any]
) -> Outcome:
    value = {name: manifest[name] for name in ("fingerprint", "digest", "tables")}
    if "accepted" in manifest:
        value["accepted"] = told(manifest["accepted"])
    if not state.publish(node.name, partition.key, seen, value):
        state.look([node], partition.key)
        now = state.entry(node.name, partition.key).value
        # Two runs with one aim: whoever was first, what stands current is what we made.
        result = "unchanged" if now is not None and now["fingerprint"] == manifest["fingerprint"] else "lost"
    return _outcome(result, node, partition, manifest, record)


def _outcome(
    result: Result, node: Node, partition: Partition, manifest: dict[str, Any], record: dict[str, Any] | None = None
) -> Outcome:
    return Outcome(
        result,
        node.name,
        partition.key,
        manifest["fingerprint"],
        manifest["digest"],
        manifest["checks"],
        manifest["metrics"],
        manifest["tables"],
        record or {},
        tuple(told(manifest.get("accepted", ()))),
    )


def _account(
    state: State, node: Node, partition: Partition, inputs: dict[Read, dict[str, TableFile | None]], tables: dict[str, TableFile]
) -> pl.DataFrame:
    store = state.store
    assert node.takes is not None
    (before,) = next(files for read, files in inputs.items() if read.ref == node.takes).values()
    sized = [
        name for name in ("doc_id", "bytes", "payload_bytes") if before and name in store.scan_table(before.digest).collect_schema()
    ]
    taken = store.read_table(before.digest, sized) if before else pl.DataFrame(schema={"doc_id": pl.String})
    added = pl.Series("doc_id", [], dtype=pl.String)
    if "documents" in tables and node.keeps != "documents":
        added = store.read_table(tables["documents"].digest, ["doc_id"])["doc_id"]
    overlay = pl.Series("doc_id", [], dtype=pl.String)
    if "overlay" in tables:
        overlay = store.read_table(tables["overlay"].digest, ["doc_id"])["doc_id"]
    decisions = store.read_table(tables["decisions"].digest, ["doc_id", "action"])
    whole = state.graph.sources[partition.source].shards == 1 and partition.arrival == 0
    return accounts.account(taken, read_kept(store, tables[node.keeps]), added, decisions, overlay, whole=whole)
