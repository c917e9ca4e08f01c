"""Recipes of many tiny partitions: a few JSONL files of one short text each, spread over sources and shards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SHARDS = 50
"""Of one source, at most."""
SENTENCE = "the {} of the {} is to be found with the {} and that is how we have it"


def files(folder: Path, count: int) -> list[Path]:
    """One source each of up to SHARDS shards, with four files a shard, so that hardly a shard is empty."""
    sources = max(1, -(-count // SHARDS))
    shards = count // sources
    for source in range(sources):
        place = folder / f"s{source}"
        place.mkdir(parents=True)
        for number in range(4 * shards):
            words = [f"{kind}{source}x{number}" for kind in ("thing", "place", "reason")]
            (place / f"{number}.jsonl").write_text(json.dumps({"id": str(number), "text": SENTENCE.format(*words)}) + "\n")
    return sorted(folder.rglob("*.jsonl"))


def recipe(folder: Path, count: int, *steps: dict[str, Any]) -> dict[str, Any]:
    """`count` partitions over the files that `files` wrote."""
    names = sorted(path.name for path in folder.iterdir())
    shards = max(1, count // len(names))
    return {
        "corpus": "tiny",
        "sources": {n: {"kind": "jsonl", "path": str(folder / n), "domain": "web", "shards": shards} for n in names},
        "steps": [{"stage": "raw_crawl"}, {"stage": "extracted_text"}, *steps],
    }
