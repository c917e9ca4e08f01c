"""What is named, and so must stay: by current references, snapshots, releases, and claims of releases that are being made."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from data4llm_assets.engine.store import Damaged, Store, data_path


@dataclass
class Roots:
    """current: values of the references that count. superseded: paths of references that a later one replaced.

    fingerprints, files: what these and releases name.
    """

    current: list[Any] = field(default_factory=list)
    superseded: list[str] = field(default_factory=list)
    fingerprints: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)

    def keep_release(self, store: Store, value: Mapping[str, Any]) -> None:
        files, fingerprints = named_by_release(store, value)
        self.files |= files
        self.fingerprints |= fingerprints


def roots(store: Store) -> Roots:
    """Everything that is named now.

    Raises
    ------
    store.Damaged
        If the table of a release is gone: what the release names is then not known.
    """
    found = Roots()
    newest: dict[str, tuple[int, str]] = {}
    paths = []
    for path, _, _ in store.objects("corpora/"):
        name, _, generation = path.removesuffix(".json").rpartition(".")
        if generation.isdigit():
            paths.append(path)
            newest[name] = max(newest.get(name, (0, "")), (int(generation), path))
    standing = {path for _, path in newest.values()}
    for path in paths:
        kind = path.split("/")[2]
        if path not in standing and kind != "snapshots":
            found.superseded.append(path)
        elif (value := store.get_json(path)) is None:
            continue  # withdrawn
        elif kind == "snapshots":
            # Also of earlier generations: an earlier listing may be asked for again, and is small.
            found.files |= {data_path(listed["listing"]) for listed in value["sources"].values()}
        elif kind == "releases":
            found.keep_release(store, value)
        else:
            found.current.append(value)
            found.fingerprints.add(value["fingerprint"])
            found.files |= {data_path(digest) for digest, _ in value["tables"].values()}
    for path, _, _ in store.objects("claims/"):
        # What a claim names may be gone before it was written; whoever made the claim sees that too, and gives up.
        with suppress(Damaged):
            if (value := store.get_json(path)) is not None:
                found.keep_release(store, value)
    return found


def named_by_release(store: Store, value: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """Data files and fingerprints that a release keeps: those in its table of partitions, that table, and its listings."""
    content = value["content"]
    (table, _) = content["partitions"]
    partitions = store.read_table(table, ["fingerprint", "file"])
    listings = {listed["listing"] for snapshot in content["snapshots"].values() for listed in snapshot["sources"].values()}
    return {data_path(digest) for digest in {table, *listings, *partitions["file"]}}, set(partitions["fingerprint"])
