"""What docs/deduplication.md says of methods and presets is what they are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from data4llm_assets.deduped.minhash import MinHash
from data4llm_assets.deduped.presets import Preset
from data4llm_assets.deduped.stage import METHODS, Deduped
from data4llm_assets.recipe import load_recipe

PAGE = (Path(__file__).parents[2] / "docs" / "deduplication.md").read_text(encoding="utf-8")


def rows(head: str) -> dict[str, dict[str, str]]:
    """A table of the page by the first column, from its header on."""
    lines = PAGE[PAGE.index(f"| {head} |") :].split("\n\n")[0].splitlines()
    names, *cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in [lines[0], *lines[2:]])
    return {row[0].strip("`"): dict(zip(names, row, strict=True)) for row in cells}


@pytest.mark.parametrize("name", METHODS)
def test_promises_in_the_table_are_those_of_the_methods(name: str) -> None:
    told, promises = rows("method")[name], METHODS[name].promises
    assert told["incremental"] == ("yes" if promises.incremental else "no")
    assert told["without a snapshot"] == promises.withdrawable
    assert told["names the document repeated"] == ("yes" if promises.names_partner else "no")


def test_every_method_has_a_section() -> None:
    sections = re.findall(r"^### `(\w+)`$", PAGE, re.MULTILINE)
    assert set(METHODS) <= set(sections) == set(rows("method"))
    assert len(sections) == len(set(sections))


def test_presets_in_the_table_are_those_of_the_code() -> None:
    told = rows("preset")
    assert list(told) == list(get_args(Preset))
    for name in get_args(Preset):
        method, row = MinHash(preset=name), told[name]
        assert row["shingle"] == f"{method.ngram} {method.unit}"
        assert row["bands × rows"] == f"{method.bands} × {method.rows}"
        assert float(row["`similarity`"]) == method.similarity
        assert float(row["(1/b)^(1/r)"]) == pytest.approx((1 / method.bands) ** (1 / method.rows), abs=5e-4)
        for similarity in (".7", ".8", ".9"):
            found = 1 - (1 - float(similarity) ** method.rows) ** method.bands
            assert row[similarity] == f"{found:.0%}".replace("%", " %")
        if row["that is"] == "nominal":
            assert method.similarity == pytest.approx((1 / method.bands) ** (1 / method.rows), abs=5e-3)


def test_the_shipped_recipe_names_every_method_once() -> None:
    steps = [step for step in load_recipe("deduplication").steps if isinstance(step, Deduped)]
    assert sorted(method.method for step in steps for method in step.methods) == sorted(METHODS)
