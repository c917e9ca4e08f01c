"""Dagster's SQLite storages with a connection that stays open, for `dagster.yaml`: half the cost of a small run is opening theirs.

Dagster opens a database anew for each of the eighty statements of a run: an engine, its compiled statements and, when the last
connection closes, a checkpoint to disk. Here each process keeps its engine. Commits wait for the disk only at checkpoints: the
death of a process loses nothing, a power cut the last moments of the log; what is published does not depend on either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import sqlalchemy
from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from dagster._core.storage.event_log.polling_event_watcher import SqlPollingEventWatcher
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS


def _engine(address: str) -> sqlalchemy.Engine:
    # No bound on connections: the web server asks from many threads, each for a moment.
    engine = sqlalchemy.create_engine(address, max_overflow=-1, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})

    @sqlalchemy.event.listens_for(engine, "connect")
    def begin(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine


class EventLog(ConsolidatedSqliteEventLogStorage):
    """The event log of all runs, in one database."""

    @cached_property
    def _kept(self) -> sqlalchemy.Engine:
        return _engine(self._conn_string)

    @contextmanager
    def _connect(self) -> Iterator[sqlalchemy.Connection]:
        with self._kept.begin() as connection:
            yield connection

    def has_table(self, table_name: str) -> bool:
        # Asked before every look at a partition; tables come and never go.
        if table_name not in self._tables and sqlalchemy.inspect(self._kept).has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    @cached_property
    def _tables(self) -> set[str]:
        return set()

    @cached_property
    def _polling(self) -> SqlPollingEventWatcher:
        # Not the watcher of Dagster's class, which waits for the file to change: while a connection is open, only its log does.
        return SqlPollingEventWatcher(self)

    def watch(self, run_id: str, cursor: str | None, callback: Callable[..., None]) -> None:
        self._polling.watch_run(run_id, cursor, callback)

    def end_watch(self, run_id: str, handler: Callable[..., None]) -> None:
        self._polling.unwatch_run(run_id, handler)

    def dispose(self) -> None:
        if "_polling" in self.__dict__:
            self._polling.close()
        if "_kept" in self.__dict__:
            self._kept.dispose()


class RunStorage(SqliteRunStorage):
    """Runs, their tags and the snapshots of their jobs."""

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> RunStorage:
        return cls.from_local(inst_data=inst_data, **config_value)

    @cached_property
    def _kept(self) -> sqlalchemy.Engine:
        return _engine(self._conn_string)

    @contextmanager
    def connect(self) -> Iterator[sqlalchemy.Connection]:
        with self._kept.begin() as connection:
            yield connection

    def dispose(self) -> None:
        if "_kept" in self.__dict__:
            self._kept.dispose()
