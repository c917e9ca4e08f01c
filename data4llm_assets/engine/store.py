"""Where everything lies: a folder, an S3 bucket or memory behind one URI, and tables named by what they contain.

Three guarantees carry the engine: a put is atomic (never half an object), `create` is exclusive (two runs cannot both create),
and a table's file name is the digest of its rows (writing it twice changes nothing). obstore gives the first two on every backend.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import obstore
import polars as pl
import pyarrow.parquet as pq
from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore, from_url

from data4llm_assets.engine.digest import TableDigester, canonical
from data4llm_assets.engine.ranges import Ranges

FORMAT = 2
"""Number of the store's format: part of every fingerprint. Raising it takes a migration from the one before (`upgrade.CHANGES`)."""
MARKER = "format.json"
"""Says which format a store has. Written exclusively before anything else is; a store of format 1 has none."""
_PARQUET: dict[str, Any] = {"compression": "zstd", "write_statistics": True}
_TEXTS: dict[str, Any] = {"data_page_size": 1 << 18, "write_batch_size": 64}
"""Texts lie in pages of some hundred kilobytes, so that a few of them are read without all the others."""
_MAGIC = b"PAR1"
"""The last bytes of every Parquet file."""
ROW_GROUP_BYTES = 64 << 20
_ROUND_TRIPS = 32
"""Requests under way at a time, to a bucket."""


class TableFile(NamedTuple):
    """A stored table: `data/<digest>.parquet`."""

    digest: str
    rows: int


class Damaged(RuntimeError):
    """A file of the store is gone or cut short: a full or failing disk, or somebody's hand."""

    def __init__(self, path: str, what: str) -> None:
        self.path, self.what = path, what
        super().__init__(f"{path} is {what}: `data4llm repair` finds such files, and the next run makes anew what they held")


class WrongFormat(RuntimeError):
    """A store that this program cannot work on."""


class OlderStore(WrongFormat):
    def __init__(self, uri: str, found: int) -> None:
        super().__init__(
            f"{uri} was written by an older data4llm (format {found}, now {FORMAT}): data4llm upgrade brings it up to date; "
            f"nothing is built again"
        )


class NewerStore(WrongFormat):
    def __init__(self, uri: str, found: int) -> None:
        super().__init__(f"{uri} was written by a newer data4llm (format {found}, this one knows {FORMAT}): upgrade the program")


class RowGroup(NamedTuple):
    """Some rows of a stored table, of which every column can be read alone."""

    parquet: pq.ParquetFile
    number: int

    def columns(self) -> list[str]:
        return [str(name) for name in self.parquet.schema_arrow.names]

    def read(self, columns: list[str] | None = None) -> pl.DataFrame:
        frame = pl.from_arrow(self.parquet.read_row_group(self.number, columns=columns))
        assert isinstance(frame, pl.DataFrame)
        return frame


class Store:
    """One folder or bucket. Picklable by its URI; safe to share between threads."""

    def __init__(self, uri: str, *, of_any_format: bool = False) -> None:
        """of_any_format : for who only looks which format it has, or upgrades it.

        Raises
        ------
        OlderStore, NewerStore
            If what lies there has another format than this program writes.
        """
        if "://" not in uri:
            uri = Path(uri).resolve().as_uri()
        self.uri = uri
        if uri.startswith("file://"):
            self.root: Path | None = Path(uri.removeprefix("file://"))
            self.root.mkdir(parents=True, exist_ok=True)
            self._objects: Any = LocalStore(prefix=self.root)
        else:
            self.root = None
            self._objects = from_url(uri)
        self._marked = of_any_format
        if not of_any_format:
            self._check_format()

    def _check_format(self) -> None:
        found = format_of(self)
        if found is not None and found < FORMAT:
            raise OlderStore(self.uri, found)
        if found is not None and found > FORMAT:
            raise NewerStore(self.uri, found)
        self._marked = found == FORMAT

    def _mark(self) -> None:
        """Say which format this is before anything else is written."""
        if not self._marked:
            with suppress(AlreadyExistsError):
                obstore.put(self._objects, MARKER, canonical({"format": FORMAT}), mode="create")
            self._check_format()
            self._marked = True

    def __reduce__(self) -> tuple[type[Store], tuple[str]]:
        return Store, (self.uri,)

    # Objects

    def get(self, path: str) -> bytes | None:
        try:
            if self.root is not None:
                # A quarter of the price; the planner reads tens of thousands of references.
                with open(f"{self.root}/{path}", "rb") as file:
                    return file.read()
            return bytes(obstore.get(self._objects, path).bytes())
        except FileNotFoundError:
            return None

    def get_all(self, paths: Iterable[str]) -> list[bytes | None]:
        """Several objects, in order; None where there is none. In a bucket they travel together: each is a round trip."""
        if self.root is not None:
            return [self.get(path) for path in paths]
        with ThreadPoolExecutor(_ROUND_TRIPS) as pool:
            return list(pool.map(self.get, paths))

    def put(self, path: str, data: bytes) -> None:
        self._mark()
        obstore.put(self._objects, path, data, mode="overwrite")

    def create(self, path: str, data: bytes) -> bool:
        """Write an object unless one of that name exists; False if one does. At most one of several writers gets True."""
        self._mark()
        try:
            obstore.put(self._objects, path, data, mode="create")
        except AlreadyExistsError:
            return False
        return True

    def exists(self, path: str) -> bool:
        try:
            obstore.head(self._objects, path)
        except FileNotFoundError:
            return False
        return True

    def missing(self, paths: Iterable[str]) -> list[str]:
        """Those of the paths at which nothing is, in order."""
        asked = list(paths)
        if self.root is not None:
            return [path for path in asked if not os.path.exists(f"{self.root}/{path}")]
        with ThreadPoolExecutor(_ROUND_TRIPS) as pool:
            return [path for path, there in zip(asked, pool.map(self.exists, asked), strict=True) if not there]

    def objects(self, prefix: str) -> Iterator[tuple[str, int, float]]:
        """(path, bytes, modified) of every object under a folder; `modified` in seconds since 1970."""
        for batch in obstore.list(self._objects, prefix):
            for entry in batch:
                yield entry["path"], entry["size"], entry["last_modified"].timestamp()

    def folders(self, prefix: str) -> list[str]:
        """Names of the folders right under a folder, sorted."""
        found = obstore.list_with_delimiter(self._objects, prefix)["common_prefixes"]
        return sorted(path.rstrip("/").rpartition("/")[2] for path in found)

    def delete(self, paths: Iterable[str]) -> None:
        """Whoever deletes may find that another has: what is gone is no error."""
        found = list(paths)
        if self.root is not None:
            for path in found:
                (self.root / path).unlink(missing_ok=True)
        elif found:
            obstore.delete(self._objects, found)

    def get_json(self, path: str) -> Any:
        data = self.get(path)
        return None if data is None else json.loads(data)

    def put_json(self, path: str, value: Any) -> None:
        self.put(path, canonical(value))

    # Tables

    def write_table(self, frames: Iterable[pl.DataFrame], schema: pl.Schema) -> TableFile:
        with TableWriter(self, schema) as writer:
            for frame in frames:
                writer.write(frame)
            return writer.close()

    def read_table(self, file: str, columns: list[str] | None = None) -> pl.DataFrame:
        return pl.read_parquet(self.parquet(data_path(file)), columns=columns)

    def scan_table(self, file: str, *, few: bool = False) -> pl.LazyFrame:
        """few : whether a filter lets few rows through: then the columns it looks at are read first, and only those pages."""
        return pl.scan_parquet(self.parquet(data_path(file)), parallel="prefiltered" if few else "auto")

    def row_groups(self, file: str) -> Iterator[RowGroup]:
        """The table row group by row group, so that a large one never stands in memory whole. The file is open meanwhile."""
        path = data_path(file)
        with pq.ParquetFile(self.parquet(path) if self.root is not None else Ranges(self._objects, path)) as parquet:
            for number in range(parquet.metadata.num_row_groups):
                yield RowGroup(parquet, number)

    def batches(self, file: str, columns: list[str] | None = None) -> Iterator[pl.DataFrame]:
        for group in self.row_groups(file):
            yield group.read(columns)

    def source(self, path: str) -> Any:
        """What Polars and PyArrow can read an object from: a path on disk, the bytes elsewhere."""
        if self.root is not None:
            return str(self.root / path)
        data = self.get(path)
        if data is None:
            raise FileNotFoundError(path)
        return io.BytesIO(data)

    def parquet(self, path: str) -> Any:
        """As `source`, of a Parquet file.

        Raises
        ------
        Damaged
            If it is gone, or does not end as a Parquet file does.
        """
        try:
            source = self.source(path)
            if self.root is None:
                end = source.getbuffer()[-len(_MAGIC) :].tobytes()
            else:
                with open(source, "rb") as file:
                    file.seek(-len(_MAGIC), os.SEEK_END)
                    end = file.read()
        except FileNotFoundError as error:
            raise Damaged(path, "gone") from error
        except OSError as error:
            raise Damaged(path, f"unreadable ({error.strerror})") from error
        if end != _MAGIC:
            raise Damaged(path, "cut short")
        return source

    def has_table(self, file: str) -> bool:
        return self.exists(data_path(file))

    def scratch(self) -> Path:
        """A folder for files on their way into the store: on the same disk if the store is a folder, so a rename moves them."""
        folder = Path(tempfile.gettempdir()) if self.root is None else self.root / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def adopt(self, file: Path, path: str) -> None:
        """Move a finished local file into the store, atomically."""
        self._mark()
        if self.root is not None:
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(file, target)
        else:
            obstore.put(self._objects, path, file)
            file.unlink()


class TableWriter:
    """Streams frames into one Parquet file, which gets its name (the digest of its rows) when it is closed."""

    def __init__(self, store: Store, schema: pl.Schema) -> None:
        self._store, self._schema = store, schema
        handle, name = tempfile.mkstemp(suffix=".parquet", dir=store.scratch())
        os.close(handle)
        self._file = Path(name)
        self._digester = TableDigester()
        self._parquet: pq.ParquetWriter | None = None
        self._waiting: list[pl.DataFrame] = []
        self._waiting_bytes = 0
        self._rows = 0

    def write(self, frame: pl.DataFrame) -> None:
        """Raises pl.exceptions.PolarsError if a column of the schema is missing or has another dtype that does not cast."""
        frame = frame.select(pl.col(name).cast(dtype) for name, dtype in self._schema.items())
        self._waiting.append(frame)
        self._waiting_bytes += int(frame.estimated_size())
        if self._waiting_bytes >= ROW_GROUP_BYTES:
            self._flush()

    def close(self) -> TableFile:
        self.close_as(data_path)
        return TableFile(self._digester.hexdigest(), self._rows)

    def close_as(self, name: Callable[[str], str]) -> str:
        """Finish the file and store it under `name(digest)`, which is returned."""
        if self._waiting or self._parquet is None:
            self._flush()
        assert self._parquet is not None
        self._parquet.close()
        path = name(self._digester.hexdigest())
        self._store.adopt(self._file, path)
        return path

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(self, *error: object) -> None:
        if self._parquet is not None and self._parquet.is_open:
            self._parquet.close()
        self._file.unlink(missing_ok=True)

    def _repeating(self) -> list[str]:
        """Columns worth a dictionary. Token ids and hashes in lists take less as they are, and less time."""
        return [name for name, dtype in self._schema.items() if not dtype.is_nested() and name != "text"]

    def _flush(self) -> None:
        frame = pl.concat(self._waiting) if self._waiting else pl.DataFrame(schema=self._schema)
        self._waiting, self._waiting_bytes = [], 0
        self._digester.update(frame)
        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        if self._parquet is None:
            pages = _TEXTS if "text" in self._schema else {}
            self._parquet = pq.ParquetWriter(self._file, table.schema, use_dictionary=self._repeating(), **_PARQUET, **pages)
        self._rows += frame.height
        # One row group holds one flush; a group of a few rows is still one group.
        self._parquet.write_table(table, row_group_size=max(frame.height, 1))


def format_of(store: Store) -> int | None:
    """The format of what lies in a store; None if nothing does."""
    # Asked while a store opens, when what a subclass adds is not there yet: so past its methods.
    marker = Store.get(store, MARKER)
    if marker is not None:
        return int(json.loads(marker)["format"])
    written = any(next(Store.objects(store, folder), None) for folder in ("manifests/", "corpora/"))
    return 1 if written else None


def data_path(digest: str) -> str:
    return f"data/{digest[:2]}/{digest}.parquet"
