"""datatrove's MinHash steps and counters, shared by the programs that run its pipelines. One task, one worker, as elsewhere."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"  # whatever would ask the network fails at once, and aloud

HTML = (
    "<html><body><article>"
    + "<p>A page with enough words for the extractor to find a paragraph in it.</p>" * 20
    + "</article></body></html>"
)


def warm(html: bool = False) -> None:
    """Load what datatrove loads on first use: the tokenizer of English words and, for pages, Trafilatura with its parsers."""
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.utils.text import split_into_words

    if html and not Trafilatura().extract(HTML):
        raise SystemExit("Trafilatura extracts nothing: is lxml_html_clean installed?")
    if split_into_words("Warm words, don't count.") != ["Warm", "words", ",", "do", "n't", "count", "."]:
        raise SystemExit("datatrove's English tokenizer is not spaCy's")


def run(steps: list[Any], logs: Path, tasks: int = 1) -> Any:
    """Run the steps with datatrove's local executor, tasks one after another, and return its statistics."""
    from datatrove.executor import LocalPipelineExecutor

    return LocalPipelineExecutor(steps, tasks=tasks, workers=1, logging_dir=str(logs)).run()


def counters(logs: Path) -> dict[str, dict[str, float]]:
    """Totals of each step of a run, by the step's name without its pictures: documents in, out and dropped, with reasons."""
    found: dict[str, dict[str, float]] = {}
    for step in json.loads((logs / "stats.json").read_text()):
        totals = Counter({name: value["total"] if isinstance(value, dict) else value for name, value in step["stats"].items()})
        found[step["name"].rpartition(":")[2].encode("ascii", "ignore").decode().strip()] = dict(totals)
    return found


def minhash(values: dict[str, Any]) -> Any:
    """datatrove's configuration: by default 5-grams of words, 14 x 8 hashes of 64 bits, its own normalisation of texts."""
    from datatrove.pipeline.dedup.minhash import MinhashConfig

    return MinhashConfig(
        n_grams=values.get("ngram", 5), num_buckets=values.get("bands", 14), hashes_per_bucket=values.get("rows", 8), seed=1
    )


def signatures(reader: Any, folder: Path, config: Any) -> None:
    from datatrove.pipeline.dedup import MinhashDedupSignature

    run([reader, MinhashDedupSignature(str(folder / "signatures"), config=config)], folder / "logs" / "signatures")


def buckets(folder: Path, config: Any) -> None:
    """One task for each band, which the step demands."""
    from datatrove.pipeline.dedup.minhash import MinhashDedupBuckets

    step = MinhashDedupBuckets(str(folder / "signatures"), str(folder / "buckets"), config=config)
    run([step], folder / "logs" / "buckets", tasks=config.num_buckets)


def clusters(folder: Path, config: Any) -> None:
    from datatrove.pipeline.dedup.minhash import MinhashDedupCluster

    run([MinhashDedupCluster(str(folder / "buckets"), str(folder / "remove"), config=config)], folder / "logs" / "clusters")
