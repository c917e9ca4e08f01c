"""Data-Juicer's nearest equivalents of Gopher's rules, fused into one operator as its own optimiser does.

Number of words 50 to 100,000 (as Gopher's), repeated 10-grams of words, share of alphanumeric and of special characters (its
defaults): fewer rules than Gopher's, and cheaper ones. Its filters of stop words and languages fetch a file from the network at
first use and are left out. All statistics are measured on every document, then each filter judges.

Arguments: `input` (a folder of JSONL with `id` and `text`), `output` (an empty folder), `limit` (all documents).
Phases: filter, which ends with `verdicts.jsonl`: `id` and the filters that drop the document. Before: imports, the data set in
memory (not counted, as Data-Juicer reads through a cache of its own), and one small data set filtered.
"""

from __future__ import annotations

import itertools
import json
import os
from typing import Any

from measuring import Arguments, Stopwatch, documents


def main() -> None:
    arguments, stopwatch = Arguments(), Stopwatch()
    folder = arguments.output()
    os.environ |= {"HF_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "1", "DATA_JUICER_CACHE_HOME": str(folder / "cache")}
    import datasets
    from data_juicer.core.data import NestedDataset
    from data_juicer.ops.load import load_ops
    from data_juicer.ops.op_fusion import fuse_operators
    from data_juicer.utils.constant import Fields

    datasets.disable_progress_bars()
    datasets.disable_caching()
    settings: dict[str, dict[str, Any]] = {
        "words_num_filter": {"min_num": 50, "max_num": 100_000},
        "word_repetition_filter": {},
        "alphanumeric_filter": {},
        "special_characters_filter": {},
    }
    filters = dict(zip(settings, load_ops([{name: values} for name, values in settings.items()]), strict=True))
    fused = fuse_operators(list(filters.values()))
    for operator in fused:  # a fused operator does not take this over from its parts
        operator.auto_op_parallelism, operator.num_proc = False, 1

    def judge(rows: list[dict[str, str]]) -> list[dict[str, Any]]:
        """Id and dropping filters of each row."""
        data = NestedDataset(datasets.Dataset.from_list(rows))
        for operator in fused:
            data = operator.run(data, reduce=False)
        samples = {Fields.stats: list(data[Fields.stats])}
        verdicts = {name: list(judging.process_batched(samples)) for name, judging in filters.items()}
        return [
            {"id": row["id"], "dropped_by": [name for name, kept in verdicts.items() if not kept[index]]}
            for index, row in enumerate(rows)
        ]

    judge([{"id": "warm", "text": "Some warm words. " * 50}])
    rows = [
        {"id": identity, "text": text}
        for identity, text in itertools.islice(documents(arguments.path("input")), arguments.get("limit", None))
    ]
    with stopwatch.phase("filter"), (folder / "verdicts.jsonl").open("w") as out:
        verdicts = judge(rows)
        out.writelines(json.dumps(verdict) + "\n" for verdict in verdicts)
    dropped = {name: sum(name in verdict["dropped_by"] for verdict in verdicts) for name in filters}
    dropped["any"] = sum(bool(verdict["dropped_by"]) for verdict in verdicts)
    size = sum(len(row["text"].encode()) for row in rows)
    stopwatch.report(len(rows), size, ("py-data-juicer", "datasets", "numpy"), results={"dropped": dropped})


if __name__ == "__main__":
    main()
