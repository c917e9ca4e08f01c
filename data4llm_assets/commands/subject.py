"""The document that `data4llm try` is about: a record of a file, or one that the store holds.

Not here: what the steps say of it (`try_.py`).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import polars as pl

from data4llm_assets.corpus import Corpus
from data4llm_assets.document import DOCUMENTS, conform, document_id, page_id, text_digest
from data4llm_assets.engine.snapshots import landing_folder, root_of, wanted
from data4llm_assets.engine.state import Missing
from data4llm_assets.extracted_text.charset import decode
from data4llm_assets.node import Ref, Verdict
from data4llm_assets.raw_crawl import media_type
from data4llm_assets.raw_crawl.files import Files
from data4llm_assets.raw_crawl.source import Bad, Found, Reference, Skipped, SourceSection
from data4llm_assets.recipe import did_you_mean
from data4llm_assets.report.groups import groups
from data4llm_assets.report.look import look
from data4llm_assets.report.sampled import NoText, reader_of

MOST_CANDIDATES = 10
_DOC_ID = re.compile(r"[0-9a-f]{1,32}")


class Subject(NamedTuple):
    """document: one row of document.DOCUMENTS, its text as it is when the next step begins; None if there is no text to go on with.

    origin: what it is, in words. verdicts: what reading it said. done: the last step that already has been taken.
    """

    document: pl.DataFrame | None
    origin: dict[str, str]
    verdicts: tuple[Verdict, ...]
    done: str


def subject(corpus: Corpus, named: str, number: int, source: str | None) -> Subject:
    """What a FILE or DOC_ID on the command line means. Raises LookupError with what would do."""
    if Path(named).is_file():
        return from_file(corpus, Path(named), number, source)
    if not _DOC_ID.fullmatch(named):
        msg = f"{named!r} is no file, and no document: a doc_id is 32 hex digits, or the first of them"
        raise LookupError(msg)
    return from_store(corpus, named)


def from_file(corpus: Corpus, path: Path, number: int, source: str | None) -> Subject:
    """Record `number` (1 is the first) of a file, by the reader of the source that it belongs to, or by one that suits it."""
    name, section, listed, how = _reader(corpus, path, source)
    with path.open("rb") as stream:
        every = (_resolved(section, found, path) for found in section.records(stream, listed))
        found = next(islice(_countable(every), number - 1, None), None)
    if found is None:
        msg = f"{path} has fewer than {number} records"
        raise LookupError(msg)
    origin = {"file": str(path), "read as": f"{section.kind}, {how}"}
    first = corpus.recipe.steps[0].name
    if isinstance(found, Skipped):
        reason = f"the reader passes over what is {found.kind}"
        return Subject(None, origin, (Verdict("raw_crawl.skipped", found.kind, None, None, "drop", reason),), first)
    if isinstance(found, Bad):
        verdict = Verdict(found.rule, found.value, None, found.threshold, "drop", found.reason)
        return Subject(None, origin | {"record": found.locator}, (verdict,), first)
    snapshot = next(reversed(corpus.state.snapshots), corpus.recipe.snapshot)
    markup = found.media_type in (media_type.HTML, media_type.XHTML)
    text = decode(found.payload, found.meta.get("charset"), markup=markup).text
    row = {
        **{key: getattr(found, key) for key in ("url", "locator", "fetched_at", "media_type", "title", "language", "license")},
        **{"doc_id": document_id(name, snapshot, *found.identity), "page_id": page_id(name, found.address)},
        **{"source": name, "domain": section.domain, "snapshot": snapshot},
        "meta": [{"key": key, "value": value} for key, value in found.meta.items()],
        **{"text": text, "text_digest": text_digest(text), "bytes": len(text.encode())},
    }
    document = conform(pl.DataFrame([row], schema_overrides={"meta": DOCUMENTS["meta"]}), DOCUMENTS)
    size = Verdict("raw_crawl.max_bytes", float(len(found.payload)), None, float(section.max_bytes), "keep", "bytes of payload")
    repairs = (Verdict(rule, float(count), None, None, "edit", "mended while reading") for rule, count in found.repairs)
    kind = Verdict("raw_crawl.media_type", found.media_type, None, None, "info")
    origin |= {"record": found.locator, "doc_id": row["doc_id"], "source": name, "domain": section.domain}
    return Subject(document, origin, (kind, size, *repairs), first)


def from_store(corpus: Corpus, prefix: str) -> Subject:
    """The stored document whose id begins so, with its text as extracted (or synthesized)."""
    found = [(ref.node, frame) for ref in _texts(corpus) for frame in _starting(corpus, ref, prefix)]
    rows = [(node, frame[index]) for node, frame in found for index in range(frame.height)]
    if len(rows) > 1:
        told = [f"{row['doc_id'].item()}  {row['url'].item() or row['locator'].item()}" for _, row in rows[:MOST_CANDIDATES]]
        more = "\n  and others" * (len(rows) > MOST_CANDIDATES)
        msg = f"{prefix} is the beginning of several ids:\n  " + "\n  ".join(told) + more
        raise LookupError(msg)
    if rows:
        node, document = rows[0]
        row = document.row(0, named=True)
        named = ("doc_id", "source", "domain", "snapshot", "url", "locator", "title", "media_type", "language", "license")
        return Subject(document, {key: str(row[key]) for key in named if row[key] is not None} | {"stored by": node}, (), node)
    gone = corpus.decisions(doc_id=prefix).filter(pl.col("doc_id").str.starts_with(prefix))
    if gone.is_empty():
        msg = f"no document's id begins with {prefix}, and no decision is about one (data4llm read extracted_text lists documents)"
        raise LookupError(msg)
    doc_id, step = gone.select("doc_id", "step").row(0)
    return Subject(None, {"doc_id": doc_id, "stored by": f"nobody: it was dropped by {step}, before its text was kept"}, (), step)


def _reader(corpus: Corpus, path: Path, source: str | None) -> tuple[str, SourceSection, str, str]:
    """(source, section, the path it would be listed by, how it was chosen)"""
    sources: Mapping[str, SourceSection] = corpus.recipe.sources
    if source is not None:
        if source not in sources:
            msg = f"there is no source {source!r}; there are: {', '.join(sources)}{did_you_mean(source, sources)}"
            raise LookupError(msg)
        return source, sources[source], _listed(corpus, source, path) or path.name, f"as source {source}"
    for name, section in sources.items():
        if (listed := _listed(corpus, name, path)) is not None:
            return name, section, listed, f"it belongs to source {name}"
    proposed, _ = groups(look(path), path)
    try:
        section, domain, mapped = reader_of(proposed[0])
    except (IndexError, NoText):
        return "file", Files(kind="files", path=str(path), domain="text"), path.name, "it belongs to no source of the recipe"
    columns = ", ".join(f"{role}: {guess.column}" for role, guess in mapped.fields.items()) if mapped else ""
    how = f"it belongs to no source of the recipe; domain guessed: {domain.column} ({domain.why})"
    return "file", section, path.name, how + (f"; columns guessed: {columns}" if columns else "")


def _listed(corpus: Corpus, name: str, path: Path) -> str | None:
    """The path by which a source lists the file, if it does."""
    section = corpus.recipe.sources[name]
    if "://" in section.path:
        return None
    landing = landing_folder(corpus.store, corpus.name, name, section)
    root, pattern = (landing or root_of(section.path)).resolve(), section.path
    absolute = path.resolve()
    if not absolute.is_relative_to(root):
        return None
    whole = landing is not None or root == Path(pattern).resolve()
    if not whole and not fnmatch.fnmatchcase(str(absolute), str(Path(pattern).absolute())):
        return None
    listed = absolute.relative_to(root).as_posix()
    if landing is not None:
        # Below the landing lies a folder for each snapshot.
        listed = listed.partition("/")[2]
    return listed if wanted(listed, section) else None


def _resolved(section: SourceSection, found: Found | Reference, path: Path) -> Found:
    """A record that refers to another file finds it from its own."""
    return section.resolve(found, lambda other: (path.parent / other).open("rb")) if isinstance(found, Reference) else found


def _countable(found: Iterator[Found]) -> Iterator[Found]:
    """Records, good and bad; what a source passes over only if it holds nothing else."""
    skipped: Skipped | None = None
    seen = False
    for each in found:
        if isinstance(each, Skipped):
            skipped = each
        else:
            seen = True
            yield each
    if not seen and skipped is not None:
        yield skipped


def _texts(corpus: Corpus) -> tuple[Ref, ...]:
    """Every table that texts lie in."""
    return corpus.view_after(corpus.recipe.steps[-1].name).texts


def _starting(corpus: Corpus, ref: Ref, prefix: str) -> Iterator[pl.DataFrame]:
    """Rows of a table of texts, partition by partition; stops when there are enough to say that the prefix is ambiguous."""
    count = 0
    for partition in corpus.state.partitions(corpus.graph.nodes[ref.node]):
        try:
            file = corpus.state.table(ref.node, partition.key, ref.table)
        except Missing:
            continue
        if file is not None and count <= MOST_CANDIDATES:
            lazy = corpus.store.scan_table(file.digest).filter(pl.col("doc_id").str.starts_with(prefix))
            frame = lazy.head(MOST_CANDIDATES + 1).collect()
            count += frame.height
            yield frame
