"""What the files below a folder are: what `data4llm init` sees from their names, sizes and first bytes.

Here: which reader takes a file, and what it seems to hold. Not here: which files make a source (`groups.py`), or what their records
say (`sampled.py`).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from data4llm_assets.raw_crawl import media_type
from data4llm_assets.raw_crawl.jsonl import lines, opened, parsed

Kind = Literal["files", "jsonl", "parquet", "warc"]
Content = Literal["code", "documentation", "rows", "text", "web"]
MOST_FILES = 500_000
COMPRESSED = (".gz", ".zst", ".lz4")
_BY_SUFFIX: Mapping[str, tuple[Kind, Content]] = {
    ".jsonl": ("jsonl", "rows"),
    ".ndjson": ("jsonl", "rows"),
    ".parquet": ("parquet", "rows"),
    ".warc": ("warc", "web"),
}
_BY_MEDIA_TYPE: Mapping[str, Content] = {
    media_type.HTML: "web",
    media_type.XHTML: "web",
    media_type.MARKDOWN: "documentation",
    media_type.RESTRUCTURED_TEXT: "documentation",
    media_type.PLAIN: "text",
    media_type.CODE: "code",
}
_LOOKED_INTO = 20
"""Files of one suffix that nothing is known of are looked into; the others are taken for the same."""
BUILT_FOLDERS = frozenset({"__pycache__", "bower_components", "node_modules", "venv"})
"""What tools put into projects: nobody wrote it for a reader."""
_LINE_BYTES = 8 << 20
NOT_ROWS = "JSON, but not one object a line"
_LARGE_JSON = 1 << 20


class File(NamedTuple):
    """A file by its path below the folder that was looked at (with `/`), the reader that takes it, and what it seems to hold."""

    path: str
    bytes: int
    kind: Kind
    content: Content


class Look(NamedTuple):
    """left_out: {what they are: paths} of those that no reader takes. built: names of BUILT_FOLDERS that were passed over.

    truncated: there are more files than were looked at.
    """

    root: Path
    files: tuple[File, ...]
    left_out: Mapping[str, Sequence[str]]
    built: frozenset[str]
    truncated: bool


def look(path: Path) -> Look:
    """Look at a file, or at all files of a folder that are not hidden (those a run would list).

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`.
    """
    if not path.exists():
        msg = f"there is no file or folder {path}"
        raise FileNotFoundError(msg)
    root = path.parent if path.is_file() else path
    built: set[str] = set()
    listed = [(path.name, path.stat().st_size)] if path.is_file() else list(_walk(path, built))
    sorter = _Sorter(root)
    files = tuple(file for name, size in listed[:MOST_FILES] if (file := sorter.sort(name, size)) is not None)
    return Look(root, files, sorter.left_out, frozenset(built), len(listed) > MOST_FILES)


def suffix_of(path: str) -> str:
    """`.jsonl.gz`, `.py`, or nothing; as it is written, for patterns of a recipe mind case."""
    suffixes = Path(path).suffixes
    if suffixes and suffixes[-1] in COMPRESSED:
        return "".join(suffixes[-2:])
    return suffixes[-1] if suffixes else ""


class _Sorter:
    """Tells files apart, and counts those that no reader takes."""

    def __init__(self, root: Path) -> None:
        self.left_out: dict[str, list[str]] = {}
        self._root = root
        self._known: dict[str, list[tuple[Kind, Content] | str]] = {}

    def sort(self, name: str, size: int) -> File | None:
        found = self._found(name, size)
        if isinstance(found, str):
            self.left_out.setdefault(found, []).append(name)
            return None
        return File(name, size, *found)

    def _found(self, name: str, size: int) -> tuple[Kind, Content] | str:
        if size == 0:
            return "empty"
        suffix = suffix_of(name)
        bare = (suffix.rpartition(".")[0] if suffix.endswith(COMPRESSED) else suffix).lower()
        if bare in _BY_SUFFIX:
            return _BY_SUFFIX[bare]
        seen = self._known.setdefault(suffix.lower() or name, [])
        # A .json file may be anything, so each is looked into.
        if len(seen) >= _LOOKED_INTO and bare != ".json":
            return Counter(seen).most_common(1)[0][0]
        seen.append(self._inside(name, bare, size))
        return seen[-1]

    def _inside(self, name: str, bare: str, size: int) -> tuple[Kind, Content] | str:
        try:
            if bare == ".json" and (told := _json(self._root / name, size)) is not None:
                return told
            if name.endswith((".zst", ".lz4")):
                return f"compressed ({suffix_of(name)})"
            with (self._root / name).open("rb") as stream:
                head = bytes(opened(stream, name).read(4096))
        except Exception:  # the disk's errors, and whatever a decompressor raises over bytes that are not its format
            return "unreadable"
        found = media_type.of_file(name.removesuffix(".gz"), head)
        return ("files", _BY_MEDIA_TYPE[found]) if found in _BY_MEDIA_TYPE else found


def _json(path: Path, size: int) -> tuple[Kind, Content] | str | None:
    """What a `.json` file is: rows if it holds an object a line, None if it is small: source like any other."""
    with path.open("rb") as stream:
        first = [line.data for _, line in zip(range(2), lines(opened(stream, path.name), _LINE_BYTES), strict=False)]
    if len(first) == 2 and all(data is not None and isinstance(parsed(data)[0], dict) for data in first):
        return ("jsonl", "rows")
    return NOT_ROWS if size > _LARGE_JSON else None


def _walk(root: Path, built: set[str]) -> Iterator[tuple[str, int]]:
    """(path, bytes) of files, in order; at most one more than MOST_FILES. Adds to `built` what it passes over."""
    count = 0
    for folder, names, files in os.walk(root):
        built |= BUILT_FOLDERS & set(names)
        names[:] = sorted(name for name in names if not name.startswith(".") and name not in BUILT_FOLDERS)
        for name in sorted(files):
            path = Path(folder, name)
            if name.startswith(".") or not path.is_file():
                continue
            yield path.relative_to(root).as_posix(), path.stat().st_size
            count += 1
            if count > MOST_FILES:
                return
