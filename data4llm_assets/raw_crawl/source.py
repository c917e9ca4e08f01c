"""What a source is: where documents come from, and what reading one of its files gives.

Here: the keys every kind of source has, and the rows its reader yields. Each kind is one file beside this one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, ClassVar, Literal, NamedTuple

from pydantic import Field

from data4llm_assets.method import Parameters, library_version


class Repair(NamedTuple):
    """Something a reader mended in a payload: the rule that says what, and how often."""

    rule: str
    times: int


class Record(NamedTuple):
    """One document as it lies in a source, with its payload.

    identity: what makes it this record: (URL or path, payload digest), never an offset. address: canonical URL or path, the same
    in every snapshot. locator: enough to read the original again. payload_digest: SHA-256 of the payload, 32 hex digits.
    """

    identity: tuple[str, ...]
    address: str
    locator: str
    payload: bytes
    payload_digest: str
    media_type: str
    url: str | None = None
    fetched_at: str | None = None
    title: str | None = None
    language: str | None = None
    license: str | None = None
    meta: Mapping[str, str] = {}
    repairs: tuple[Repair, ...] = ()


class Bad(NamedTuple):
    """A record, or the rest of a file, that cannot be used. It is quarantined: one decision, and the shard goes on."""

    rule: str
    reason: str
    locator: str
    value: float | None = None
    threshold: float | None = None


class Skipped(NamedTuple):
    """Something the source holds that is no document (a request, an image): counted by kind."""

    kind: str


class Reference(NamedTuple):
    """A record without a payload of its own: it is the one of an earlier record, which lies elsewhere in the same source.

    path: as a reader of the same partition opens it, `../first/pages-03.warc.gz`. offset: where the earlier record begins there, in
    bytes. payload_digest: as both records name it. meta: what this record says of itself.
    """

    path: str
    offset: int
    payload_digest: str
    url: str
    fetched_at: str | None
    locator: str
    meta: Mapping[str, str] = {}


Found = Record | Bad | Skipped
Open = Callable[[str], AbstractContextManager[BinaryIO]]
"""Opens a file of a source by its listed path. Raises FileNotFoundError."""

_ONLY_LISTED = frozenset({"path", "include", "exclude", "shards", "priority", "access", "deliver"})


class SourceSection(Parameters):
    """Keys that every kind of source has."""

    version: ClassVar[str] = "1"
    """Raise when the reader may give other records for the same bytes."""
    uses: ClassVar[tuple[str, ...]] = ()
    """Distributions whose version may change what the reader gives."""
    random_access: ClassVar[bool] = False
    """Whether the reader seeks, so that its bytes cannot be digested as they pass."""
    fetches: ClassVar[bool] = False
    """Whether a delivery asks somebody else's servers."""
    listing_only: ClassVar[frozenset[str]] = _ONLY_LISTED
    """Keys that act through the listing of files, or not on the index at all: they do not make a partition."""

    kind: str
    path: str = Field(description="folder, file, glob, or s3:// URI")
    include: tuple[str, ...] = Field((), description="globs over paths within the folder; empty: every file")
    exclude: tuple[str, ...] = Field((), description="globs over paths within the folder, taken out of what `include` lets in")
    domain: str = Field(min_length=1, description="group of documents for mixing, such as web, books, code")
    license: str | None = Field(None, description="licence of every document that names none itself, as an SPDX identifier")
    access: Literal["public", "private"] = Field(
        "public", description="stated in the dataset card; an export that holds text of private sources says so"
    )
    shards: int = Field(1, ge=1, le=99, description="slices that are built, checked and published one by one")
    priority: int = Field(0, description="of two equal documents the one from the source with the lower number stays")
    deliver: Literal["everything", "new_files"] = Field(
        "everything",
        description="what a snapshot lists: every file there is, or only those that no earlier snapshot has with the same content",
    )
    max_bytes: int = Field(50_000_000, ge=1, description="bytes; a larger record is quarantined, and never held in memory whole")

    def records(self, stream: BinaryIO, path: str) -> Iterator[Found | Reference]:
        """Everything in one file, in its order. `path` is the listed path, for locators and identities."""
        raise TypeError(f"{type(self).__name__} must define records()")

    def resolve(self, found: Reference, open_file: Open) -> Found:
        """What a reference stands for: a record of this snapshot. Kinds whose readers give references define it."""
        raise TypeError(f"{type(self).__name__} must define resolve()")

    def reading(self) -> dict[str, Any]:
        """What makes this source's index apart from its files, as JSON: keys, reader version, library versions."""
        keys = self.model_dump(mode="json", exclude=set(self.listing_only))
        return {**keys, "reader": {"version": self.version, "libraries": {name: library_version(name) for name in self.uses}}}

    def digests_bytes(self) -> bool:
        """Whether the listing holds digests of the bytes themselves. A bucket's listing has only its entity tags."""
        return "://" not in self.path

    def too_large(self, what: str, locator: str, found: int | None = None) -> Bad:
        return Bad("raw_crawl.max_bytes", f"{what} is larger than the limit", locator, found, self.max_bytes)


def payload_digest(payload: bytes) -> str:
    """SHA-256 of the payload, 32 hex digits."""
    return hashlib.sha256(payload).hexdigest()[:32]
