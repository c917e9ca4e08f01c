"""datatrove's MinHash up to the list of documents to remove: signatures, buckets, clusters. Nothing is verified, as in FineWeb.

Arguments: `input` (a folder of JSONL with `id` and `text`), `output` (an empty folder), `ngram` (5), `bands` (14), `rows` (8).
Phases: signatures (with reading), buckets, clusters. Before: imports and the word tokenizer. After, not counted: the numbers of
documents become ids in `dropped.txt`.
"""

from __future__ import annotations

import numpy as np
from datatrove_steps import buckets, clusters, counters, minhash, signatures, warm
from measuring import Arguments, Stopwatch, documents, shards, size_of, write_dropped


def main() -> None:
    arguments, stopwatch = Arguments(), Stopwatch()
    warm()
    from datatrove.pipeline.readers import JsonlReader

    source, folder, config = arguments.path("input"), arguments.output(), minhash(arguments.values)
    with stopwatch.phase("signatures"):
        signatures(JsonlReader(str(source), glob_pattern="*.jsonl"), folder, config)
    with stopwatch.phase("buckets"):
        buckets(folder, config)
    with stopwatch.phase("clusters"):
        clusters(folder, config)
    ids = [identity for identity, text in documents(source) if text]
    remove = folder / "remove" / "000000.remove"
    numbers = np.fromfile(remove, "<u4") if remove.is_file() else np.empty(0, np.uint32)
    dropped = write_dropped(folder, (ids[number] for number in numbers))
    counted = {step: counters(folder / "logs" / step) for step in ("signatures", "buckets", "clusters")}
    packages = ("datatrove", "spacy", "numpy", "xxhash")
    stopwatch.report(len(ids), size_of(shards(source)), packages, counters=counted, results={"dropped": dropped})


if __name__ == "__main__":
    main()
