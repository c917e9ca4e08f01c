"""Source kind `installed_python`: a real corpus that every installation has. It lands files, then reads them like `files`.

Three parts: `docs` (READMEs, descriptions and licences of installed distributions), `code` (their Python sources), `manual`
(HTML reference pages of the standard library). What lands is a function of what is installed: sorted, and taken from each package
in turn.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from email.message import Message
from importlib import metadata
from itertools import islice, zip_longest
from pathlib import Path
from typing import BinaryIO, ClassVar, Literal, cast

from pydantic import Field

from data4llm_assets.document import digest
from data4llm_assets.node import Delivery
from data4llm_assets.raw_crawl.files import file_record
from data4llm_assets.raw_crawl.source import Found, SourceSection

CODE_PACKAGES = (
    "alembic", "altair", "anyio", "attrs", "babel", "boto3", "botocore", "click", "cryptography", "dagster", "datasketch",
    "docutils", "fsspec", "graphene", "great-expectations", "httpx", "hypothesis", "jinja2", "jsonschema", "lxml", "mako",
    "markdown-it-py", "mypy", "narwhals", "networkx", "numba", "numpy", "packaging", "pandas", "polars", "psutil",
    "pyarrow", "pydantic", "pygments", "pytest", "python-dateutil", "pyyaml", "requests", "rich", "ruamel-yaml", "scipy",
    "setuptools", "sqlalchemy", "starlette", "structlog", "tornado", "tqdm", "trafilatura", "typer", "urllib3", "uvicorn",
    "watchdog", "websockets",
)  # fmt: skip
"""Well-known packages whose sources make up `code` unless the recipe names others; those not installed are passed over."""
DOCUMENTS = {"docs": 700, "code": 1200, "manual": 300}
"""Documents per part unless the recipe says otherwise."""

_OWN = "data4llm"
_SMALLEST, _LARGEST = 200, 400_000
_LICENCE = re.compile(r"(licen[cs]e|copying|notice|authors|credits)", re.I)
_PROSE = (".md", ".rst")
_DESCRIPTION = {"text/markdown": ".md", "text/x-rst": ".rst", "text/plain": ".txt"}
Landed = tuple[str, bytes]


class InstalledPython(SourceSection):
    """Documents out of this Python installation. `path` is given by the store: it names no folder of the user's."""

    version: ClassVar[str] = "2"
    listing_only: ClassVar[frozenset[str]] = SourceSection.listing_only | {"part", "packages", "documents", "drift"}
    kind: Literal["installed_python"]
    path: str = Field("", description="unused: files land in the store")
    part: Literal["docs", "code", "manual"] = Field(
        description="docs: READMEs and licences of installed packages; code: their Python sources; manual: HTML pages of the "
        "standard library"
    )
    packages: tuple[str, ...] | None = Field(
        None, description="distributions to take from (docs, code) or modules (manual); null: all, or known ones"
    )
    drift: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="share of documents that are gone, edited or new (a third each) in every snapshot after the first: "
        "a simulation of a world that changes, for trying out refreshes",
    )
    documents: int | None = Field(None, ge=1, description="at most so many documents; null: 700 docs, 1200 code, 300 manual")

    def records(self, stream: BinaryIO, path: str) -> Iterator[Found]:
        yield file_record(self, stream, path)

    def land(self, delivery: Delivery) -> None:
        """Write the files of a snapshot, all or nothing: its folder appears with everything in it. One with files is left alone."""
        folder = delivery.folder
        if folder.is_dir() and any(folder.iterdir()):
            return
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Beside the folder, so that the rename stays within one file system and a kill leaves nothing that looks landed.
        making = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            for name, content in self.landed(delivery.arrival):
                place = making / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
            os.chmod(making, 0o755)
            making.replace(folder)
        except OSError:
            # Another process landed the same meanwhile: a folder with files in it cannot be replaced.
            if not (folder.is_dir() and any(folder.iterdir())):
                raise
        finally:
            shutil.rmtree(making, ignore_errors=True)

    def landed(self, arrival: int = 1) -> Iterator[Landed]:
        """(path, content) of every file that this part lands in the `arrival`-th snapshot, in order."""
        limit = self.documents or DOCUMENTS[self.part]
        # New documents are those beyond the cap: it rises with every snapshot.
        for name, content in islice(self._installed(), limit + (arrival - 1) * round(limit * self.drift / 3)):
            # Each document has one turn to change, and one way in which it does.
            turn = 2 + math.floor(_draw("turn", name) / (self.drift * 2 / 3)) if self.drift else math.inf
            if turn > arrival:
                yield name, content
            elif _draw("how", name) < 1 / 2:
                yield name, _edited(name, content, int(turn))

    def _installed(self) -> Iterator[Landed]:
        wanted = None if self.packages is None else [_canonical(name) for name in self.packages]
        match self.part:
            case "manual":
                yield from _manual(self.packages)
            case "docs":
                yield from _in_turn(_docs(name, package) for name, package in _distributions(wanted))
            case "code":
                known = [_canonical(name) for name in CODE_PACKAGES]
                yield from _in_turn(_code(name, package) for name, package in _distributions(known if wanted is None else wanted))


def _draw(what: str, name: str) -> float:
    """A number in [0, 1) that depends on the document alone."""
    return int(digest("drift", what, name)[:13], 16) / 16**13


def _edited(name: str, content: bytes, turn: int) -> bytes:
    """The document with a sentence more."""
    sentence = f"This page was looked over again for delivery {turn}."
    match Path(name).suffix:
        case ".py":
            return content + f"\n# {sentence}\n".encode()
        case ".html":
            return content.replace(b"</body>", f"<p>{sentence}</p></body>".encode())
    return content + f"\n\n{sentence}\n".encode()


def _distributions(wanted: list[str] | None) -> list[tuple[str, metadata.Distribution]]:
    """Installed distributions by canonical name, sorted; of several with one name the first on the path, as for an import."""
    found: dict[str, metadata.Distribution] = {}
    for package in metadata.distributions():
        name = _canonical(package.metadata["Name"] or "")
        if name and name != _OWN and (wanted is None or name in wanted):
            found.setdefault(name, package)
    return sorted(found.items())


def _docs(name: str, package: metadata.Distribution) -> Iterator[Landed]:
    described = cast("Message", package.metadata)
    text = described.get_payload() or described.get("Description") or ""
    kind = (described.get("Description-Content-Type") or "text/x-rst").partition(";")[0].strip().lower()
    if isinstance(text, str) and len(text) >= _SMALLEST:
        yield f"{name}/README{_DESCRIPTION.get(kind, '.txt')}", text.encode("utf-8", "replace")
    for file in _files(package):
        inside = file.parts[0].endswith((".dist-info", ".egg-info"))
        if (inside and _LICENCE.search(file.name)) or file.suffix.lower() in _PROSE:
            tail = "/".join(file.parts[1:]) if inside else file.as_posix()
            landed = f"{name}/{tail}" if file.suffix.lower() in (*_PROSE, ".txt") else f"{name}/{tail}.txt"
            yield from _readable(package, file, landed)


def _code(name: str, package: metadata.Distribution) -> Iterator[Landed]:
    for file in _files(package):
        if file.suffix == ".py":
            yield from _readable(package, file, f"{name}/{file.as_posix()}")


def _files(package: metadata.Distribution) -> list[metadata.PackagePath]:
    """Files of a distribution that lie within its packages, none of them hidden, sorted."""
    return sorted(file for file in package.files or () if not any(part.startswith((".", "/")) for part in file.parts))


def _readable(package: metadata.Distribution, file: metadata.PackagePath, landed: str) -> Iterator[Landed]:
    try:
        content = Path(str(package.locate_file(file))).read_bytes()
    except OSError:
        # A record of installation may name files that were taken away since.
        return
    if _SMALLEST <= len(content) <= _LARGEST:
        yield landed, content


def _manual(modules: tuple[str, ...] | None) -> Iterator[Landed]:
    # Isolated and without site-packages: the pages depend on this Python alone, and importing has no effect on this process.
    script = Path(__file__).with_name("python_manual.py")
    command = [sys.executable, "-I", "-S", str(script), *(modules or ())]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as pages:
        assert pages.stdout is not None
        try:
            for line in pages.stdout:
                name, html = json.loads(line)
                yield f"{name}.html", html.encode()
        finally:
            # Whoever wanted fewer pages stops here.
            pages.kill()


def _in_turn(packages: Iterable[Iterator[Landed]]) -> Iterator[Landed]:
    """One file of each package in turn, so that a cap takes something of all; one path lands once."""
    seen = set()
    for round_of_files in zip_longest(*packages):
        for landed in round_of_files:
            if landed is not None and landed[0] not in seen:
                seen.add(landed[0])
                yield landed


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
