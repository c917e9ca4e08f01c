"""seqpacker's best fit decreasing on documents of given lengths: plain lengths in, the documents of each sequence out.

It refuses a document longer than a sequence. `overlong` says what becomes of one, like TRL's strategies: `truncate` (`bfd`), or
`split` (`bfd_split`), into full sequences and a rest.

Arguments: `input` (Parquet with a column `tokens`), `output` (an empty folder), `limit` (all documents), `sequence_length` (2048),
`algorithm` (obfd, its default), `overlong` (truncate). Phases: pack. Before: imports, the lengths, and a hundred documents packed.
"""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
from measuring import Arguments, Stopwatch
from seqpacker import Packer


def main() -> None:
    arguments, stopwatch = Arguments(), Stopwatch()
    folder = arguments.output()
    lengths = pq.read_table(arguments.path("input"))["tokens"].to_numpy().astype(np.int64)[: arguments.get("limit", None)]
    capacity = arguments.get("sequence_length", 2048)
    if arguments.get("overlong", "truncate") == "truncate":
        pieces = np.minimum(lengths, capacity)
    else:
        rest = lengths % capacity
        pieces = np.concatenate([np.full((lengths // capacity).sum(), capacity), rest[rest > 0]])
    packer = Packer(capacity=capacity, strategy=arguments.get("algorithm", "obfd"))
    packer.pack_flat(pieces[:100])
    with stopwatch.phase("pack"):
        items, offsets = packer.pack_flat(pieces)
    # The offsets are where numpy.split would cut: one less than sequences, or with the first and last place as well.
    cuts = np.unique(np.concatenate([[0], offsets, [len(items)]]))
    filled = np.add.reduceat(pieces[items], cuts[:-1])
    if filled.max() > capacity or len(items) != len(pieces):
        raise SystemExit("seqpacker overfilled a sequence or lost a document")
    results = {
        "sequences": len(filled),
        "tokens": int(lengths.sum()),
        "tokens_packed": int(filled.sum()),
        "use": float(filled.sum() / (len(filled) * capacity)),
    }
    (folder / "packed.json").write_text(json.dumps(results))
    stopwatch.report(len(lengths), lengths.nbytes, ("seqpacker", "numpy"), results=results)


if __name__ == "__main__":
    main()
