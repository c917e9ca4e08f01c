"""What lies in folders and buckets that the newest snapshot has not seen: by names, sizes and dates, without reading a file.

A file is news if the snapshot lists no file of its name, or another size, or (in a bucket) another entity tag, or if it was
touched after the snapshot was frozen. Files that are gone are none: they are missing from the next snapshot, whatever causes it.
A file that is replaced by one of its own size while the snapshot is being frozen stays unseen here; reading it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

from data4llm_assets.document import digest
from data4llm_assets.engine.snapshots import SnapshotError, Snapshots, bucket_digest, listable, names_under, root_of, wanted
from data4llm_assets.engine.store import Store


class Seen(NamedTuple):
    """A file as a listing shows it: when it was last touched in seconds since 1970, and what a snapshot calls its bytes, if a
    listing says so: a bucket's does."""

    path: str
    bytes: int
    touched: float
    digest: str | None


class CannotList(RuntimeError):
    """A source's folder or bucket does not answer."""


@dataclass(frozen=True)
class News:
    """How many files of each source no snapshot has as they are; when the youngest was touched; a digest of what is known."""

    files: Mapping[str, int]
    youngest: float
    digest: str

    def __bool__(self) -> bool:
        return bool(self.files)


def watched(sources: Mapping[str, Any], named: tuple[str, ...]) -> dict[str, Any]:
    """The sources that can be looked at: those that a recipe names, or all that list a folder or a bucket."""
    return {name: section for name, section in sources.items() if listable(section) and (not named or name in named)}


def news(store: Store, corpus: str, sources: Mapping[str, Any]) -> News:
    """What `sources` hold beside the newest snapshot that has them; without one, everything.

    Raises
    ------
    CannotList
        If a folder or bucket cannot be listed, or holds no file: no snapshot could be taken.
    """
    snapshots = Snapshots(store, corpus)
    known = snapshots.all()
    found: list[tuple[str, Seen]] = []
    for source, section in sources.items():
        having = [name for name, snapshot in known.items() if source in snapshot["sources"]]
        frozen = _frozen_at(store, snapshots, having[-1]) if having else 0.0
        # What delivers new files only has delivered what any snapshot lists.
        before: dict[str, list[tuple[int, str]]] = {}
        for name in having if section.deliver == "new_files" else having[-1:]:
            for path, size, made_of in store.read_table(known[name]["sources"][source]["listing"]).iter_rows():
                before.setdefault(path, []).append((size, made_of))
        empty = True
        for seen in _listed(source, section):
            empty = False
            alike = [made_of for size, made_of in before.get(seen.path, ()) if size == seen.bytes]
            if not alike or (seen.touched > frozen if seen.digest is None else seen.digest not in alike):
                found.append((source, seen))
        if empty:
            msg = f"source {source!r} has no files: nothing under {section.path!r} matches"
            raise CannotList(msg)
    counts: dict[str, int] = {}
    for source, _ in found:
        counts[source] = counts.get(source, 0) + 1
    told = digest("news", *(f"{source}\0{seen}" for source, seen in sorted(found)))
    return News(counts, max((seen.touched for _, seen in found), default=0.0), told)


def _listed(source: str, section: Any) -> Iterator[Seen]:
    try:
        yield from _in_bucket(section) if "://" in section.path else _in_folder(section)
    except (OSError, SnapshotError, BaseError, ValueError) as error:
        # The first line: what a cloud's client adds to it are requests and hints.
        lines = str(error).strip().splitlines() or [type(error).__name__]
        msg = f"source {source!r} cannot be listed: {lines[0][:200]}"
        raise CannotList(msg) from error


def _in_folder(section: Any) -> Iterator[Seen]:
    root = root_of(section.path)
    for name in names_under(section.path):
        if wanted(name, section):
            try:
                status = (root / name).stat()
            except FileNotFoundError:
                continue  # it went while we looked
            # Not the date of modification: whoever copies or moves a file into place may keep that.
            yield Seen(name, status.st_size, status.st_ctime, None)


def _in_bucket(section: Any) -> Iterator[Seen]:
    for batch in obstore.list(from_url(section.path)):
        for entry in batch:
            if wanted(entry["path"], section):
                yield Seen(entry["path"], entry["size"], entry["last_modified"].timestamp(), bucket_digest(entry))


def _frozen_at(store: Store, snapshots: Snapshots, name: str) -> float:
    path = f"{snapshots.register.folder}/{name}.{snapshots.register.entry(name).generation}.json"
    return next((modified for found, _, modified in store.objects(str(Path(path).parent)) if found == path), 0.0)
