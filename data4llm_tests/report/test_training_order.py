from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data4llm_assets.document import SEQUENCES
from data4llm_assets.engine.store import Store, TableFile
from data4llm_assets.packed.packing import ORDER
from data4llm_assets.report.huggingface import write_split
from data4llm_assets.report.sequence_columns import COLUMNS, sequence_table
from data4llm_assets.report.training_order import in_training_order


def sequences(store: Store, names: list[int]) -> TableFile:
    """One sequence of two tokens for each name, in row groups of three."""
    spans = [[{"doc_id": str(name), "doc_start": 0, "sequence_start": 0, "length": 2}] for name in names]
    frame = pl.DataFrame({"input_ids": [[name, 0] for name in names], "spans": spans}, schema=SEQUENCES)
    return store.write_table([frame], SEQUENCES)


def stored(folder: Path, order: list[int], parts: int) -> tuple[Store, dict[int, TableFile], TableFile]:
    """Sequence n is row n // parts of part n % parts, and is trained on at position order[n]."""
    store = Store(str(folder))
    files = {part: sequences(store, list(range(part, len(order), parts))) for part in range(parts)}
    rows = [(position, number % parts, number // parts, position % 2) for number, position in enumerate(order)]
    return store, files, store.write_table([pl.DataFrame(rows, schema=ORDER, orient="row").sort("position")], ORDER)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 40).flatmap(lambda n: st.permutations(range(n))), st.integers(1, 3), st.integers(1, 9), st.integers(1, 3))
def test_every_sequence_comes_once_and_at_its_place(tmp_path: Path, order: list[int], parts: int, rows: int, buckets: int) -> None:
    store, files, placed = stored(tmp_path / "store", order, parts)
    frames = list(in_training_order(store, files, placed, rows, 2, tmp_path, buckets))
    assert max(frame.height for frame in frames) <= 2
    found = pl.concat(frames)
    assert [order[ids[0]] for ids in found["input_ids"].to_list()] == list(range(len(order)))
    assert found["phase"].to_list() == [position % 2 for position in range(len(order))]
    assert not list(tmp_path.glob("tmp*"))


def test_an_order_of_other_sequences_is_refused(tmp_path: Path) -> None:
    store, files, order = stored(tmp_path / "store", [1, 0, 2], 1)
    with pytest.raises(ValueError, match="places 3 rows, the part has 4"):
        list(in_training_order(store, {0: sequences(store, [0, 1, 2, 3])}, order, 2, 2, tmp_path))
    assert files


def test_files_have_as_many_rows_as_asked_and_know_their_number(tmp_path: Path) -> None:
    store, files, order = stored(tmp_path / "store", list(range(10)), 2)
    names = ["input_ids"]
    frames = in_training_order(store, files, order, 4, 3, tmp_path)
    tables = [sequence_table(frame, names, None) for frame in frames]
    written = write_split(tmp_path, tables, tables[0].schema, 4)
    assert (written.rows, written.files) == (10, 3)
    found = {path.name: pl.read_parquet(path).height for path in (tmp_path / "data").iterdir()}
    assert found == {"train-00000-of-00003.parquet": 4, "train-00001-of-00003.parquet": 4, "train-00002-of-00003.parquet": 2}


def test_nothing_to_write_gives_one_file_without_rows(tmp_path: Path) -> None:
    schema = sequence_table(pl.DataFrame(schema={**SEQUENCES, "phase": pl.Int64}), list(COLUMNS), None).schema
    assert write_split(tmp_path, [], schema)[:2] == (0, 1)
    assert pl.read_parquet(tmp_path / "data" / "*.parquet").columns == list(COLUMNS)


def test_columns_of_a_sequence() -> None:
    """Two documents, the first ended by a separator (9), the second cut off; and one with padding that looks like separators."""
    spans = [
        [
            {"doc_id": "a", "doc_start": 4, "sequence_start": 0, "length": 2},
            {"doc_id": "b", "doc_start": 0, "sequence_start": 3, "length": 3},
        ],
        [{"doc_id": "c", "doc_start": 0, "sequence_start": 0, "length": 2}],
    ]
    frame = pl.DataFrame({"input_ids": [[1, 2, 9, 3, 4, 5], [6, 7, 9, 9, 9, 9]], "spans": spans}, schema=SEQUENCES)
    table = sequence_table(frame.with_columns(phase=pl.lit(1, pl.Int64)), list(COLUMNS), 9)
    assert table.to_pydict() == {
        "input_ids": [[1, 2, 9, 3, 4, 5], [6, 7, 9, 9, 9, 9]],
        "document_ids": [["a", "b"], ["c"]],
        "document_starts": [[4, 0], [0]],
        "sequence_starts": [[0, 3], [0]],
        "lengths": [[2, 3], [2]],
        "position_ids": [[0, 1, 2, 0, 1, 2], [0, 1, 2, 0, 1, 2]],
        "labels": [[1, 2, 9, 3, 4, 5], [6, 7, 9, -100, -100, -100]],
        "phase": [1, 1],
    }


def test_without_separators_padding_begins_where_the_document_ends() -> None:
    spans = [[{"doc_id": "c", "doc_start": 0, "sequence_start": 0, "length": 2}]]
    frame = pl.DataFrame({"input_ids": [[6, 7, 9, 9]], "spans": spans}, schema=SEQUENCES)
    assert sequence_table(frame, ["labels"], None).to_pydict() == {"labels": [[6, 7, -100, -100]]}
