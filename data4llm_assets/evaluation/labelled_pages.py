"""Pages whose main text is known, read from folders in the layouts that benchmarks of extraction come in.

Three layouts are recognised:

- `wcxb`, the Web Content Extraction Benchmark: `html/NAME.html.gz` (or `.html`) beside `ground-truth/NAME.json` with
  `url`, `ground_truth` (`title`, `author`, `publish_date`, `main_content`, snippets `with` and `without`) and
  `_internal.page_type.primary`.
- `readability`, the test pages of Mozilla Readability: folders that hold `source.html`, `expected.html` and
  `expected-metadata.json`, as they are or in `test-pages.tar.xz`. All are articles; the true text is that of `expected.html`.
- `own`, the simplest: `NAME.html` (or `.html.gz`) beside `NAME.txt`, the main text, and if you like `NAME.json` with any of `url`,
  `page_type` (`article` if it is not given), `title`, `author`, `date`, `with` and `without`.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import tarfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple, TypeVar

from pydantic import BaseModel, Field, ValidationError

from data4llm_assets.evaluation.site import site_of
from data4llm_assets.extracted_text.charset import decode
from data4llm_assets.method import Parameters

T = TypeVar("T", bound=BaseModel)
ARTICLE = "article"
DEVELOP_SHARE = 0.6
Layout = Literal["wcxb", "readability", "own"]
Part = Literal["develop", "report"]
_ARCHIVE = "test-pages.tar.xz"
_SOURCE, _EXPECTED, _METADATA = "source.html", "expected.html", "expected-metadata.json"
_SUFFIXES = (".html.gz", ".html")
_MEMBER_BYTES = 50_000_000
"""A page of a test suite is smaller: what is larger is no page, and is not unpacked."""


class LabelledPage(NamedTuple):
    """A page and what a perfect extraction makes of it. site: as `site_of` gives it. None: not known, or the page has none.

    with_snippets: passages of the main text. without_snippets: passages of the page that do not belong to it.
    """

    name: str
    site: str
    url: str | None
    html: bytes
    text: str
    page_type: str
    title: str | None = None
    author: str | None = None
    date: str | None = None
    with_snippets: tuple[str, ...] = ()
    without_snippets: tuple[str, ...] = ()


class LabelledFolder(NamedTuple):
    """All pages of a folder, in order of their names."""

    layout: Layout
    pages: tuple[LabelledPage, ...]


def read_folder(folder: Path) -> LabelledFolder:
    """The pages of a folder in whichever of the layouts it has.

    Raises
    ------
    LookupError
        If the folder is in no layout, or a file that belongs to a page is not there.
    ValueError
        If a file is damaged, or holds something else than it should.
    """
    layout: Layout
    if (folder / "ground-truth").is_dir():
        layout, found = "wcxb", _wcxb(folder)
    elif (folder / _ARCHIVE).is_file():
        layout, found = "readability", _readability(folder / _ARCHIVE, _unpacked(folder / _ARCHIVE))
    elif any(folder.glob(f"*/{_SOURCE}")):
        layout, found = "readability", _readability(folder, _folders(folder))
    else:
        layout, found = "own", _own(folder)
    pages = tuple(found)
    if not pages:
        known = f"ground-truth/*.json, {_ARCHIVE}, */{_SOURCE}, or *.html beside *.txt"
        msg = f"{folder} holds no labelled pages; it should have {known}"
        raise LookupError(msg)
    return LabelledFolder(layout, pages)


def part(site: str) -> Part:
    """Which part the pages of a site belong to. No site is in both, so that what is tuned on one can be reported on the other."""
    number = int.from_bytes(hashlib.sha256(site.encode()).digest()[:8])
    return "develop" if number < DEVELOP_SHARE * 2**64 else "report"


class _Truth(BaseModel):
    title: str | None = None
    author: str | None = None
    publish_date: str | None = None
    main_content: str
    with_snippets: tuple[str, ...] = Field((), alias="with")
    without_snippets: tuple[str, ...] = Field((), alias="without")


class _PageType(BaseModel):
    primary: str


class _Internal(BaseModel):
    page_type: _PageType


class _Annotation(BaseModel):
    """A file of `ground-truth`; its further keys are about how it was made."""

    url: str
    ground_truth: _Truth
    internal: _Internal = Field(alias="_internal")


class _Told(Parameters):
    """What users say of their own pages."""

    url: str | None = None
    page_type: str = ARTICLE
    title: str | None = None
    author: str | None = None
    date: str | None = None
    with_snippets: tuple[str, ...] = Field((), alias="with")
    without_snippets: tuple[str, ...] = Field((), alias="without")


class _Metadata(BaseModel):
    """What Readability is expected to find."""

    title: str | None = None
    byline: str | None = None
    published: str | None = Field(None, alias="publishedTime")


def _wcxb(folder: Path) -> Iterator[LabelledPage]:
    for file in sorted((folder / "ground-truth").glob("*.json")):
        told = _validated(_Annotation, file.read_bytes(), file)
        truth, page, name = told.ground_truth, _page(folder / "html", file.stem), file.stem
        yield LabelledPage(
            name, site_of(told.url, page, name), told.url, page, truth.main_content, told.internal.page_type.primary,
            truth.title or None, truth.author or None, truth.publish_date or None, truth.with_snippets, truth.without_snippets,
        )  # fmt: skip


def _own(folder: Path) -> Iterator[LabelledPage]:
    names = {file.name.removesuffix(suffix) for suffix in _SUFFIXES for file in folder.glob(f"*{suffix}")}
    for name in sorted(names):
        page, text, about = _page(folder, name), folder / f"{name}.txt", folder / f"{name}.json"
        told = _validated(_Told, about.read_bytes(), about) if about.is_file() else _Told()
        yield LabelledPage(
            name, site_of(told.url, page, name), told.url, page, _characters(text), told.page_type,
            told.title, told.author, told.date, told.with_snippets, told.without_snippets,
        )  # fmt: skip


def _readability(place: Path, files: Mapping[str, Mapping[str, bytes]]) -> Iterator[LabelledPage]:
    """files: contents by folder, then by name."""
    # Loads a compiler, which commands that read no page should not wait for.
    from data4llm_assets.extracted_text.rendering import rendered

    for name in sorted(files):
        found = files[name]
        for needed in (_SOURCE, _EXPECTED, _METADATA):
            if needed not in found:
                msg = f"{place}: {name} has no {needed}"
                raise LookupError(msg)
        told = _validated(_Metadata, found[_METADATA], place / name / _METADATA)
        try:
            text = rendered(decode(found[_EXPECTED], markup=True).text, markdown=False)
        except ValueError as error:
            msg = f"{place / name / _EXPECTED}: {error}"
            raise ValueError(msg) from error
        where = site_of(None, found[_SOURCE], name)
        yield LabelledPage(name, where, None, found[_SOURCE], text, ARTICLE, told.title, told.byline, told.published)


def _folders(folder: Path) -> dict[str, dict[str, bytes]]:
    places = {file.parent for needed in (_SOURCE, _EXPECTED) for file in folder.glob(f"*/{needed}")}
    names = (_SOURCE, _EXPECTED, _METADATA)
    return {place.name: {name: (place / name).read_bytes() for name in names if (place / name).is_file()} for place in places}


def _unpacked(file: Path) -> dict[str, dict[str, bytes]]:
    """Read in memory: where a member says it belongs never becomes a path of this machine."""
    found: dict[str, dict[str, bytes]] = defaultdict(dict)
    try:
        with tarfile.open(file, "r:xz") as archive:
            for member in archive:
                path = PurePosixPath(member.name)
                if not member.isfile() or path.name not in (_SOURCE, _EXPECTED, _METADATA):
                    continue
                if member.size > _MEMBER_BYTES:
                    msg = f"{file}: {member.name} has {member.size:,} bytes, and no page has so many"
                    raise ValueError(msg)
                stream = archive.extractfile(member)
                found[path.parent.name][path.name] = b"" if stream is None else stream.read()
    except (tarfile.TarError, lzma.LZMAError, EOFError) as error:
        msg = f"{file} is damaged: {error}"
        raise ValueError(msg) from error
    return found


def _page(folder: Path, name: str) -> bytes:
    packed, plain = (folder / f"{name}{suffix}" for suffix in _SUFFIXES)
    if not packed.is_file():
        return _bytes(plain)
    try:
        return gzip.decompress(packed.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        msg = f"{packed} is damaged: {error}"
        raise ValueError(msg) from error


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        msg = f"{file} is not there"
        raise LookupError(msg) from None


def _characters(file: Path) -> str:
    try:
        return _bytes(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"{file} is not UTF-8: {error}"
        raise ValueError(msg) from error


def _validated(model: type[T], content: bytes, file: Path) -> T:
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = ".".join(map(str, fault["loc"]))
        msg = f"{file}: {key + ': ' if key else ''}{fault['msg']}"
        raise ValueError(msg) from error
