"""Garbage: files that nothing refers to. Only ever called on purpose; nothing else in the engine deletes.

What a run is about to name looks new (`shell` writes a manifest again that it takes over), so that `older_than` spares it; and
while the collector looks for the last time and deletes, publishers wait (`collecting`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from data4llm_assets.engine.collecting import lease
from data4llm_assets.engine.roots import roots
from data4llm_assets.engine.state import manifest_path
from data4llm_assets.engine.store import Store, data_path
from data4llm_assets.engine.used import Used

_BATCH = 1000
KINDS = ("references", "manifests", "data files", "measures", "temporary files")
"""In the order in which they go: at no moment does anything name what is gone."""


def collect(store: Store, *, forget: bool, older_than: float, delete: bool, measures: bool = False) -> dict[str, tuple[int, int]]:
    """Find unreferenced objects older than `older_than` seconds, and delete them if asked.

    What a release names is referenced.

    Parameters
    ----------
    forget : manifests that are current in no corpus and in no release count as unreferenced too, and so do superseded references.
    measures : so do remembered measures and intermediate results of methods as nothing current is made with them (`unused`).
    older_than : longer than it takes to publish what was just made, unless nothing runs.

    Returns
    -------
    {kind: (objects, bytes)} for each of KINDS.

    Raises
    ------
    collecting.Collecting
        If another collection is under way.
    """
    # Manifests never change under their names, so to look twice costs little more than once.
    survey = _Survey(store, forget=forget, measures=measures, older_than=older_than)
    doomed = survey.look()
    if delete and any(doomed.values()):
        with lease(store) as renew:
            doomed = survey.look()
            for kind in KINDS:
                paths = iter(doomed[kind])
                while batch := list(islice(paths, _BATCH)):
                    renew()
                    store.delete(batch)
    return {kind: (len(doomed[kind]), sum(doomed[kind].values())) for kind in KINDS}


class _Named(NamedTuple):
    """What counts of a manifest. is_fold: a remembered intermediate result, which no reference names."""

    is_fold: bool
    files: tuple[str, ...]


class _Survey:
    def __init__(self, store: Store, *, forget: bool, measures: bool, older_than: float) -> None:
        self._store, self._forget, self._measures, self._older_than = store, forget, measures, older_than
        self._known: dict[str, _Named] = {}

    def look(self) -> dict[str, dict[str, int]]:
        """{kind: {path: bytes}} of what may go."""
        store, began = self._store, time.time()
        found = roots(store)
        old = {path: size for path, size, modified in store.objects("") if began - modified >= self._older_than}
        manifests = dict(self._manifests())
        doomed: dict[str, list[str]] = {kind: [] for kind in KINDS}
        if self._forget:
            keep = {manifest_path(each) for each in found.fingerprints} | {path for path, each in manifests.items() if each.is_fold}
            doomed["manifests"] = [path for path in manifests if path in old and path not in keep]
            doomed["references"] = [path for path in found.superseded if path in old]
        if self._measures:
            used = Used(store, (value["fingerprint"] for value in found.current))
            folds = (path for path, each in manifests.items() if each.is_fold and path in old)
            doomed["manifests"] += [path for path in folds if not used.fold(store.get_json(path))]
            doomed["measures"] = [path for path in used.unused_measures() if path in old]
        named = found.files
        for path in manifests.keys() - set(doomed["manifests"]):
            named |= {data_path(digest) for digest in manifests[path].files}
        doomed["data files"] = [path for path in old if path.startswith("data/") and path not in named]
        doomed["temporary files"] = [path for path in old if path.startswith(("tmp/", "claims/"))]
        return {kind: {path: old[path] for path in sorted(paths)} for kind, paths in doomed.items()}

    def _manifests(self) -> Iterator[tuple[str, _Named]]:
        for path, _, _ in self._store.objects("manifests/"):
            if path not in self._known and (manifest := self._store.get_json(path)) is not None:
                files = tuple(digest for digest, _ in manifest["tables"].values())
                self._known[path] = _Named("digest" not in manifest, files)
            if path in self._known:
                yield path, self._known[path]
