"""`python -m benchmarks.every_engine`: a gigabyte of web pages through every engine of the recipe `extraction`, by two workers.

Assets, checks, published partitions and all: `data4llm run` on two cores, watched from outside. It says of each engine how many
pages it takes a second, what it loses and by which rule, and how much memory a worker takes with the process in which its engine
runs. Ten minutes; none of the comparisons of `make bench`, for no peer runs beside it. `make bench-report` tells it in docs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks.__main__ import machine
from benchmarks.contest import ROOT, environment
from benchmarks.figures import Comparison, Row, at_most, rate
from benchmarks.inputs import make
from benchmarks.process_trees import Trees
from benchmarks.table import as_text
from data4llm_assets.engine.home import open_instance
from data4llm_assets.engine.orphans import OWNER_TAG
from data4llm_assets.engine.records import read_records
from data4llm_assets.engine.store import Store
from data4llm_assets.recipe import find_recipe

RESULTS = Path(__file__).parent / "every_engine.json"
WORKERS = 2
SHARDS = 4
"""Of each source: engines take pages at paces that differ twentyfold, and both workers are to have something to do to the end."""
SLOW = (
    "trafilatura", "trafilatura_precision", "trafilatura_recall", "trafilatura_fast", "justext", "readability", "recipe",
)  # fmt: skip
"""Sources that have every eighth file alone: their engines take up to a hundred pages a second, the others two hundred and more."""
ANY_PAGE = {"title": {"select": "title", "optional": True}, "text": "body"}
"""Selectors that fit pages of any site: those of the shipped recipe are for pydoc's."""
MOST_MEMORY = 1.5


def recipe_for(crawl: Path) -> dict[str, Any]:
    """The shipped recipe with a crawl in the place of its pages. No retention refuses a partition: losses are what is asked."""
    recipe: dict[str, Any] = YAML(typ="safe").load(find_recipe("extraction"))
    files = sorted(path.name for path in crawl.glob("*.warc.gz"))
    for name in recipe["sources"]:
        own = {"include": files[::8]} if name in SLOW else {}
        place = {"kind": "warc", "path": str(crawl), "shards": SHARDS}
        recipe["sources"][name] = {**place, "domain": "documentation", "license": "NOASSERTION", **own}
    recipe["steps"][1]["sources"]["recipe"]["html"]["default"] = ANY_PAGE
    recipe["retention"] = {"extracted_text": {"min": 0.0, "max": 1.0}}
    return recipe


def run(crawl: Path, folder: Path) -> dict[str, Any]:
    """Build the recipe in an empty folder by the command. Raises RuntimeError if it ended without a report."""
    recipe = folder / "recipe.yaml"
    recipe.write_text(json.dumps(recipe_for(crawl)))
    home, store = folder / "dagster", folder / "store"
    command = [sys.executable, "-m", "data4llm_assets.commands.main", "run", str(recipe), "--workers", str(WORKERS), "--json"]
    cores = sorted(os.sched_getaffinity(0))[:WORKERS]
    began = time.time()
    with (folder / "report.json").open("wb") as report:
        process = subprocess.Popen(
            command, stdout=report, cwd=ROOT, preexec_fn=lambda: os.sched_setaffinity(0, cores),
            env={**environment(threads=1), "DATA4LLM_STORE": str(store), "DAGSTER_HOME": str(home)},
        )  # fmt: skip
        with Trees(process.pid) as trees:
            process.wait()
    seconds = time.time() - began
    try:
        told = json.loads((folder / "report.json").read_text())
    except json.JSONDecodeError:
        msg = f"data4llm run ended with status {process.returncode} and no report"
        raise RuntimeError(msg) from None
    engines = by_engine(read_records(Store(str(store)), told["run"]), workers(home), trees)
    return {
        "seconds": round(seconds, 1),
        "peak_memory": trees.peak_of_all(),
        "engines": engines,
        "refused": told["refused"],
        "failed": told["failed"],
    }


def workers(home: Path) -> dict[str, int]:
    """By partition: the process that made it. A partition that was tried again has the last one's."""
    with open_instance(str(home)) as instance:
        tags = [run.tags for run in instance.get_runs()]
    return {each["dagster/partition"]: int(each[OWNER_TAG].split(":")[1]) for each in reversed(tags)}


def by_engine(records: Iterable[Mapping[str, Any]], made_by: Mapping[str, int], trees: Trees) -> dict[str, dict[str, Any]]:
    """By source: sums over its partitions. Seconds are those of a worker, from reading the index to checks and publishing."""
    found: dict[str, dict[str, Any]] = {}
    for record in records:
        if record["node"] != "extracted_text" or "metrics" not in record:
            continue
        (account,) = record["metrics"]["accounts"]
        dropped = {row["rule"]: row["documents"] for row in record["metrics"]["reasons"] if row["action"] == "drop"}
        amounts = {
            "pages": account["documents_in"],
            "documents": account["documents_out"],
            "html_bytes": account["bytes_in"],
            "text_bytes": account["bytes_out"],
            "seconds": record["seconds"],
            "cpu_seconds": record["cpu_seconds"],
        }
        own = found.setdefault(source_of(record["partition"]), {"dropped": {}, "peak_memory": 0})
        for name, amount in amounts.items():
            own[name] = own.get(name, 0) + amount
        own["dropped"] = {rule: own["dropped"].get(rule, 0) + dropped.get(rule, 0) for rule in sorted({*own["dropped"], *dropped})}
        peak = trees.peak(made_by[record["partition"]], record["started"], record["started"] + record["seconds"])
        own["peak_memory"] = max(own["peak_memory"], peak)
    return found


def source_of(partition: str) -> str:
    """Of a partition `source-shard|snapshot`."""
    return partition.partition("|")[0].rpartition("-")[0]


def compared(result: Mapping[str, Any], crawl: Mapping[str, Any]) -> Comparison:
    """As a comparison is told: a row for each engine."""
    rows = []
    # What a check refuses of the texts has been made, and is told in its row: an engine that finds none on most pages should be.
    refused: dict[str, list[str]] = {}
    unmade = [partition for partition, _ in result["failed"]]
    for node, partition, reasons in result["refused"]:
        if node == "extracted_text":
            refused.setdefault(source_of(partition), []).append(reasons[0])
        else:
            unmade.append(partition)
    for name, own in result["engines"].items():
        dropped = "".join(f", {rule.removeprefix('extracted_text.')} {count:,}" for rule, count in own["dropped"].items())
        told = f"{own['documents']:,} texts of {own['pages']:,} pages{dropped}"
        if name in refused:
            told += f"; {len(refused[name])} of {SHARDS} partitions refused by a check: {refused[name][0]}"
        rows.append(Row(name, rate(own["pages"] / own["seconds"], "pages/s"), None, own["peak_memory"], None, told))
    most = max(own["peak_memory"] for own in result["engines"].values())
    bar = f"{MOST_MEMORY} GB for a worker and its engine's process"
    verdicts = (
        at_most(bar, most / 1e9, MOST_MEMORY, f"{{:.2f}} GB at most; the whole command {result['peak_memory'] / 1e9:.2f} GB"),
        at_most("no partition failed", len(unmade), 0, "{}"),
    )
    title = f"WARC to text, every engine, {WORKERS} workers on {WORKERS} cores"
    given = f"{crawl['pages']:,} pages of Debian's documentation, {crawl['bytes'] / 1e9:.2f} GB of HTML; an eighth of it for "
    return Comparison("every_engine", title, given + ", ".join(SLOW), tuple(rows), verdicts, result)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.every_engine", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a hundredth of the pages: whether it works, in minutes")
    parser.add_argument("--folder", type=Path, default=ROOT / ".bench", help="where the pages are kept")
    chosen = parser.parse_args()
    began = time.time()
    crawl, described = make.crawl(chosen.folder.resolve(), few=chosen.quick)
    with tempfile.TemporaryDirectory(prefix="every-engine-", dir=chosen.folder) as scratch:
        result = run(crawl, Path(scratch).resolve())
    comparison = compared(result, described)
    print(as_text(comparison.as_json()))
    results = {
        "command": "python -m benchmarks.every_engine" + (" --quick" if chosen.quick else ""),
        "date": time.strftime("%Y-%m-%d", time.gmtime(began)),
        "minutes": round(result["seconds"] / 60, 1),
        "machine": machine(),
        "input": described,
        "comparisons": [comparison.as_json()],
    }
    target = chosen.folder / "every_engine.json" if chosen.quick else RESULTS
    target.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    report = "" if chosen.quick else "; documents: make bench-report"
    print(f"written: {os.path.relpath(target)}{report}; {results['minutes']} minutes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
