from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data4llm_assets.engine.records import write_record
from data4llm_assets.engine.store import Store
from data4llm_assets.report.throughput import throughput

ACCOUNTS = {"accounts": [{"documents_in": 100, "bytes_in": 4_000_000}]}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def record(store: Store, run: str, node: str, partition: str, seconds: float, **more: Any) -> None:
    known = {"started": more.pop("started", 0.0), "seconds": seconds, "counters": {}, "metrics": {}, "result": "published"}
    write_record(store, run, node, partition, known | more)


def test_throughput_sums_partitions_in_order_of_start(store: Store) -> None:
    record(store, "run1", "filtered", "web-0|first", 1.0, started=5.0, metrics=ACCOUNTS)
    record(store, "run1", "filtered", "web-1|first", 3.0, started=6.0, metrics=ACCOUNTS)
    record(store, "run1", "raw_crawl", "web-0|first", 2.0, started=1.0, counters={"records_read": 10, "bytes_read": 1_000_000})
    assert throughput(store, "run1").rows() == [("raw_crawl", 1, 10, 2.0, 5.0, 0.5), ("filtered", 2, 200, 4.0, 50.0, 2.0)]


def test_throughput_is_null_where_nothing_was_counted(store: Store) -> None:
    record(store, "run1", "duplicates", "", 2.0)
    assert throughput(store, "run1").rows() == [("duplicates", 1, None, 2.0, None, None)]


def test_throughput_of_an_unknown_run_is_empty(store: Store) -> None:
    assert throughput(store, "run1").is_empty()
