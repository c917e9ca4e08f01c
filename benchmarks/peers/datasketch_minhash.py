"""datasketch's MinHash and MinHashLSH: a document is dropped if a kept one before it shares a band; nothing is verified.

Arguments: `input` (a folder of JSONL with `id` and `text`), `output` (an empty folder), `ngram` (5), `bands` (14), `rows` (8).
Phases: read, signatures (shingles, in Python, and `MinHash.bulk`), index. Before: imports and one signature.
"""

from __future__ import annotations

from collections.abc import Iterator

from datasketch import MinHash, MinHashLSH
from measuring import Arguments, Stopwatch, documents, shards, size_of, write_dropped
from shingling import shingles


def main() -> None:
    arguments, stopwatch = Arguments(), Stopwatch()
    source, folder = arguments.path("input"), arguments.output()
    ngram, bands, rows = arguments.get("ngram", 5), arguments.get("bands", 14), arguments.get("rows", 8)
    MinHash.bulk([[b"warm"]], num_perm=bands * rows)
    with stopwatch.phase("read"):
        rows_read = list(documents(source))

    def encoded() -> Iterator[list[bytes]]:
        for _, text in rows_read:
            yield [shingle.encode() for shingle in shingles(text, ngram)]

    with stopwatch.phase("signatures"):
        sketches = MinHash.bulk(encoded(), num_perm=bands * rows)
    dropped = []
    with stopwatch.phase("index"):
        index = MinHashLSH(num_perm=bands * rows, params=(bands, rows))
        for (identity, _), sketch in zip(rows_read, sketches, strict=True):
            if index.query(sketch):
                dropped.append(identity)
            else:
                index.insert(identity, sketch)
    write_dropped(folder, dropped)
    packages = ("datasketch", "numpy")
    stopwatch.report(len(rows_read), size_of(shards(source)), packages, results={"dropped": len(dropped)})


if __name__ == "__main__":
    main()
