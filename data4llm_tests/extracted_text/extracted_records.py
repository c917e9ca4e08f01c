"""Records for tests of extraction methods, and how methods for web pages score on pages whose main text is known."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from pathlib import Path

from data4llm_assets.extracted_text.extraction import Extracted, Extraction, Refused
from data4llm_assets.raw_crawl.source import Record, payload_digest


def record(payload: bytes, path: str = "a", url: str | None = None, **meta: str) -> Record:
    digest = payload_digest(payload)
    return Record((path, digest), path, path, payload, digest, "text/plain", url, meta=meta)


def extracted(method: Extraction, payload: bytes | str, path: str = "a", url: str | None = None, **meta: str) -> Extracted:
    data = payload.encode() if isinstance(payload, str) else payload
    found = method.extract(data, record(data, path, url, **meta))
    assert isinstance(found, Extracted)
    return found


def refused(method: Extraction, page: str, url: str | None = None) -> tuple[str, float | None]:
    """(rule, limit) of a page without text."""
    found = method.extract(page.encode(), record(b"", url=url))
    assert isinstance(found, Refused)
    return found.rule, found.threshold


RUBBISH = (
    b"",
    b"<html></html>",
    b"<html/><p>text",
    b"<!-- a comment -->",
    b"<" * 1000,
    b"\x00\x01\x02",
    bytes(range(256)) * 100,
    b"&#xD800; &#1; &#xFFFE;<form>&#xFFFF;</form>",
    "<p>\ufffe\u0001 text<script>\uffff</script>\u0002".encode(),
    b"<?xml version='1.0' encoding='utf-16'?><html xmlns='http://www.w3.org/1999/xhtml'><p/>text</html>",
    b"<frameset><frame></frameset>",
    b"<svg><math><table><p>text<td></svg>",
)
"""Pages that are none."""


def survives_rubbish(method: Extraction) -> bool:
    """Whether each piece of rubbish gives text that can be stored, or none; nothing raises."""
    for payload in RUBBISH:
        found = method.extract(payload, record(payload))
        if isinstance(found, Refused):
            assert found.rule == "extracted_text.empty"
        else:
            found.text.encode()
    return True


def word_f1(method: Extraction, data: Path) -> float:
    """Word F1, macro mean over 50 of the 300 pages of WCXB."""
    folder = data / "wcxb"
    truth = {file.name.partition(".")[0]: json.loads(file.read_text()) for file in (folder / "ground-truth").glob("*.json")}
    scores = []
    for name in sorted(truth)[::6]:
        page = gzip.decompress((folder / "html" / f"{name}.html.gz").read_bytes())
        found = method.extract(page, record(page))
        words, expected = (
            Counter(re.findall(r"\w+", text.lower()))
            for text in (found.text if isinstance(found, Extracted) else "", truth[name]["ground_truth"]["main_content"])
        )
        scores.append(2 * (words & expected).total() / max(1, words.total() + expected.total()))
    return sum(scores) / len(scores)
