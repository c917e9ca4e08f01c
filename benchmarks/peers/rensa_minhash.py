"""Rensa as its README recommends: `RMinHashDeduplicator` with LSH, fed (id, tokens); candidates are checked by their signatures.

The tokens are shingles of words, as for the others, made in Python. Rensa works in batches on all cores (Rayon): the harness
limits them, or `threads` does.

Arguments: `input` (a folder of JSONL with `id` and `text`), `output` (an empty folder), `ngram` (5), `bands` (14), `rows` (8),
`similarity` (0.8, of signatures), `threads` (1).
Phases: read, shingle_and_deduplicate (shingles are made as Rensa asks for them). Before: imports and one document.
"""

from __future__ import annotations

import os

from measuring import Arguments, Stopwatch, documents, shards, size_of, write_dropped
from shingling import shingles


def main() -> None:
    arguments, stopwatch = Arguments(), Stopwatch()
    os.environ["RAYON_NUM_THREADS"] = str(arguments.get("threads", 1))
    from rensa import RMinHashDeduplicator

    source, folder = arguments.path("input"), arguments.output()
    ngram, bands, rows = arguments.get("ngram", 5), arguments.get("bands", 14), arguments.get("rows", 8)
    settings = {
        "threshold": arguments.get("similarity", 0.8), "num_perm": bands * rows, "use_lsh": True, "num_bands": bands, "seed": 42
    }  # fmt: skip
    RMinHashDeduplicator(**settings).add_pairs([("warm", ["warm"])])
    with stopwatch.phase("read"):
        rows_read = list(documents(source))
    with stopwatch.phase("shingle_and_deduplicate"):
        kept = RMinHashDeduplicator(**settings).add_pairs((identity, list(shingles(text, ngram))) for identity, text in rows_read)
    dropped = [identity for (identity, _), stays in zip(rows_read, kept, strict=True) if not stays]
    write_dropped(folder, dropped)
    stopwatch.report(len(rows_read), size_of(shards(source)), ("rensa",), results={"dropped": len(dropped)})


if __name__ == "__main__":
    main()
