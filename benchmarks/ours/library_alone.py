"""The library in the middle, and nothing else: an extractor's call on pages that stand in memory, as a pipeline makes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastwarc.warc import ArchiveIterator, WarcRecordType

from benchmarks.ours import told


def trafilatura() -> Callable[[bytes], str | None]:
    from trafilatura import extract

    return lambda page: extract(page, favor_precision=True, include_comments=False, deduplicate=True)


def resiliparse() -> Callable[[bytes], str | None]:
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    return lambda page: extract_plain_text(HTMLTree.parse_from_bytes(page, "utf-8"), main_content=True, alt_texts=False)


given = told.arguments()
extract = {"trafilatura": trafilatura, "resiliparse": resiliparse}[given["library"]]()
with Path(given["warc"]).open("rb") as archive:
    pages = [record.reader.read() for record in ArchiveIterator(archive, record_types=WarcRecordType.response)]
for page in pages[:5]:
    extract(page)
with told.Clock() as clock:
    texts = [extract(page) for page in pages]
told.tell(
    clock,
    documents=len(pages),
    size=sum(map(len, pages)),
    uses=(given["library"],),
    results={"extracted": sum(text is not None for text in texts)},
)
