"""A folder in the layout of the Hugging Face hub: numbered Parquet files and a card, complete or not there at all.

Here: writing it. Not here: which rows (`commands/export.py`), what a column holds (`sequence_columns.py`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

FILE_BYTES = 256_000_000
"""Of Arrow data; Parquet makes it smaller."""
GROUP_BYTES = 32_000_000
"""Of a row group: what a reader holds at a time."""
SPLIT = "train"
OWN = frozenset({"README.md", "data"})
"""What an export consists of: only a folder that holds nothing else is ever replaced."""
_SIZES = (
    (10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"), (10**9, "100M<n<1B"), (10**10, "1B<n<10B"), (10**11, "10B<n<100B"),
)  # fmt: skip


class Written(NamedTuple):
    """rows and files of the split; bytes as Arrow data and as Parquet."""

    rows: int
    files: int
    arrow_bytes: int
    parquet_bytes: int


@contextmanager
def replacing(target: Path, force: bool) -> Iterator[Path]:
    """A new folder beside `target` that takes its place when the block ends well, and is gone if it does not.

    Raises
    ------
    FileExistsError
        If there is something at `target`, unless it is an empty folder, or with `force` an earlier export.
    """
    check_target(target, force)
    target.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield making
        making.chmod(0o755)
        old = making.with_name(f"{making.name}-old")
        if target.exists():
            os.replace(target, old)
        os.replace(making, target)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def check_target(target: Path, force: bool) -> None:
    """Whether an export may go there. Raises FileExistsError as `replacing` does."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    held = {each.name for each in target.iterdir()} if target.is_dir() else set()
    if not held or held - OWN:
        msg = f"{target} holds what is no export ({', '.join(sorted(held - OWN)[:3]) or 'it is a file'}): name another folder"
        raise FileExistsError(msg)
    if not force:
        msg = f"{target} is not empty; --force replaces an earlier export"
        raise FileExistsError(msg)


def write_split(folder: Path, tables: Iterable[pa.Table], schema: pa.Schema, file_rows: int | None = None) -> Written:
    """Write `data/train-00000-of-000NN.parquet`, … from tables in order, in bounded memory.

    A file ends at FILE_BYTES, or at exactly `file_rows` rows. No rows at all give one file without any.
    """
    data = folder / "data"
    data.mkdir()
    files: list[Path] = []
    rows = total = held = held_rows = 0
    writer: pq.ParquetWriter | None = None
    for table in _groups(tables, schema, file_rows):
        if writer is None:
            files.append(data / f"{SPLIT}-{len(files):05d}.parquet")
            writer = pq.ParquetWriter(files[-1], schema, compression="zstd", use_content_defined_chunking=True)
        writer.write_table(table, row_group_size=max(1, table.num_rows))
        rows, total, held, held_rows = rows + table.num_rows, total + table.nbytes, held + table.nbytes, held_rows + table.num_rows
        if (held_rows >= file_rows) if file_rows is not None else (held >= FILE_BYTES):
            writer.close()
            writer, held, held_rows = None, 0, 0
    if writer is not None:
        writer.close()
    if not files:
        files.append(data / f"{SPLIT}-00000.parquet")
        pq.write_table(schema.empty_table(), files[0])
    for index, file in enumerate(files):
        os.replace(file, data / f"{SPLIT}-{index:05d}-of-{len(files):05d}.parquet")
    return Written(rows, len(files), total, sum(file.stat().st_size for file in data.iterdir()))


def card(written: Written, schema: pa.Schema, about: Mapping[str, Any], text: str) -> str:
    """The README: what the hub and `datasets` read first (YAML), then what a person does. about: further keys for the first."""
    import io

    from ruamel.yaml import YAML

    split = {"name": SPLIT, "num_bytes": written.arrow_bytes, "num_examples": written.rows}
    head = {
        **about,
        "size_categories": [next((name for limit, name in _SIZES if written.rows < limit), "n>1T")],
        "configs": [{"config_name": "default", "data_files": [{"split": SPLIT, "path": f"data/{SPLIT}-*.parquet"}]}],
        "dataset_info": {
            "features": [_feature(field.name, field.type) for field in schema],
            "splits": [split],
            "download_size": written.parquet_bytes,
            "dataset_size": written.arrow_bytes,
        },
    }
    stream = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.dump(head, stream)
    return f"---\n{stream.getvalue()}---\n\n{text}"


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]], show: Callable[[Any], str] = str) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *([show(cell).replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _groups(tables: Iterable[pa.Table], schema: pa.Schema, file_rows: int | None) -> Iterator[pa.Table]:
    """The same rows in tables of about GROUP_BYTES, none of which goes beyond the end of a file."""
    waiting: list[pa.Table] = []
    size = count = done = 0
    for each in tables:
        while each.num_rows:
            left = each.num_rows if file_rows is None else file_rows - (done + count) % file_rows
            waiting.append(each.slice(0, left))
            each = each.slice(left)
            size, count = size + waiting[-1].nbytes, count + waiting[-1].num_rows
            if size >= GROUP_BYTES or (file_rows is not None and (done + count) % file_rows == 0):
                yield pa.concat_tables(waiting).combine_chunks()
                waiting, size, count, done = [], 0, 0, done + count
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()


def _feature(name: str, dtype: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(dtype):
        inner = dtype.value_type
        if pa.types.is_struct(inner):
            return {"name": name, "list": [_feature(field.name, field.type) for field in inner]}
        return {"name": name, "list": str(inner)}
    return {"name": name, "dtype": str(dtype)}
