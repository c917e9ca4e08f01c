"""Texts in the store to packed sequences: the nodes `tokenized`, `packed` and the order of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.ours import told

given = told.arguments()
folder = Path(given["folder"])
recipe: dict[str, Any] = {
    "corpus": "texts",
    "sources": {"web": {"kind": "jsonl", "path": given["texts"], "domain": "web"}},
    "steps": [
        {"stage": "raw_crawl"},
        {"stage": "extracted_text"},
        {
            "stage": "packed",
            "sequence_length": 2048,
            "strategy": given.get("strategy", "best_fit"),
            "parts": 1,
        },
    ],
    "tokenizer": {"method": "smollm2"},
    "retention": {"extracted_text": {"min": 0.0, "max": 1.0}},
}
told.warm_up(recipe, Path(given["tiny"]), folder)
first = {**recipe, "steps": recipe["steps"][:2]}
with told.Clock() as reading:
    told.build(first, folder / "store")
with told.Clock() as clock:
    corpus, report = told.build(recipe, folder / "store")
documents, size = told.documents_and_bytes(corpus, "extracted_text")
sums = corpus.read("packed", table="lengths").sum()
told.tell(
    clock,
    documents=documents,
    size=size,
    uses=("tokenizers",),
    phases={"texts into the store (not counted)": round(reading.seconds, 3), **told.phases(report)},
    counters=told.counters(report),
    results={
        "tokens": int(sums["tokens"].item()),
        "sequences": int(sums["sequences"].item()),
        "padding": int(sums["padding"].item()),
    },
)
