"""The library in the middle, and nothing else: Trafilatura's call on pages that stand in memory, as datatrove makes it."""

from __future__ import annotations

from pathlib import Path

from fastwarc.warc import ArchiveIterator, WarcRecordType
from trafilatura import extract

from benchmarks.ours import told

given = told.arguments()
with Path(given["warc"]).open("rb") as archive:
    pages = [record.reader.read() for record in ArchiveIterator(archive, record_types=WarcRecordType.response)]
for page in pages[:5]:
    extract(page, favor_precision=True, include_comments=False)
with told.Clock() as clock:
    texts = [extract(page, favor_precision=True, include_comments=False, deduplicate=True) for page in pages]
told.tell(
    clock,
    documents=len(pages),
    size=sum(map(len, pages)),
    uses=("trafilatura", "lxml"),
    results={"extracted": sum(text is not None for text in texts)},
)
