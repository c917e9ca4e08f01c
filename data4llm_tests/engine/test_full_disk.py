"""A disk that is full in the middle of a run: told, nothing half published, nothing left behind, and the next run goes on."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from toy import build, graph, manifests, world

from data4llm_assets.engine.store import Store

TEXTS = {"a__one": "hello", "a__two": "hi", "a__three": "good morning", "b__x": "yes", "b__y": "never mind"}


@pytest.mark.parametrize("writes", range(0, 24, 3))
def test_whatever_file_did_not_fit_the_next_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
    folder = world(tmp_path / "world", **TEXTS)
    expected = Store(str(tmp_path / "expected"))
    build(expected, graph(folder))
    store, left, write_table = Store(str(tmp_path / "store")), [writes], pq.ParquetWriter.write_table

    def full(writer: Any, *arguments: Any, **options: Any) -> None:
        if left[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= 1
        write_table(writer, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(pq.ParquetWriter, "write_table", full)
        if writes < 3:  # the listing of the first sources did not fit
            with pytest.raises(OSError, match="No space left"):
                build(store, graph(folder))
        else:
            report = build(store, graph(folder))
            assert not report.ok
            assert all("No space left on device" in str(failure.error) for failure in report.failures)
    assert [path for path, _, _ in store.objects("tmp/")] == []
    assert build(store, graph(folder)).ok
    assert manifests(store) == manifests(expected)
