"""text-dedup's own MinHash program (`text_dedup.minhash`), from JSONL to the documents it keeps, in one process.

Its hash function is xxh3, which its help calls the faster one; nothing is verified.

Arguments: `input` (a folder of JSONL with `id` and `text`), `output` (an empty folder), `ngram` (5), `bands` (14), `rows` (8).
Phases: total (loading, signatures, clustering, filtering, saving: the program does not divide). Before: imports. After, not
counted: `dropped.txt`. A text of fewer than `ngram` words has no shingle; all but one of those are dropped.
"""

from __future__ import annotations

import os

from measuring import Arguments, Stopwatch, documents, shards, size_of, write_dropped


def main() -> None:
    arguments, stopwatch = Arguments(), Stopwatch()
    source, folder = arguments.path("input"), arguments.output()
    ngram, bands, rows = arguments.get("ngram", 5), arguments.get("bands", 14), arguments.get("rows", 8)
    # Its data sets remember results by what made them; a folder of its own makes it work anew.
    os.environ |= {"HF_HOME": str(folder / "cache"), "HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1"}
    import datasets
    from text_dedup import minhash
    from text_dedup.utils import IOArgs, MetaArgs, MinHashArgs

    files = [str(path) for path in shards(source)]
    kept = folder / "kept"
    io = IOArgs(
        path="json",
        data_files=files,
        split="train",
        output=str(kept),
        cache_dir=str(folder / "cache"),
        num_proc=1,
        clean_cache=False,
    )
    meta = MetaArgs(column="text")
    method = MinHashArgs(ngram=ngram, min_length=ngram, num_perm=bands * rows, b=bands, r=rows, hash_func="xxh3")
    with stopwatch.phase("total"):
        minhash.main.callback(io_args=io, meta_args=meta, minhash_args=method)
    remaining = set(datasets.load_from_disk(str(kept))["id"])
    ids = [identity for identity, _ in documents(source)]
    dropped = write_dropped(folder, set(ids) - remaining)
    packages = ("text-dedup", "datasets", "numpy", "xxhash")
    stopwatch.report(len(ids), size_of(shards(source)), packages, results={"dropped": dropped})


if __name__ == "__main__":
    main()
