from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from data4llm_assets.filtered.stage import Filtered
from data4llm_assets.method import Limit, Rule
from data4llm_assets.recipe import Recipe
from data4llm_assets.report.reference import main, method_names, reference

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "recipe.md"
COMMAND = "python -m data4llm_assets.report.reference docs/recipe.md"


def section(page: str, head: str) -> str:
    return page.split(f"{head}\n", 1)[1].split("\n## ", 1)[0]


def test_page_is_what_the_generator_writes() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), f"docs/recipe.md is out of date; write it anew: {COMMAND}"


def test_page_says_how_it_is_written() -> None:
    assert COMMAND in reference()


def test_command_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["reference", str(tmp_path / "recipe.md")])
    main()
    assert (tmp_path / "recipe.md").read_text(encoding="utf-8") == reference()


def test_page_does_not_depend_on_what_else_is_imported() -> None:
    program = "import sys; from data4llm_assets.report.reference import reference; sys.stdout.buffer.write(reference().encode())"
    alone = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True).stdout
    assert alone.decode() == reference()


def test_every_key_of_the_top_level_has_a_row() -> None:
    top = section(reference(), "## Top level")
    assert [name for name in Recipe.model_fields if f"| `{name}` |" not in top] == []


def test_row_gives_type_default_tag_and_description() -> None:
    row = "| `similarity` | number, > 0, ≤ 1 | `0.8` | decide | least Jaccard similarity of the shingle sets of a match; verified"
    assert row in section(reference(), "## Step `deduped`")


def test_every_key_has_a_description() -> None:
    rows = [row.removesuffix(" |").split(" | ") for row in reference().splitlines() if row.startswith("| ")]
    heads: list[str] = []
    bare = []
    for row in rows:
        if row[0] == "| key":
            heads = row
        elif row[0] != "| ---" and (heads[-1] != "what it is" or not row[-1].strip()):
            bare.append(row)
    assert heads
    assert bare == []


def test_key_goes_by_the_name_that_a_recipe_writes() -> None:
    page = reference()
    assert "| `except` | list of string |" in page
    assert "except_" not in page


def test_inherited_key_of_a_source_is_told_once() -> None:
    assert section(reference(), "## Sources").count("| `shards` |") == 1


def test_bar_in_a_default_does_not_end_its_cell() -> None:
    assert r'| `separator` | string | `"<\|endoftext\|>"` |' in reference()


def test_table_in_the_readme_names_every_method_and_no_other() -> None:
    table = section((ROOT / "README.md").read_text(encoding="utf-8"), "## Methods")
    told = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", table, re.MULTILINE)
    named = [(stage, method) for stage, methods in method_names().items() for method in methods]
    assert sorted(told) == sorted(named)


def test_rule_in_the_readme_works_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "shouting.py").write_text(next(block for block in blocks if "class Shouting" in block))
    monkeypatch.syspath_prepend(str(tmp_path))
    (step,) = Filtered.model_validate({"rules": [{"method": "shouting:Shouting", "max_capitals": 0.2}]}).steps()
    assert isinstance(step.rule, Rule)
    assert step.rule.signals(pl.DataFrame({"text": ["HALF half", "none"]}))["capitals"].round(2).to_list() == [0.44, 0.0]
    assert step.rule.limits() == (Limit(signal="capitals", maximum=0.2),)
