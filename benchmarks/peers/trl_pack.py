"""TRL's `pack_dataset`, best fit decreasing, on documents of given lengths.

The documents are lists of 16-bit zeros: their values do not matter to packing, and as 64-bit integers a million of them would
take gigabytes. TRL's `bfd` cuts what is longer than a sequence and drops the rest; `bfd_split` keeps it in sequences of its own.
It packs batches of 1,000 documents unless told otherwise; `batch_size` 0 packs all at once.

Arguments: `input` (Parquet with a column `tokens`), `output` (an empty folder), `limit` (all documents), `sequence_length` (2048),
`strategy` (bfd), `batch_size` (1000). Phases: pack. Before: imports, the data set, and one small data set packed.
"""

from __future__ import annotations

import json
import os

from measuring import Arguments, Stopwatch


def main() -> None:
    arguments, stopwatch = Arguments(), Stopwatch()
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(arguments.output() / "cache")}
    import datasets
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from trl.data_utils import pack_dataset

    datasets.disable_progress_bars()
    lengths = pq.read_table(arguments.path("input"))["tokens"].to_numpy().astype(np.int64)[: arguments.get("limit", None)]
    sequence_length, strategy = arguments.get("sequence_length", 2048), arguments.get("strategy", "bfd")
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    if offsets[-1] > np.iinfo(np.int32).max:
        raise SystemExit(f"{offsets[-1]} tokens are more than one Arrow list column holds; set limit")
    ids = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(np.zeros(offsets[-1], np.uint16)))
    dataset = datasets.Dataset(pa.table({"input_ids": ids}))
    settings = {"batch_size": arguments.get("batch_size", 1000) or len(lengths), "keep_in_memory": True}
    pack_dataset(dataset.select(range(min(100, len(dataset)))), sequence_length, strategy, settings)
    with stopwatch.phase("pack"):
        packed = pack_dataset(dataset, sequence_length, strategy, settings)
    kept = int(sum(len(chunk.flatten()) for chunk in packed.data["input_ids"].chunks))
    results = {
        "sequences": len(packed),
        "tokens": int(offsets[-1]),
        "tokens_packed": kept,
        "use": kept / (len(packed) * sequence_length),
    }
    (arguments.path("output") / "packed.json").write_text(json.dumps(results))
    packages = ("trl", "datasets", "pyarrow", "numpy")
    stopwatch.report(len(lengths), int(offsets[-1]) * 2, packages, results=results)


if __name__ == "__main__":
    main()
