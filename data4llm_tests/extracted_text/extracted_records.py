"""Records for tests of extraction methods, and how methods for web pages score on pages whose main text is known."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from pathlib import Path

from data4llm_assets.extracted_text.extraction import Extracted, Extraction
from data4llm_assets.raw_crawl.source import Record, payload_digest


def record(payload: bytes, path: str = "a", **meta: str) -> Record:
    digest = payload_digest(payload)
    return Record((path, digest), path, path, payload, digest, "text/plain", meta=meta)


def extracted(method: Extraction, payload: bytes | str, path: str = "a", **meta: str) -> Extracted:
    data = payload.encode() if isinstance(payload, str) else payload
    found = method.extract(data, record(data, path, **meta))
    assert isinstance(found, Extracted)
    return found


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
