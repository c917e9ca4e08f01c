from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import Result
from typer.testing import CliRunner

from data4llm_assets.commands.main import app
from data4llm_assets.corpus import Corpus
from data4llm_assets.node import Ref


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def export(store: Path, *arguments: str, expect: int = 0) -> Result:
    done = CliRunner().invoke(app, ["export", "--recipe", "micro", "--store", str(store), *arguments], catch_exceptions=False)
    assert done.exit_code == expect, done.output
    return done


def load(folder: Path, name: str = "dataset") -> Any:
    import datasets
    return datasets.load_dataset(str(folder / name), split="train", cache_dir=str(folder / "cache"))


def ordered(store: Path) -> pl.DataFrame:
    """The sequences of the store in training order."""
    corpus = Corpus("micro", store)
    parts = [
        frame.with_row_index("row").with_columns(part=pl.lit(int(partition.key.removeprefix("part-")), pl.Int64))
        for partition, frame in corpus.tables(Ref("packed", "sequences"))
    ]
    ((_, order),) = corpus.tables(Ref("training_order", "order"))
    rows = pl.concat(parts).with_columns(pl.col("row").cast(pl.Int64))
    return order.join(rows, on=["part", "row"], how="left").sort("position")


def test_datasets_reads_the_ids_of_the_store_in_training_order(folder: Path, micro_store: Path) -> None:
    export(micro_store, "--to", "dataset")
    dataset, stored = load(folder), ordered(micro_store)
    assert dataset["input_ids"][:] == stored["input_ids"].to_list()
    spans = stored.select(pl.col("spans").list.eval(pl.element().struct.field("doc_id")))["spans"].to_list()
    assert dataset["document_ids"][:] == spans
    assert dataset["lengths"][:] == [[span["length"] for span in row] for row in stored["spans"].to_list()]


def test_positions_begin_anew_with_each_stretch_and_padding_has_no_label(folder: Path, micro_store: Path) -> None:
    export(micro_store, "--to", "dataset", "--columns", "input_ids,position_ids,labels,sequence_starts,lengths")
    dataset = load(folder)
    starts = [row for row, begins in enumerate(dataset["sequence_starts"]) for _ in begins]
    positions = np.array(dataset["position_ids"])
    assert not positions[starts, [at for begins in dataset["sequence_starts"] for at in begins]].any()
    assert {int(step) for step in np.unique(np.diff(positions, axis=1)[np.diff(positions, axis=1) > 0])} == {1}
    labels, ids = np.array(dataset["labels"]), np.array(dataset["input_ids"])
    lengths = pl.concat([frame for _, frame in Corpus("micro", micro_store).tables(Ref("packed", "lengths"))])
    assert (labels == -100).sum() == lengths["padding"].sum()
    assert (labels == ids).sum() == lengths["tokens"].sum() + lengths["separators"].sum()


def test_documents_are_exported_as_they_stand_after_a_step(folder: Path, micro_store: Path) -> None:
    export(micro_store, "filtered", "--to", "dataset")
    dataset, stored = load(folder), Corpus("micro", micro_store).read("filtered")
    assert dataset["doc_id"][:] == stored["doc_id"].to_list()
    assert dataset["text"][:] == stored["text"].to_list()
    assert dataset[0]["meta"] == stored["meta"].to_list()[0]


def test_only_the_columns_that_are_asked_for(folder: Path, micro_store: Path) -> None:
    export(micro_store, "--step", "mixed", "--to", "dataset", "--columns", "doc_id,repeats")
    assert load(folder).column_names == ["doc_id", "repeats"]
    with pytest.raises(LookupError, match="did you mean 'repeats'"):
        export(micro_store, "mixed", "--to", "other", "--columns", "repeat")


def test_the_card_has_the_numbers(folder: Path, micro_store: Path) -> None:
    told = json.loads(export(micro_store, "--to", "dataset", "--json").stdout)
    card = (folder / "dataset" / "README.md").read_text()
    assert f"num_examples: {told['rows']}" in card
    assert f"| sequences | {told['rows']:,} |" in card
    assert "| manual | installed_python | reference | PSF-2.0 | public | 40 |" in card
    lengths = pl.concat([frame for _, frame in Corpus("micro", micro_store).tables(Ref("packed", "lengths"))])
    assert f"| tokens of documents | {lengths['tokens'].sum():,} |" in card


def test_the_same_export_is_the_same_bytes(folder: Path, micro_store: Path) -> None:
    export(micro_store, "--to", "one")
    export(micro_store, "--to", "two")
    files = sorted(path.relative_to(folder / "one") for path in (folder / "one").rglob("*") if path.is_file())
    assert len(files) == 2
    assert all((folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes() for name in files)


def test_a_folder_that_holds_something_is_left_alone(folder: Path, micro_store: Path) -> None:
    (folder / "dataset").mkdir()
    (folder / "dataset" / "mine.txt").write_text("mine")
    for arguments in ((), ("--force",)):
        assert "holds what is no export" in export(micro_store, "--to", "dataset", *arguments, expect=1).output
    assert [path.name for path in (folder / "dataset").iterdir()] == ["mine.txt"]


def test_an_earlier_export_is_replaced_only_by_force(folder: Path, micro_store: Path) -> None:
    export(micro_store, "--to", "dataset")
    assert "--force" in export(micro_store, "filtered", "--to", "dataset", expect=1).output
    export(micro_store, "filtered", "--to", "dataset", "--force")
    assert "text" in load(folder).column_names
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_a_failed_export_leaves_nothing(folder: Path, built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("data4llm_assets.commands.export.sequence_table", fail)
    with pytest.raises(OSError, match="No space left"):
        export(built, "--to", "dataset")
    assert sorted(path.name for path in folder.iterdir()) == ["store"]


def test_what_is_out_of_date_is_exported_only_if_asked(folder: Path, built: Path, micro_text: str) -> None:
    (folder / "changed.yaml").write_text(micro_text.replace("min_words: 50", "min_words: 60"))
    refused = export(built, "--to", "dataset", "--recipe", "changed.yaml", expect=1).output
    assert "not up to date: filtered" in refused.replace("\n", " ")
    export(built, "extracted_text", "--to", "texts", "--recipe", "changed.yaml")
    export(built, "--to", "dataset", "--recipe", "changed.yaml", "--stale")
    assert "Not up to date with the recipe when it was exported: filtered" in (folder / "dataset" / "README.md").read_text()


def test_nothing_is_exported_of_what_is_not_built_or_is_no_step(folder: Path, tmp_path: Path, micro_store: Path) -> None:
    with pytest.raises(LookupError, match="data4llm run"):
        export(tmp_path / "empty", "--to", "dataset")
    with pytest.raises(LookupError, match="did you mean 'filtered'"):
        export(micro_store, "filterd", "--to", "dataset")
    assert not (folder / "dataset").exists()


def test_a_release_exports_the_same_rows_when_the_corpus_is_another(folder: Path, built: Path, micro_text: str) -> None:
    corpus = Corpus("micro", built)
    corpus.freeze("v1")
    expected = ordered(built)
    changed = folder / "changed.yaml"
    changed.write_text(micro_text.replace("sequence_length: 1024", "sequence_length: 512"))
    assert Corpus(changed, built).build().ok
    export(built, "--to", "released", "--release", "v1", "--recipe", "changed.yaml")
    assert load(folder, "released")["input_ids"][:] == expected["input_ids"].to_list()
    card = (folder / "released" / "README.md").read_text()
    assert "# micro, release v1" in card
    assert "Sequences of 1024 tokens" in card
    assert "Not up to date" not in card
