"""What the benchmarks of engines say of them holds: processes that engines run in are warm, and counted."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.every_engine import SLOW, by_engine, compared, recipe_for
from benchmarks.ours import told
from benchmarks.process_trees import Trees
from data4llm_assets.recipe import load_recipe, parse_recipe

PAGE = "<html><body><article>" + "<p>A sentence that says something.</p>" * 20 + "</article></body></html>"
FAMILY = """
import subprocess, sys
large = "b = bytearray(80_000_000); input()"
child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {large!r}], start_new_session=True)"
process = subprocess.Popen([sys.executable, "-c", child])
print(process.pid, flush=True)
process.wait()
"""
BUSY = "import time\nwhile time.process_time() < .3: pass\n{then}"


def test_the_process_of_an_engine_is_warm_when_the_clock_starts(tmp_path: Path) -> None:
    for name in ("tiny", "pages"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "page.html").write_text(PAGE)
    recipe = {
        "corpus": "pages",
        "sources": {"pages": {"kind": "files", "path": str(tmp_path / "pages"), "domain": "web"}},
        "steps": [{"stage": "raw_crawl"}, {"stage": "extracted_text", "html": {"method": "blocks"}}],
    }
    told.warm_up(recipe, tmp_path / "tiny", tmp_path)
    warm = {child.pid for child in psutil.Process().children()}
    assert warm
    _, report = told.build(recipe, tmp_path / "store")
    assert told.counters(report)["documents_parsed"] == 1
    assert {child.pid for child in psutil.Process().children()} == warm


def test_the_clock_counts_processes_that_ended_and_those_that_did_not() -> None:
    with told.Clock() as clock:
        subprocess.run([sys.executable, "-c", BUSY.format(then="")], check=True)
    assert clock.cpu_seconds >= 0.25
    busy = [sys.executable, "-c", BUSY.format(then="print(flush=True); input()")]
    living = subprocess.Popen(busy, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert living.stdin is not None
    assert living.stdout is not None
    with told.Clock() as clock:
        living.stdout.readline()
    assert clock.cpu_seconds >= 0.2
    with told.Clock() as clock:
        living.communicate(b"\n")
    assert clock.cpu_seconds < 0.2


def test_memory_is_that_of_each_child_with_what_it_started() -> None:
    process = subprocess.Popen([sys.executable, "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    began = time.time()
    with Trees(process.pid) as trees:
        child = int(process.stdout.readline())
        while trees.peak(child, began, time.time()) < 80_000_000:
            assert time.time() < began + 20
            time.sleep(0.05)
        process.communicate(b"\n")
    assert trees.peak_of_all() > trees.peak(child, began, time.time())
    assert trees.peak(child, began - 100, began - 50) == 0


def test_every_engine_of_the_shipped_recipe_sees_the_crawl(tmp_path: Path) -> None:
    for number in range(16):
        (tmp_path / f"pages-{number:02}.warc.gz").touch()
    recipe = parse_recipe(recipe_for(tmp_path))
    assert list(recipe.sources) == list(load_recipe("extraction").sources)
    included = {name: source.include for name, source in recipe.sources.items() if source.kind == "warc"}
    assert included.keys() == recipe.sources.keys()
    for name in SLOW:
        assert included[name] == ("pages-00.warc.gz", "pages-08.warc.gz")
    assert included["auto"] == ("**/*.warc", "**/*.warc.gz", "**/*.warc.lz4")


def test_figures_of_an_engine_are_sums_over_its_partitions() -> None:
    def record(partition: str, documents: int, reasons: list[dict[str, Any]], node: str = "extracted_text") -> dict[str, Any]:
        account = {"documents_in": 10, "documents_out": documents, "bytes_in": 1000, "bytes_out": 300}
        metrics = {"accounts": [account], "reasons": reasons}
        return {"node": node, "partition": partition, "started": 5.0, "seconds": 2.0, "cpu_seconds": 1.5, "metrics": metrics}

    class Sampled(Trees):
        def __init__(self) -> None: ...

        def peak(self, pid: int, begin: float, end: float) -> int:
            assert (begin, end) == (5.0, 7.0)
            return pid * 100_000_000

    empty = {"rule": "extracted_text.empty", "action": "drop", "documents": 1}
    records = [
        record("bte-0|first", 9, [empty]),
        record("bte-1|first", 9, [empty]),
        record("bte-1|first", 10, [], node="raw_crawl"),
        record("trafilatura_fast-0|first", 10, []),
        {"node": "extracted_text", "partition": "raw-0|first", "result": "failed"},
    ]
    made_by = {"bte-0|first": 1, "bte-1|first": 2, "trafilatura_fast-0|first": 16}
    engines = by_engine(records, made_by, Sampled())
    assert list(engines) == ["bte", "trafilatura_fast"]
    assert engines["bte"] == {
        "pages": 20, "documents": 18, "html_bytes": 2000, "text_bytes": 600, "seconds": 4.0, "cpu_seconds": 3.0,
        "dropped": {"extracted_text.empty": 2}, "peak_memory": 200_000_000,
    }  # fmt: skip
    refused, failed = [["extracted_text", "bte-1|first", ["Too few."]]], [["raw-0|first", "why"]]
    result = {"engines": engines, "peak_memory": 10**9, "refused": refused, "failed": failed}
    comparison = compared(result, {"pages": 20, "bytes": 2000})
    assert [(row.figure, row.note) for row in comparison.rows] == [
        ("5.0 pages/s", "18 texts of 20 pages, empty 2; 1 of 4 partitions refused by a check: Too few."),
        ("5.0 pages/s", "10 texts of 10 pages"),
    ]
    assert [verdict.met for verdict in comparison.verdicts] == [False, False]
