"""Real web pages that anyone can have again: the HTML manuals in Debian's documentation packages, as a crawl in WARC.

Packages are fetched by `apt-get download`, unpacked and never installed; no root is needed. Their versions hang on the machine's
Debian: `pages.json` names them, with the digest of the pages, so that figures can say what they were measured on.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from benchmarks.inputs.cached import cached

VERSION = "1"
PACKAGES = (
    "ant-doc", "apache2-doc", "cinder-doc", "cmake-doc", "erlang-doc", "exim4-doc-html", "ghc-doc", "git-doc", "groovy-doc",
    r"libboost1\.[0-9]+-doc", r"libglib2\.0-doc", "libgtk-3-doc", "lilypond-doc-html", "maxima-doc", "neutron-doc", "nova-doc",
    "octave-doc", r"openjdk-[0-9]+-doc", "postfix-doc", r"postgresql-doc-[0-9]+", "python-django-doc", "python-pandas-doc",
    "python-sqlalchemy-doc", r"python3\.[0-9]+-doc", "qtbase5-doc-html", "rust-doc", "sphinx-doc", "sqlite3-doc",
    "swi-prolog-doc", "zsh-doc",
)  # fmt: skip
"""Regular expressions, because the names of some hold a version; the highest one available is taken."""
FEW = ("git-doc", r"python3\.[0-9]+-doc", r"postgresql-doc-[0-9]+")
DATE = "2024-01-01T00:00:00Z"
_HTML = re.compile(r"\.x?html?(\.en)?$")


class AptMissing(RuntimeError):
    """The pages come from Debian's packages, and there is no apt to fetch them with, or it knows none of them."""


class Page(NamedTuple):
    """One page: its address, the order it is drawn in (a hash of the address), and where its bytes are."""

    order: str
    url: str
    path: Path


class Unpacked(NamedTuple):
    """Pages to draw from, in their order; of which packages (name, version, pages), and which apt did not have."""

    pages: list[Page]
    packages: list[dict[str, Any]]
    missing: list[str]


def debian_pages(folder: Path, *, few: bool = False) -> dict[str, Any]:
    """Make `folder/pages.warc.gz`, one gzip member for each record, and `pages.json`, which is returned.

    8,000 pages of 1.5 kB to 1 MB at most and 7,000 at least, no more than 400 of any package (`few`: 1,000 of three packages, which
    are fetched in seconds), chosen and ordered by a hash of their address. The description holds `packages` (name, version, pages),
    `pages`, `bytes` (of HTML) and `digest` (SHA-256 over the addresses and payload digests in order). Raises `AptMissing`, also
    when fewer could be had.
    """
    packages, pages, share, least = (FEW, 1_000, 400, 500) if few else (PACKAGES, 8_000, 400, 7_000)

    def make(path: Path) -> dict[str, Any]:
        with _unpacked(path.parent, packages, share) as found:
            chosen = found.pages[:pages]
            if len(chosen) < least:
                raise _too_few(f"only {len(chosen)} pages", found)
            size, digest = _write(path, chosen)
        told = {"packages": found.packages, "missing": found.missing}
        return {**told, "pages": len(chosen), "bytes": size, "digest": digest}

    key = {"version": VERSION, "packages": packages, "pages": pages, "share": share}
    return cached(folder / "pages.warc.gz", key, make)


def debian_crawl(folder: Path, *, few: bool = False) -> dict[str, Any]:
    """Make the folder `folder/crawl` with files `pages-00.warc.gz`, …, and `crawl.json`, which is returned.

    Pages up to a gigabyte of HTML, no more than 2,000 of any package, in 40 files of some 4 MB (`few`: 8 MB of three packages in 4
    files): chosen as those of `debian_pages`, and dealt to the files in turn, so that each file is a sample of all. The description
    holds `packages`, `pages`, `bytes` (of HTML), `compressed` (bytes of the files), `files` and `digest`. Raises `AptMissing`.
    """
    packages, least, share, files = (FEW, 8_000_000, 400, 4) if few else (PACKAGES, 1_000_000_000, 2_000, 40)

    def make(path: Path) -> dict[str, Any]:
        path.mkdir()
        with _unpacked(path.parent, packages, share) as found:
            chosen = list(_up_to(least, found.pages))
            written = [_write(path / f"pages-{number:02}.warc.gz", chosen[number::files]) for number in range(files)]
        size = sum(size for size, _ in written)
        if size < least:
            raise _too_few(f"only {size:,} bytes of pages", found)
        digest = hashlib.sha256("".join(digest for _, digest in written).encode()).hexdigest()
        compressed = sum(file.stat().st_size for file in path.iterdir())
        told = {"packages": found.packages, "missing": found.missing, "pages": len(chosen)}
        return {**told, "bytes": size, "compressed": compressed, "files": files, "digest": digest}

    key = {"version": VERSION, "packages": packages, "bytes": least, "share": share, "files": files}
    return cached(folder / "crawl", key, make)


def _up_to(size: int, pages: Iterable[Page]) -> Iterator[Page]:
    """The first pages that are together so many bytes at least."""
    for page in pages:
        if size <= 0:
            return
        size -= page.path.stat().st_size
        yield page


@contextmanager
def _unpacked(folder: Path, patterns: tuple[str, ...], share: int) -> Iterator[Unpacked]:
    """Fetch and unpack packages in a folder beside the input, which is removed afterwards. No more than `share` pages of any."""
    for program in ("apt-get", "apt-cache", "dpkg-deb"):
        if shutil.which(program) is None:
            msg = f"{program} is missing: the pages come from packages of Debian; make them on such a machine, or in its container"
            raise AptMissing(msg)
    with tempfile.TemporaryDirectory(dir=folder.resolve()) as scratch:
        pages: list[Page] = []
        packages, missing = [], []
        for pattern in patterns:
            fetched = _fetch(pattern, Path(scratch))
            if fetched is None:
                missing.append(pattern)
                continue
            name, version, root = fetched
            found = sorted(_pages(name, root))[:share]
            pages.extend(found)
            packages.append({"name": name, "version": version, "pages": len(found)})
        yield Unpacked(sorted(pages), packages, missing)


def _too_few(what: str, found: Unpacked) -> AptMissing:
    return AptMissing(f"{what}; apt gave no {', '.join(found.missing)}. Are its lists current? (apt-get update)")


def _fetch(pattern: str, scratch: Path) -> tuple[str, str, Path] | None:
    """Name, version and unpacked root of the highest package of that name; None if apt cannot fetch one."""
    listed = _run(["apt-cache", "search", "--names-only", f"^{pattern}$"], scratch).stdout
    names = sorted((line.split(" - ")[0] for line in listed.splitlines()), key=_natural)
    if not names or _run(["apt-get", "download", "--quiet", names[-1]], scratch).returncode != 0:
        return None
    archive = next(scratch.glob(f"{names[-1]}_*.deb"))
    root = scratch / names[-1]
    _run(["dpkg-deb", "--extract", str(archive), str(root)], scratch, check=True)
    version = _run(["dpkg-deb", "--field", str(archive), "Version"], scratch, check=True).stdout.strip()
    archive.unlink()
    return names[-1], version, root


def _run(command: list[str], folder: Path, check: bool = False) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=check, env=os.environ | {"LC_ALL": "C"})


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _pages(package: str, root: Path) -> Iterator[Page]:
    """Every HTML file of a plausible size; links are left out, for their target is there, too."""
    for path in root.rglob("*"):
        if path.is_symlink() or not path.is_file() or not _HTML.search(path.name):
            continue
        if 1_500 <= path.stat().st_size <= 1_000_000:
            url = f"https://docs.example.org/{package}/{quote(str(path.relative_to(root)))}"
            yield Page(hashlib.sha256(url.encode()).hexdigest(), url, path)


def _write(path: Path, pages: list[Page]) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as archive:
        fields = b"software: data4llm benchmarks\r\nformat: WARC File Format 1.1\r\n"
        head = {"WARC-Type": "warcinfo", "Content-Type": "application/warc-fields", "WARC-Record-ID": _identity("warcinfo")}
        archive.write(_member(head, fields))
        for page in pages:
            payload = page.path.read_bytes()
            checked = _sha1(payload)
            archive.write(_member(*_response(page.url, payload, checked)))
            digest.update(f"{page.url} {checked}\n".encode())
            size += len(payload)
    return size, digest.hexdigest()


def _response(url: str, payload: bytes, checked: str) -> tuple[dict[str, str], bytes]:
    """Headers and block of a record as a crawler writes it. A charset is declared for UTF-8 alone, as servers mostly do."""
    try:
        payload.decode()
        charset = "; charset=utf-8"
    except UnicodeDecodeError:
        charset = ""
    http = (
        "HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nServer: Apache/2.4\r\n"
        f"Content-Type: text/html{charset}\r\nContent-Length: {len(payload)}\r\nConnection: close\r\n\r\n"
    )
    block = http.encode() + payload
    headers = {
        "WARC-Type": "response",
        "WARC-Target-URI": url,
        "WARC-Record-ID": _identity(url),
        "WARC-IP-Address": "192.0.2.1",
        "WARC-Payload-Digest": checked,
        "WARC-Block-Digest": _sha1(block),
        "WARC-Identified-Payload-Type": "text/html",
        "Content-Type": "application/http; msgtype=response",
    }
    return headers, block


def _member(headers: Mapping[str, str], block: bytes) -> bytes:
    """One record as one gzip member, without the time of writing."""
    lines = ["WARC/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    lines += [f"WARC-Date: {DATE}", f"Content-Length: {len(block)}", "", ""]
    return gzip.compress("\r\n".join(lines).encode() + block + b"\r\n\r\n", compresslevel=6, mtime=0)


def _identity(url: str) -> str:
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, url)}>"


def _sha1(content: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()
