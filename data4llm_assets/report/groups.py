"""Which files make a source: one for each kind of content, or for each top-level subfolder where that is natural.

Not here: what a file is (`look.py`).
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from data4llm_assets.raw_crawl.jsonl import Jsonl
from data4llm_assets.raw_crawl.parquet import Parquet
from data4llm_assets.raw_crawl.warc import Warc
from data4llm_assets.report.look import NOT_ROWS, Content, File, Kind, Look, suffix_of

MOST_SUBFOLDERS = 16
MOST_PATTERNS = 40
SMALL_SHARE, FEW_FILES = 0.01, 20
"""A few text files beside archives or tables describe them: they are no source."""
READER_DEFAULTS: Mapping[str, tuple[str, ...]] = {
    kind: section.model_fields["include"].default for kind, section in (("jsonl", Jsonl), ("parquet", Parquet), ("warc", Warc))
}
DESCRIBES = "beside the others, and only describing them"
_PROJECT_FILES = (".git", "CMakeLists.txt", "Cargo.toml", "Makefile", "go.mod", "package.json", "pom.xml", "pyproject.toml")
_SLICE = re.compile(r"(?i)\d[\d_.-]*|[0-9a-f]{2}|\w+=.*|train|test|valid(ation)?|dev|data|part\W?\d+|default|src|lib|tests?")
"""Names of subfolders that are slices of one data set, or parts of one project."""

_DESCRIPTION = re.compile(r"(?i)(readme|licen[cs]e|copying|notice|authors|changelog|citation)\b")

Key = tuple[Kind, Content]


class Group(NamedTuple):
    """Files that one source reads.

    path: the folder or file that a recipe names; files: by their path within it (a single file: its name). subfolder: the top-level
    subfolder it is, "" otherwise. include, exclude: what a recipe must say to take these files and no others.
    """

    name: str
    kind: Kind
    content: Content
    path: Path
    subfolder: str
    files: tuple[File, ...]
    include: tuple[str, ...]
    exclude: tuple[str, ...]

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)


def groups(found: Look, path: Path) -> tuple[tuple[Group, ...], dict[str, list[str]]]:
    """The proposed sources, by name, and {why: paths} of readable files that belong to none. `path` is what was looked at."""
    beside = _beside(found.files)
    taken_out = {name for names in beside.values() for name in names}
    files = [file for file in found.files if file.path not in taken_out]
    # No source for others must read them, either.
    no_rows = [*found.left_out.get(NOT_ROWS, ()), *taken_out]
    built = tuple(f"**/{name}/**" for name in sorted(found.built))
    if path.is_file():
        return _named(_by_content(path, "", files, no_rows, ())), beside
    folders = subfolders(found.root, files)
    proposed: list[Group] = []
    for folder in folders:
        inside = [file._replace(path=file.path.partition("/")[2]) for file in files if file.path.startswith(f"{folder}/")]
        unread = [name.partition("/")[2] for name in no_rows if name.startswith(f"{folder}/")]
        proposed += _by_content(found.root / folder, folder, inside, unread, built)
    loose = [file for file in files if file.path.partition("/")[0] not in folders]
    if folders and _are_few(loose, files):
        return _named(proposed), {**beside, DESCRIBES: [*beside.get(DESCRIBES, ()), *(file.path for file in loose)]}
    unread = [name for name in no_rows if name.partition("/")[0] not in folders]
    # A pattern's `*` passes over slashes: what other sources read must be taken out by name.
    proposed += _by_content(found.root, "", loose, unread, (*(f"{folder}/**" for folder in folders), *built))
    return _named(proposed), beside


def subfolders(root: Path, files: Sequence[File]) -> tuple[str, ...]:
    """The top-level subfolders, if each looks like a source of its own rather than like a slice of one data set or project."""
    names = sorted({file.path.partition("/")[0] for file in files if "/" in file.path})
    total = sum(file.bytes for file in files)
    loose = sum(file.bytes for file in files if "/" not in file.path)
    code = sum(file.bytes for file in files if file.content == "code")
    if not 2 <= len(names) <= MOST_SUBFOLDERS or loose * 10 > total or code * 10 > total * 9:
        return ()
    if any((root / name).exists() for name in _PROJECT_FILES) or any(_SLICE.fullmatch(name) for name in names):
        return ()
    return tuple(names)


def _beside(files: Sequence[File]) -> dict[str, list[str]]:
    """What only describes the others (a few texts beside archives or tables, a few READMEs and licences beside anything), and JSON
    where nothing else is code: no reader takes its values apart."""
    tables = any(file.kind != "files" for file in files)
    describe = [file for file in files if file.kind == "files" and (tables or _DESCRIPTION.match(file.path.rpartition("/")[2]))]
    found = {DESCRIBES: [file.path for file in describe]} if 0 < len(describe) < len(files) and _are_few(describe, files) else {}
    code = [file.path for file in files if file.content == "code"]
    if {suffix_of(path) for path in code} == {".json"}:
        found[NOT_ROWS] = [path for path in code if path not in found.get(DESCRIBES, ())]
    return found


def _are_few(some: Sequence[File], files: Sequence[File]) -> bool:
    return len(some) <= FEW_FILES and sum(file.bytes for file in some) <= SMALL_SHARE * sum(file.bytes for file in files)


def _by_content(path: Path, folder: str, files: Sequence[File], unread: Sequence[str], elsewhere: Sequence[str]) -> list[Group]:
    """A group for each kind of content of one folder, such that no file is read twice, and none that should not be."""
    members: dict[Key, list[File]] = {}
    for file in files:
        members.setdefault((file.kind, file.content), []).append(file)
    proposed = []
    for key in sorted(members):
        kind, content = key
        foreign = [file.path for other, some in members.items() if other != key for file in some]
        include, exclude = _asked(kind, [file.path for file in members[key]], foreign, unread)
        label = content if kind == "files" else kind
        name = folder if folder and len(members) == 1 else "_".join(each for each in (folder, label) if each)
        proposed.append(Group(name, kind, content, path, folder, tuple(members[key]), include, (*exclude, *elsewhere)))
    return proposed


def _asked(
    kind: Kind, own: Sequence[str], foreign: Sequence[str], unread: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """include and exclude that take `own` alone."""
    wanted, others = _patterns(own), _patterns(foreign)
    mixed_up = [path for path in (*foreign, *unread) if _patterns([path]) <= wanted]
    if len(mixed_up) > len(own):
        # Shorter to name one's own.
        return tuple(glob.escape(path) for path in own), ()
    exclude = tuple(glob.escape(path) for path in mixed_up)
    if wanted <= set(READER_DEFAULTS.get(kind, ())) or (kind == "files" and not foreign and not unread):
        return (), exclude
    if len(wanted) > MOST_PATTERNS:
        return (), (*sorted(others - wanted), *dict.fromkeys((*exclude, *map(glob.escape, unread))))
    return tuple(sorted(wanted)), exclude


def _patterns(paths: Iterable[str]) -> set[str]:
    return {f"**/*{suffix}" if (suffix := suffix_of(path)) else f"**/{Path(path).name}" for path in paths}


def _named(proposed: Iterable[Group]) -> tuple[Group, ...]:
    """With names that a recipe allows, each once, in their order."""
    found: dict[str, Group] = {}
    for group in proposed:
        plain = re.sub(r"[^a-z0-9]+", "_", group.name.lower()).strip("_") or "source"
        plain = plain if plain[0].isalpha() else f"source_{plain}"
        name = next(each for n in range(1, len(found) + 2) if (each := plain if n == 1 else f"{plain}_{n}") not in found)
        found[name] = group._replace(name=name)
    return tuple(found[name] for name in sorted(found))
