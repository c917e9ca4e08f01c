"""What a crawl has found, done and is yet to do: a database in the snapshot's folder, and a lock beside it.

Everything between two commits belongs together: the outcomes of URLs, the links found in them, the lengths of the files that hold
them. `commit` comes after the files are on disk; whatever it has not seen is done again after a kill.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from data4llm_assets.node import LandingFailed
from data4llm_assets.raw_crawl.crawling.warc_writer import Original

NAME = ".crawl.sqlite"
REPORT = ".crawl.jsonl"
_LOCK = ".crawl.lock"
Kind = Literal["page", "sitemap"]
Outcome = Literal[
    "page", "revisit", "sitemap", "redirect", "status", "media_type", "too_large", "empty", "robots", "scope", "address",
    "credentials", "failed",
]  # fmt: skip
"""page, revisit: landed, new or as an earlier snapshot has it. failed: tried to no avail. The others: what a server or the
recipe said. `scope` is asked again when the recipe grows."""
_TABLES = """
CREATE TABLE IF NOT EXISTS urls (
    id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, site TEXT NOT NULL, kind TEXT NOT NULL, depth INTEGER NOT NULL,
    hops INTEGER NOT NULL, found TEXT NOT NULL, outcome TEXT, reason TEXT, status INTEGER, attempts INTEGER, bytes INTEGER,
    date TEXT, file TEXT, offset INTEGER, length INTEGER, etag TEXT, modified TEXT,
    origin_snapshot TEXT, origin_file TEXT, origin_offset INTEGER, origin_digest TEXT, origin_url TEXT, origin_date TEXT,
    origin_record TEXT
);
CREATE INDEX IF NOT EXISTS waiting ON urls (site, depth, id) WHERE outcome IS NULL;
CREATE INDEX IF NOT EXISTS outcomes ON urls (outcome);
CREATE TABLE IF NOT EXISTS files (name TEXT PRIMARY KEY, length INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS sites (site TEXT PRIMARY KEY, robots BLOB NOT NULL, reservations BLOB NOT NULL, date TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_ORIGIN = ("snapshot", "file", "offset", "digest", "url", "date", "record")


class Item(NamedTuple):
    """A URL to be fetched. depth: links from a seed. hops: redirects that led here. found: how, in a word."""

    id: int
    url: str
    site: str
    kind: Kind
    depth: int
    hops: int


class Known(NamedTuple):
    """What an earlier snapshot knows of a page: validators, and the response that holds its payload."""

    etag: str | None
    modified: str | None
    original: Original


class Journal:
    """The journal of one snapshot, open for writing. One process at a time."""

    def __init__(self, folder: Path) -> None:
        """Raises LandingFailed if another process crawls into this folder."""
        self._lock: IO[str] = (folder / _LOCK).open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            msg = f"another process crawls into {folder}: wait for it, or end it"
            raise LandingFailed(msg) from None
        self._base = sqlite3.connect(folder / NAME, isolation_level=None, check_same_thread=False)
        self._base.execute("PRAGMA synchronous = FULL")
        self._base.executescript(_TABLES)
        self._base.execute("BEGIN")

    def commit(self, lengths: Mapping[str, int]) -> None:
        """Keep everything that was told since the last commit, and how long the files are by now."""
        self._base.executemany(
            "INSERT INTO files VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET length = excluded.length", lengths.items()
        )
        self._base.execute("COMMIT")
        self._base.execute("BEGIN")

    def close(self) -> None:
        """What was not committed is forgotten."""
        self._base.rollback()
        self._base.close()
        self._lock.close()

    def lengths(self) -> dict[str, int]:
        return dict(self._base.execute("SELECT name, length FROM files").fetchall())

    def fact(self, name: str) -> str | None:
        row = self._base.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def state(self, name: str, value: str | None) -> None:
        """Keep a fact about the crawl; None forgets it."""
        self._base.execute("DELETE FROM facts WHERE name = ?", (name,))
        if value is not None:
            self._base.execute("INSERT INTO facts VALUES (?, ?)", (name, value))

    def site(self, site: str, since: str) -> tuple[bytes, bytes] | None:
        """robots.txt and tdmrep.json of a site, if they were read since then."""
        query = "SELECT robots, reservations FROM sites WHERE site = ? AND date >= ?"
        row = self._base.execute(query, (site, since)).fetchone()
        return (bytes(row[0]), bytes(row[1])) if row else None

    def keep_site(self, site: str, robots: bytes, reservations: bytes, date: str) -> None:
        self._base.execute("INSERT OR REPLACE INTO sites VALUES (?, ?, ?, ?)", (site, robots, reservations, date))

    def forget_sites(self) -> None:
        """Ask every site anew what it asks for."""
        self._base.execute("DELETE FROM sites")

    def add(
        self, url: str, site: str, kind: Kind, depth: int, hops: int, found: str, refused: tuple[Outcome, str] | None = None
    ) -> bool:
        """Take a URL down, to be fetched unless it is `refused`. False if it is there already, and as near to the seeds."""
        outcome, reason = refused or (None, None)
        values = (url, site, kind, depth, hops, found, outcome, reason)
        cursor = self._base.execute(
            "INSERT OR IGNORE INTO urls (url, site, kind, depth, hops, found, outcome, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )
        if cursor.rowcount == 0 and refused is None:
            nearer = "UPDATE urls SET depth = ?, outcome = NULL, reason = NULL WHERE url = ? AND depth > ? AND "
            cursor = self._base.execute(nearer + "(outcome IS NULL OR outcome = 'scope')", (depth, url, depth))
        return cursor.rowcount > 0

    def done(self, item: Item, outcome: Outcome, **told: Any) -> Outcome:
        """What came of a URL. told: columns of the table by name."""
        self._set(item.id, {"outcome": outcome, **told})
        return outcome

    def landed(self, item: Item, outcome: Outcome, original: Original, **told: Any) -> Outcome:
        """A page that lies in a file, and the response that holds its payload."""
        origin = {f"origin_{name}": value for name, value in zip(_ORIGIN, original, strict=True)}
        self._set(item.id, {"outcome": outcome, **told, **origin})
        return outcome

    def again(self, outcome: Outcome) -> list[Item]:
        """All URLs with an outcome, to be judged again."""
        return [Item(*row) for row in self._base.execute(f"{_ITEM} WHERE outcome = ?", (outcome,)).fetchall()]

    def reopen(self, item: Item, depth: int | None = None) -> None:
        """Let a URL wait again."""
        self._set(item.id, {"outcome": None, "reason": None, "depth": item.depth if depth is None else depth})

    def waiting(self, site: str, taken: Iterable[int], most: int) -> list[Item]:
        """The next URLs of a site, nearest to the seeds first, apart from those that are taken already."""
        held = set(taken)
        query = f"{_ITEM} WHERE outcome IS NULL AND site = ? ORDER BY depth, id LIMIT ?"
        return [item for item in (Item(*row) for row in self._base.execute(query, (site, most + len(held)))) if item.id not in held]

    def give_up(self, site: str, outcome: Outcome, reason: str) -> None:
        """The same outcome for every URL of a site that waits."""
        self._base.execute("UPDATE urls SET outcome = ?, reason = ? WHERE site = ? AND outcome IS NULL", (outcome, reason, site))

    def sites(self) -> list[str]:
        """Sites with URLs that wait."""
        return [row[0] for row in self._base.execute("SELECT DISTINCT site FROM urls WHERE outcome IS NULL ORDER BY site")]

    def counts(self) -> dict[str, int]:
        """URLs by outcome; `waiting` for those without."""
        rows = self._base.execute("SELECT coalesce(outcome, 'waiting'), count(*) FROM urls GROUP BY 1 ORDER BY 1")
        return dict(rows.fetchall())

    def commonest_reasons(self, most: int) -> list[tuple[str, int]]:
        """Why nothing came of URLs that were asked for, the commonest reasons first."""
        query = (
            "SELECT reason, count(*) FROM urls WHERE outcome NOT IN ('page', 'revisit', 'sitemap', 'redirect', 'scope') "
            "GROUP BY 1 ORDER BY max(outcome = 'failed') DESC, 2 DESC, 1 LIMIT ?"
        )
        return [(row[0], row[1]) for row in self._base.execute(query, (most,))]

    def report(self, path: Path) -> None:
        """One JSON line for every URL: what came of it, and where it lies. Read it with `polars.read_ndjson`."""
        columns = ("url", "outcome", "reason", "status", "found", "depth", "attempts", "bytes", "date", "file", "offset", "length")
        making = path.with_suffix(".making")
        with making.open("w", encoding="utf-8") as out:
            for row in self._base.execute(f"SELECT {', '.join(columns)} FROM urls ORDER BY id"):
                out.write(json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) + "\n")
        making.replace(path)

    def _set(self, identifier: int, values: Mapping[str, Any]) -> None:
        self._base.execute(
            f"UPDATE urls SET {', '.join(f'{name} = ?' for name in values)} WHERE id = ?", (*values.values(), identifier)
        )


class Earlier:
    """What earlier snapshots of the source know of pages, the newest first."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._bases = [sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False) for path in _journals(folders)]

    def known(self, url: str) -> Known | None:
        """A page as the newest snapshot that landed it knows it."""
        columns = ", ".join(f"origin_{name}" for name in _ORIGIN)
        for base in self._bases:
            query = f"SELECT etag, modified, {columns} FROM urls WHERE url = ? AND outcome IN ('page', 'revisit')"
            try:
                row = base.execute(query, (url,)).fetchone()
            except sqlite3.DatabaseError:
                # A journal that cannot be read costs the comparison with it: pages come whole.
                continue
            if row is not None:
                return Known(row[0], row[1], Original(*row[2:]))
        return None

    def close(self) -> None:
        for base in self._bases:
            base.close()


_ITEM = "SELECT id, url, site, kind, depth, hops FROM urls"


def _journals(folders: Iterable[Path]) -> Iterator[str]:
    from urllib.parse import quote

    for folder in folders:
        if (folder / NAME).is_file():
            yield quote(str((folder / NAME).resolve()))
