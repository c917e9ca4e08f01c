"""Garbage: files that nothing refers to. Only ever called on purpose; nothing else in the engine deletes."""

from __future__ import annotations

import time
from typing import Any

from data4llm_assets.engine.state import manifest_path
from data4llm_assets.engine.store import Store, data_path


def collect(store: Store, *, forget: bool, older_than: float, delete: bool) -> dict[str, tuple[int, int]]:
    """Find unreferenced objects older than `older_than` seconds, and delete them if asked.

    forget: manifests that are current in no corpus count as unreferenced too, and so do superseded references.

    Returns
    -------
    {kind: (objects, bytes)} for data, manifests, references and temporary files.
    """
    now = time.time()
    old = {path: size for path, size, modified in store.objects("") if now - modified >= older_than}
    current, superseded, listings = _references(store)
    doomed: dict[str, list[str]] = {"manifests": [], "references": [], "data files": [], "temporary files": []}
    living = {path for path, _, _ in store.objects("manifests/")}
    if forget:
        keep = _reachable(store, current)
        doomed["manifests"] = [path for path in living - keep if path in old]
        doomed["references"] = [path for path in superseded if path in old]
        living -= set(doomed["manifests"])
    named = set(listings)
    for path in living:
        manifest = store.get_json(path)
        if manifest is not None:
            named |= {data_path(digest) for digest, _ in manifest["tables"].values()}
    doomed["data files"] = [path for path in old if path.startswith("data/") and path not in named]
    doomed["temporary files"] = [path for path in old if path.startswith("tmp/")]
    if delete:
        # References first, then manifests, then data: at no moment does anything name what is gone.
        for kind in ("references", "manifests", "data files", "temporary files"):
            store.delete(doomed[kind])
    return {kind: (len(paths), sum(old[path] for path in paths)) for kind, paths in doomed.items()}


def _references(store: Store) -> tuple[list[Any], list[str], list[str]]:
    """Current reference values, paths of superseded generations, and the listings that any snapshot names."""
    newest: dict[str, tuple[int, str]] = {}
    paths = []
    for path, _, _ in store.objects("corpora/"):
        name, _, generation = path.removesuffix(".json").rpartition(".")
        if generation.isdigit():
            paths.append(path)
            newest[name] = max(newest.get(name, (0, "")), (int(generation), path))
    kept = {path for _, path in newest.values()}
    values, listings = [], []
    for path in paths:
        is_snapshot = path.split("/")[2] == "snapshots"
        if path in kept or is_snapshot:
            value = store.get_json(path)
            if is_snapshot and value is not None:
                listings += [data_path(listed["listing"]) for listed in value["sources"].values()]
            elif not is_snapshot and value is not None:
                values.append(value)
    return values, [path for path in paths if path not in kept and path.split("/")[2] != "snapshots"], listings


def _reachable(store: Store, current: list[Any]) -> set[str]:
    """Manifests that are current, and remembered intermediate results (folds), which no reference names."""
    keep = {manifest_path(value["fingerprint"]) for value in current}
    for path, _, _ in store.objects("manifests/"):
        manifest = store.get_json(path)
        if manifest is not None and "digest" not in manifest:
            keep.add(path)
    return keep
