from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from data4llm_assets.extracted_text.block_model import (
    COLUMNS,
    OTHER_NAMES,
    load,
    page_row,
    taken,
)
from data4llm_assets.extracted_text.dom import features as f
from data4llm_assets.extracted_text.dom import page_signals
from data4llm_assets.extracted_text.dom.tree import Tree, parse
from data4llm_assets.extracted_text.page_types import PAGE_TYPES
from data4llm_assets.extracted_text.trained import KIND, SHIPPED, VERSION
from data4llm_assets.models.model_file import ModelFileError, read, write

PAGE = "<h1>Cats of Rome</h1><p>They sleep in the sun all day.</p><p>Share this</p>"


def tree_of(html: str) -> Tree:
    tree = parse(html)
    assert isinstance(tree, Tree)
    return tree


def test_the_shipped_models_look_at_the_columns_that_there_are() -> None:
    file = read(SHIPPED, KIND, VERSION)
    assert {name: tuple(columns) for name, columns in file.record["columns"].items()} == COLUMNS
    for name, columns in COLUMNS.items():
        for each in PAGE_TYPES if name == "types" else (name,):
            stored = file.arrays[f"{'type_' if name == 'types' else ''}{each}.feature"]
            assert stored.min() >= 0
            assert stored.max() < len(columns)
    assert file.record["pages"] > 200
    assert load(SHIPPED).digest == file.digest


def test_models_trained_on_other_columns_are_refused(tmp_path: Path) -> None:
    file, path = read(SHIPPED, KIND, VERSION), tmp_path / "a.model"
    swapped = [COLUMNS["first"][1], COLUMNS["first"][0], *COLUMNS["first"][2:]]
    for columns, named in (({"first": swapped}, "first"), ({"types": ["a"], "joint": []}, "joint, types")):
        write(path, KIND, VERSION, file.arrays, {"columns": {**file.record["columns"], **columns}})
        with pytest.raises(ModelFileError) as caught:
            load(path)
        told = str(caught.value)
        assert told.startswith(f"{path}: trained on other features than this data4llm has ({named}); ")
        assert "data4llm train extractor" in told


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.model"
    path.write_bytes(SHIPPED.read_bytes())
    one = load(path)
    assert load(path) is one
    file = read(SHIPPED, KIND, VERSION)
    write(path, KIND, VERSION, file.arrays, {**file.record, "pages": -1})
    os.utime(path, ns=(1, 1))
    assert load(path).digest not in (one.digest, "")


def test_a_page_is_judged_block_by_block() -> None:
    tree, model = tree_of(PAGE), load(SHIPPED)
    judged = model.judge(tree)
    assert judged.features.words.tolist() == [3, 7, 2]
    assert judged.probabilities.dtype == judged.first.dtype == np.float32
    assert judged.probabilities[1] > judged.probabilities[2]
    types = model.page_types(tree, judged.features)
    assert types.shape == (len(PAGE_TYPES),)
    assert types.sum() == pytest.approx(1)
    together = model.judge_with(tree, judged, "They sleep in the sun all day.", types)
    assert together.shape == (3,)
    assert together[1] > together[2]


def test_a_page_without_words_is_judged_too() -> None:
    for html in ("", "<p>*</p>"):
        tree, model = tree_of(html), load(SHIPPED)
        judged = model.judge(tree)
        assert judged.probabilities.tolist() == []
        assert model.judge_with(tree, judged, "text", model.page_types(tree, judged.features)).tolist() == []


def test_what_another_engine_took_is_told_of_each_block_and_those_beside_it() -> None:
    found = f.features(tree_of(PAGE))
    columns = dict(zip(OTHER_NAMES, taken(found, "Cats of Rome\n\nSo they sleep in the sun.").T.tolist(), strict=True))
    # Of the paragraph "they sleep in the sun"; "share this" is no part of it. 3 + 5 words of 12.
    assert columns["taken"] == pytest.approx([1, 5 / 7, 0])
    assert columns["taken_before"] == pytest.approx([0, 1, 5 / 7])
    assert columns["taken_after"] == pytest.approx([5 / 7, 0, 0])
    assert columns["taken_page"] == pytest.approx([8 / 12] * 3)
    assert columns["taken_words"] == pytest.approx([8] * 3)
    assert taken(found, "").tolist() == [[0] * 5] * 3


def test_a_page_s_row_is_the_mean_over_its_words_and_its_signs() -> None:
    tree = tree_of(f"<meta property='og:type' content='article'>{PAGE}")
    found = f.features(tree)
    row = page_row(tree, found)
    assert row.shape == (len(COLUMNS["types"]),)
    assert row.dtype == np.float32
    named = dict(zip(COLUMNS["types"], row.tolist(), strict=True))
    assert named["words"] == pytest.approx((3 * 3 + 7 * 7 + 2 * 2) / 12)
    assert named["is_p"] == pytest.approx(9 / 12)
    assert named["page_words"] == 12
    assert {name for name in page_signals.NAMES if named[name]} == {"type_article"}
    empty = tree_of("")
    assert page_row(empty, f.features(empty)).tolist() == [0] * len(COLUMNS["types"])


def test_models_are_loaded_once_for_a_process() -> None:
    assert load(SHIPPED) is load(SHIPPED)
