"""Snapshots: deliveries of the sources in order of arrival, each with a frozen listing of files, sizes and digests.

Freezing reads every file once for its digest. Nothing after it lists a folder again, so a file that appears later belongs to the
next snapshot (or to this one, if it is listed anew), and one that changes is refused where it is read.
"""

from __future__ import annotations

import fnmatch
import glob
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import obstore
import polars as pl
from obstore.store import from_url

from data4llm_assets.document import digest
from data4llm_assets.engine.digest import json_digest
from data4llm_assets.engine.register import Entry, Register
from data4llm_assets.engine.store import Store
from data4llm_assets.node import Delivery, LandingFailed, Partition, SourceFile

LISTING = pl.Schema({"path": pl.String, "bytes": pl.Int64, "digest": pl.String})
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PATTERN = re.compile(r"[*?\[]")


class SnapshotError(ValueError):
    """A snapshot cannot be added or removed as asked."""


class NothingNew(SnapshotError):
    """Every file is in an earlier snapshot, and the sources deliver new ones only."""


class Listing(NamedTuple):
    """The files of one shard, sorted by path, and a digest of all that is said about them."""

    files: tuple[SourceFile, ...]
    digest: str


class Snapshots:
    """The snapshots of one corpus."""

    def __init__(self, store: Store, corpus: str, register: Register | None = None) -> None:
        """register: where they are kept, if not where a corpus keeps its own."""
        self._store, self._corpus = store, corpus
        self.register = register or Register(store, f"corpora/{corpus}/snapshots")

    def all(self) -> dict[str, Any]:
        """Snapshots by name in order of arrival: {arrival, sources: {source: {listing, files, bytes}}}."""
        self.register.refresh()
        return self.seen()

    def seen(self) -> dict[str, Any]:
        """As `all`, of what was seen when the register was last looked at."""
        found = {name: entry.value for name, entry in self.register.entries().items() if entry.value is not None}
        return dict(sorted(found.items(), key=lambda item: (item[1]["arrival"], item[0])))

    def add(self, name: str, sources: Mapping[str, Any], *, relist: bool = False) -> dict[str, Any]:
        """Freeze the listings of `sources` under `name`. Those that fetch or write their own files do so now.

        A source with `deliver: new_files` that has none is left out.

        Raises
        ------
        SnapshotError
            If the name is taken (unless `relist`), is no name, a source has no files at all, or there is nothing new in any.
        """
        if not NAME.fullmatch(name):
            msg = f"a snapshot is named with letters, digits, '.', '_' and '-', not {name!r}"
            raise SnapshotError(msg)
        entry = self.register.current(name)
        if entry.value is not None and not relist:
            msg = f"snapshot {name!r} exists; add one under another name, or list this one anew with --relist"
            raise SnapshotError(msg)
        arrival = self._arrival(entry)
        frozen = {source: self._freeze(source, section, name, arrival) for source, section in sources.items()}
        listed = {source: listing for source, listing in frozen.items() if listing is not None}
        if not listed:
            msg = f"nothing new in {', '.join(sources)}: every file is in an earlier snapshot"
            raise NothingNew(msg)
        if relist and entry.value is not None:
            listed = {**{source: old for source, old in entry.value["sources"].items() if source not in sources}, **listed}
        return self._publish(name, entry, {"arrival": arrival, "sources": listed})

    def complete(self, name: str, sources: Mapping[str, Any]) -> dict[str, Any]:
        """Add sources that the recipe gained: those that no snapshot has. What is frozen stays as it is."""
        entry = self.register.current(name)
        missing = self.missing(sources)
        if not missing:
            return dict(entry.value)
        arrival = entry.value["arrival"]
        frozen = {source: self._freeze(source, sources[source], name, arrival) for source in missing}
        return self._publish(name, entry, {"arrival": arrival, "sources": {**entry.value["sources"], **frozen}})

    def missing(self, sources: Iterable[str]) -> list[str]:
        """Those of `sources` that no snapshot has."""
        delivered = {source for snapshot in self.all().values() for source in snapshot["sources"]}
        return [source for source in sources if source not in delivered]

    def remove(self, name: str) -> None:
        entry = self.register.current(name)
        if entry.value is None:
            msg = f"there is no snapshot {name!r}; there are: {', '.join(self.all()) or 'none'}"
            raise SnapshotError(msg)
        if list(self.all()) == [name]:
            msg = f"{name!r} is the only snapshot: add the one that is to take its place first, or delete the corpus with its store"
            raise SnapshotError(msg)
        if not self.register.publish(name, entry.generation, None):
            msg = f"another run changed snapshot {name!r} at the same time; look at it and try again"
            raise SnapshotError(msg)

    def listing(self, snapshot: Mapping[str, Any], source: str, shard: str, shards: int) -> Listing:
        """What is frozen of one shard."""
        listed = snapshot["sources"].get(source)
        by_shard = {} if listed is None else _by_shard(self._store, listed["listing"], source, shards)
        return by_shard.get(shard, Listing((), json_digest([])))

    def summary(self, snapshot: Mapping[str, Any], source: str, shard: str, shards: int) -> tuple[int, str]:
        """How many files are frozen of one shard, and the digest of their listing: what the planner asks of every snapshot."""
        listed = snapshot["sources"].get(source)
        by_shard = {} if listed is None else _summaries(self._store, listed["listing"], source, shards)
        return by_shard.get(shard) or (0, json_digest([]))

    def _arrival(self, entry: Entry) -> int:
        if entry.value is not None:
            return int(entry.value["arrival"])
        return max((snapshot["arrival"] for snapshot in self.all().values()), default=0) + 1

    def _freeze(self, source: str, section: Any, name: str, arrival: int) -> dict[str, Any] | None:
        """The listing of a source; None if it delivers new files only and has none."""
        before = [(each, value) for each, value in self.all().items() if value["arrival"] < arrival and source in value["sources"]]
        landing = self._landing(source, section)
        if landing is not None:
            earlier = tuple(landing / each for each, _ in reversed(before))
            try:
                section.land(Delivery(landing / name, name, arrival, earlier))
            except LandingFailed as error:
                msg = f"source {source!r}: {error}"
                raise SnapshotError(msg) from None
        found = sorted(list_files(source, section, landing / name if landing is not None else None))
        if not found:
            msg = f"source {source!r} has no files: nothing under {section.path!r} matches"
            raise SnapshotError(msg)
        frame = pl.DataFrame(found, schema=LISTING, orient="row")
        if section.deliver == "new_files":
            for _, value in before:
                frame = frame.join(self._store.read_table(value["sources"][source]["listing"]), on=["path", "digest"], how="anti")
            if frame.is_empty():
                return None
        table = self._store.write_table([frame], LISTING)
        return {"listing": table.digest, "files": frame.height, "bytes": int(frame["bytes"].sum())}

    def _landing(self, source: str, section: Any) -> Path | None:
        return landing_folder(self._store, self._corpus, source, section)

    def _publish(self, name: str, entry: Entry, value: dict[str, Any]) -> dict[str, Any]:
        if entry.value != value and not self.register.publish(name, entry.generation, value):
            msg = f"another run changed snapshot {name!r} at the same time; look at it and try again"
            raise SnapshotError(msg)
        return value


@lru_cache(maxsize=32)
def _by_shard(store: Store, listing: str, source: str, shards: int) -> dict[str, Listing]:
    # Listings are named by their content, so what was read stays true; a plan asks for each shard, again and again.
    found: dict[str, list[SourceFile]] = {}
    for row in store.read_table(listing).iter_rows():
        file = SourceFile(*row)
        found.setdefault(shard_of(source, file.path, shards), []).append(file)
    return {shard: Listing(tuple(files), json_digest([list(file) for file in files])) for shard, files in found.items()}


@lru_cache(maxsize=1 << 14)
def _summaries(store: Store, listing: str, source: str, shards: int) -> dict[str, tuple[int, str]]:
    # Small, so all of them stay: a corpus of a hundred snapshots has more listings than are kept whole.
    return {shard: (len(found.files), found.digest) for shard, found in _by_shard(store, listing, source, shards).items()}


def shard_of(source: str, path: str, shards: int) -> str:
    """A file's shard depends on its name alone: one more file touches one shard."""
    if shards == 1:
        return f"{source}-0"
    return f"{source}-{int(digest('shard', path)[:8], 16) % shards}"


def landing_folder(store: Store, corpus: str, source: str, section: Any) -> Path | None:
    """Where a source that fetches or writes its own files lands them, in a folder per snapshot; None for one that only reads.

    It is the source's `path` if it names one, else in the store. A bucket holds no landing: fetching appends to files.
    """
    if not hasattr(section, "land"):
        return None
    if section.path:
        return Path(section.path)
    where = store.root if store.root is not None else store.scratch() / "data4llm"
    return where / "landing" / corpus / source


def list_files(source: str, section: Any, landing: Path | None) -> Iterator[SourceFile]:
    """Every file of a source with its size and SHA-256 (or, in a bucket, the ETag the bucket gives)."""
    if "://" in section.path:
        yield from _list_bucket(section)
        return
    root = landing or root_of(section.path)
    for name in names_under(section.path) if landing is None else _walk(root):
        if wanted(name, section):
            try:
                with (root / name).open("rb") as stream:
                    found = hashlib.file_digest(stream, "sha256").hexdigest()[:32]
                    yield SourceFile(name, stream.tell(), found)
            except OSError as error:
                msg = f"source {source!r}: cannot read {root / name}: {error.strerror}"
                raise SnapshotError(msg) from error


def listable(section: Any) -> bool:
    """Whether a source's files lie somewhere without its doing: the others fetch or write theirs when a snapshot is taken."""
    return not hasattr(section, "land")


def names_under(path: str) -> Iterator[str]:
    """The files of a folder, a glob or a single path, relative to its root."""
    root = root_of(path)
    if _PATTERN.search(path):
        found_files = (Path(found) for found in glob.iglob(path, recursive=True))
        yield from (found.relative_to(root).as_posix() for found in found_files if found.is_file())
    elif root != Path(path):
        yield Path(path).name
    else:
        yield from _walk(root)


def wanted(name: str, section: Any) -> bool:
    """Whether a path relative to the source's folder passes `include` and `exclude`."""
    name = name.replace("\\", "/")
    included = any(_matches(name, pattern) for pattern in section.include) if section.include else True
    return included and not any(_matches(name, pattern) for pattern in section.exclude)


def open_file(store: Store, corpus: str, partition: Partition, section: Any, path: str) -> BinaryIO:
    """A byte stream of a listed file. Raises FileNotFoundError if it has gone.

    What a source landed for one snapshot may refer to what it landed for another, as `../<snapshot>/<path>`, and no further.
    """
    landing = landing_folder(store, corpus, partition.source, section)
    if landing is not None:
        found = (landing / partition.snapshot / path).resolve()
        if not found.is_relative_to(landing.resolve()):
            msg = f"{path} leads out of the landing of source {partition.source!r}"
            raise FileNotFoundError(msg)
        return found.open("rb")
    if "://" in section.path:
        reader: Any = obstore.open_reader(from_url(section.path), path)
        return reader
    root = root_of(section.path)
    # A single file that has gone looks like a folder: its listed path is its own name.
    return (root.parent if root.name == path and not root.is_dir() else root).joinpath(path).open("rb")


def root_of(path: str) -> Path:
    """The folder that the listed paths of a source hang from: its folder, its file's folder, or a glob's fixed part."""
    if _PATTERN.search(path):
        return Path(_PATTERN.split(path)[0] + "x").parent
    return Path(path).parent if Path(path).is_file() else Path(path)


def partitions(snapshots: Mapping[str, Any], sources: Mapping[str, Any]) -> tuple[Partition, ...]:
    """The grid in total order: (arrival, priority of the source, shard)."""
    ranks = {priority: rank for rank, priority in enumerate(sorted({section.priority for section in sources.values()}))}
    found = [
        Partition(f"{source}-{index}|{name}", source, f"{source}-{index}", name, arrival, ranks[section.priority])
        for arrival, (name, snapshot) in enumerate(snapshots.items())
        for source, section in sources.items()
        if source in snapshot["sources"]
        for index in range(section.shards)
    ]
    return tuple(sorted(found, key=lambda p: (p.arrival, p.priority, p.source, int(p.shard.rpartition("-")[2]))))


def _walk(root: Path) -> Iterator[str]:
    if not root.is_dir():
        msg = f"there is no file or folder {root}"
        raise SnapshotError(msg)
    for found in root.rglob("*"):
        name = found.relative_to(root)
        if not any(part.startswith(".") for part in name.parts) and found.is_file():
            yield name.as_posix()


def _matches(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) or (pattern.startswith("**/") and fnmatch.fnmatchcase(name, pattern[3:]))


def _list_bucket(section: Any) -> Iterator[SourceFile]:
    for batch in obstore.list(from_url(section.path)):
        for entry in batch:
            if wanted(entry["path"], section):
                yield SourceFile(entry["path"], entry["size"], bucket_digest(entry))


def bucket_digest(entry: Mapping[str, Any]) -> str:
    """What stands for the bytes of an object in a bucket: its entity tag and its size."""
    return digest("etag", entry["e_tag"] or "", str(entry["size"]))
