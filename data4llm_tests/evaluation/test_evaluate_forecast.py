"""`data4llm evaluate forecast`: its changes, and one evaluation from end to end."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from commands_fixture import command, environment
from data4llm_assets.evaluation.forecast import ROWS, TOTAL, Evaluation, changes

RECIPE: dict[str, Any] = {
    "corpus": "small",
    "sources": {},
    "steps": [
        {"stage": "raw_crawl"},
        {"stage": "extracted_text"},
        {"stage": "deduped", "methods": [{"method": "minhash"}]},
        {"stage": "filtered", "rules": [{"method": "gopher_quality", "min_words": 10}]},
    ],
}


def test_three_changes_are_made_and_the_recipe_is_left_as_it_was() -> None:
    before = json.dumps(RECIPE)
    found = changes(RECIPE)
    assert json.dumps(RECIPE) == before
    assert [change.name for change in found] == [
        "gopher_quality.min_words: 10 → 20",
        "minhash.ngram: 5 → 7",
        "extracted_text.html: auto → resiliparse",
    ]
    steps = [change.recipe["steps"] for change in found if change.recipe is not None]
    assert steps[0][3]["rules"] == [{"method": "gopher_quality", "min_words": 20}]
    assert steps[1][2]["methods"] == [{"method": "minhash", "ngram": 7}]
    assert steps[2][1]["html"] == {"method": "resiliparse"}


def test_a_change_that_a_recipe_does_not_offer_is_named() -> None:
    found = changes({"steps": RECIPE["steps"][:2]})
    assert [change.name for change in found if change.recipe is None] == ["gopher_quality.min_words", "minhash.ngram"]


def test_the_summary_leaves_out_what_is_trivial_and_totals() -> None:
    rows = [
        ("change", "a", 1, 1.0, 0.5, 1.5, 2.0, -0.5, False),
        ("change", "b", 1, 2.0, 1.0, 3.0, 2.0, 0.0, True),
        ("change", "c", 1, 0.2, 0.1, 0.3, 0.01, 19.0, False),
        ("change", "d", 1, 0.04, 0.0, 0.1, 0.02, 1.0, True),
        ("change", TOTAL, 4, 3.24, 1.0, 5.0, 4.03, -0.2, True),
    ]
    found = Evaluation(pl.DataFrame(rows, ROWS, orient="row"), (), ())
    assert found.compared()["asset"].to_list() == ["a", "b", "c"]
    assert found.summary() == {"pairs": 3, "median_error": 0.5, "covered": pytest.approx(1 / 3)}


@pytest.mark.long
def test_an_evaluation_says_what_was_forecast_and_what_it_took(tmp_path: Path) -> None:
    words = "the page that we have here is one of many and it says with some words what be is to of and the"
    (tmp_path / "pages").mkdir()
    for number in range(60):
        (tmp_path / "pages" / f"{number}.html").write_text(f"<html><body><p>{f'{words} {number} ' * 6}</p></body></html>")
    source = {"kind": "files", "path": "pages", "domain": "pages", "include": ["*.html"]}
    recipe = {**RECIPE, "sources": {"pages": source}, "retention": {"deduped": {"min": 0.0}}}
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    asked = command("evaluate", "forecast", "recipe.yaml", "--workers", "1", "--json")
    done = subprocess.run(asked, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=600)
    # On so small a corpus the bars may be missed by chance; that it is told is what counts here.
    assert done.returncode in (0, 1), done.stderr
    told = json.loads(done.stdout)
    assert {row["change"] for row in told["rows"]} == {change.name for change in changes(recipe)}
    assert told["probed"] == ["extracted_text.html: auto → resiliparse"]
    assert not [path for path in tmp_path.iterdir() if path.name not in ("pages", "recipe.yaml")]
