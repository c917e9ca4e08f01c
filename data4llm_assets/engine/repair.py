"""Damage: files of the store that are gone, cut short or changed. What they held is forgotten; the next run makes it anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from data4llm_assets.engine.digest import TableDigester
from data4llm_assets.engine.register import Register
from data4llm_assets.engine.store import Damaged, Store, data_path


class Repair(NamedTuple):
    """What was found, and what follows: paths in the store.

    damaged : (file, what is wrong with it).
    manifests : that name a damaged file.
    references : (corpus/asset, partition) that stand current by one of them.
    lost : listings of snapshots among the damaged; nothing makes these anew but listing the sources again.
    releases : (corpus, release) that hold a damaged file: whole again when a run has made that file anew.
    """

    damaged: list[tuple[str, str]]
    manifests: list[str]
    references: list[tuple[str, str]]
    lost: list[str]
    releases: list[tuple[str, str]]


def examine(store: Store, *, rows: bool = False) -> Repair:
    """Look at every file that something names, and at all remembered measures.

    rows : also read every table and compare its rows with the digest it is named by: finds changed bytes, takes long.
    """
    manifests = {path: store.get_json(path) for path, _, _ in store.objects("manifests/")}
    named = {digest for manifest in manifests.values() for digest, _ in manifest["tables"].values()}
    listings = {listed["listing"] for _, value in _values(store, "snapshots") for listed in value["sources"].values()}
    released = dict(_released(store))
    damaged = dict(_damaged_tables(store, named.union(listings, *released.values()), rows=rows))
    unusable = [path for path, manifest in manifests.items() if any(digest in damaged for digest, _ in manifest["tables"].values())]
    standing = []
    for (folder, name), value in _values(store, "assets"):
        if any(digest in damaged for digest, _ in value["tables"].values()):
            standing.append((folder, name))
    tables = [(data_path(digest), what) for digest, what in damaged.items()]
    lost, broken = sorted(listings & set(damaged)), sorted(name for name, files in released.items() if files & set(damaged))
    return Repair(sorted([*tables, *_damaged_measures(store)]), sorted(unusable), sorted(standing), lost, broken)


def forget(store: Store, found: Repair) -> None:
    """Make what is damaged count as never made. References first: at no moment does one name what is gone."""
    for folder, name in found.references:
        register = Register(store, f"corpora/{folder}")
        register.publish(name, register.entry(name).generation, None)
    store.delete(found.manifests)
    lost = {data_path(digest) for digest in found.lost}
    store.delete(path for path, _ in found.damaged if path not in lost and store.exists(path))


def _released(store: Store) -> Iterator[tuple[tuple[str, str], set[str]]]:
    """((corpus, release), digests of the tables it names); of one whose own table is damaged, that one."""
    for (folder, name), value in _values(store, "releases"):
        (table, _) = value["content"]["partitions"]
        try:
            files = set(store.read_table(table, ["file"])["file"])
        except (Damaged, OSError, ValueError):
            files = set()
        yield (folder.removesuffix("/releases"), name), {table, *files}


def _values(store: Store, kind: str) -> Iterator[tuple[tuple[str, str], Any]]:
    """((corpus/folder, name), value) of what is current: snapshots, releases, or assets."""
    folders = {"/".join(path.split("/")[1:3]) for path, _, _ in store.objects("corpora/") if path.count("/") == 3}
    for folder in sorted(folders):
        named = folder.rpartition("/")[2]
        if kind == (named if named in ("snapshots", "releases") else "assets"):
            for name, entry in Register(store, f"corpora/{folder}").entries().items():
                if entry.value is not None:
                    yield (folder, name), entry.value


def _damaged_tables(store: Store, digests: Iterable[str], *, rows: bool) -> Iterator[tuple[str, str]]:
    for digest in sorted(digests):
        try:
            store.parquet(data_path(digest))
            if rows and _digest(store, digest) != digest:
                yield digest, "its rows are not those it is named by"
        except Damaged as error:
            yield digest, error.what
        except (OSError, ValueError) as error:  # how PyArrow says that bytes inside were changed
            yield digest, str(error).partition("\n")[0]


def _damaged_measures(store: Store) -> Iterator[tuple[str, str]]:
    for path, _, _ in store.objects("measures/"):
        if not path.endswith(".parquet"):
            continue
        try:
            store.parquet(path)
        except Damaged as error:
            yield path, error.what


def _digest(store: Store, digest: str) -> str:
    digester = TableDigester()
    for batch in store.batches(digest):
        digester.update(batch)
    return digester.hexdigest()
