from __future__ import annotations

import gzip
import json
import random
import re
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from typer.testing import CliRunner

from data4llm_assets.commands.main import app
from data4llm_assets.commands.page import written
from data4llm_assets.corpus import Corpus
from data4llm_assets.engine.snapshots import list_files
from data4llm_assets.recipe import Recipe, load_recipe

VOCABULARY = (
    "the of and to that with have be people town dog river house garden winter market letter road child window horse story "
    "field bridge morning evening teacher kitchen mountain village water paper music summer island forest shoulder journey"
)
WORDS = VOCABULARY.split()


def prose(number: int) -> str:
    """English words in a drawn order: nothing repeats much."""
    draw = random.Random(number)
    return "\n".join(" ".join(draw.choices(WORDS, k=12)).capitalize() + "." for _ in range(12))


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path / "data"


def put(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def rows(path: Path, lines: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def init(*arguments: str, expect: int = 0) -> Result:
    done = CliRunner().invoke(app, ["init", *arguments])
    assert done.exit_code == expect, done.output
    return done


def proposed(data: Path) -> Recipe:
    init(str(data))
    return load_recipe("recipe.yaml")


def listed(recipe: Recipe) -> dict[str, list[str]]:
    return {name: sorted(file.path for file in list_files(name, source, None)) for name, source in recipe.sources.items()}


def test_top_level_subfolders_become_sources(data: Path) -> None:
    put(data, web__a_dot_html="<html><body><p>" + prose(1), books__a_dot_txt=prose(2), books__b_dot_txt=prose(3))
    rows(data / "forum" / "posts.jsonl", [{"id": i, "body": prose(i), "url": f"https://a.org/{i}"} for i in range(30)])
    recipe = proposed(data)
    assert {name: (source.kind, source.domain) for name, source in recipe.sources.items()} == {
        "web": ("files", "web"), "books": ("files", "books"), "forum": ("jsonl", "forums"),
    }  # fmt: skip
    assert recipe.sources["forum"].fields.model_dump(exclude_none=True) == {"text": "body", "id": "id", "url": "url", "meta": ()}


def test_a_mixed_folder_gives_one_source_per_kind_and_no_file_is_read_twice(data: Path) -> None:
    put(data, a_dot_html="<html><body><p>" + prose(1), b_dot_txt=prose(2), d__e_dot_md=prose(3))
    put(data, c_dot_py="x = 1\n", Makefile="all:\n")
    assert listed(proposed(data)) == {
        "code": ["Makefile", "c.py"], "documentation": ["d/e.md"], "text": ["b.txt"], "web": ["a.html"],
    }  # fmt: skip


def test_a_project_is_one_source_of_code_without_rules_for_prose(data: Path) -> None:
    put(data, app__a_dot_py="def f():\n    return 1\n", other__b_dot_py="y = 2\n", __pycache____c_dot_py="z = 3\n")
    recipe = proposed(data)
    assert listed(recipe) == {"code": ["app/a.py", "other/b.py"]}
    filtered = next(step for step in recipe.steps if step.stage == "filtered")
    assert [step.name for step in filtered.steps()] == ["email", "public_ip"]


def test_the_longest_string_column_is_the_text(data: Path) -> None:
    data.mkdir()
    lines = {
        "key": [f"k{i}" for i in range(40)],
        "summary": ["short"] * 40,
        "story": [prose(i) for i in range(40)],
        "lang": ["en"] * 40,
        "link": [f"https://a.org/{i}" for i in range(40)],
    }
    pl.DataFrame(lines).write_parquet(data / "a.parquet")
    source = proposed(data).sources["parquet"]
    assert source.fields.model_dump(exclude_none=True) == {"text": "story", "url": "link", "language": "lang", "meta": ()}
    assert "# the longest string column" in Path("recipe.yaml").read_text()


def test_a_column_of_pages_is_extracted_as_html(data: Path) -> None:
    rows(data / "pages.jsonl.gz", [{"html": f"<!doctype html><html><body><p>{prose(i)}</p></body></html>"} for i in range(5)])
    assert proposed(data).sources["jsonl"].media_type == "text/html"


def test_json_lines_are_known_by_what_is_in_them(data: Path) -> None:
    rows(data / "c4.json", [{"text": prose(i)} for i in range(5)])
    recipe = proposed(data)
    assert recipe.sources["jsonl"].kind == "jsonl"
    assert listed(recipe) == {"jsonl": ["c4.json"]}


def test_languages_that_were_seen_are_kept_and_english_stop_words_are_not_asked_of_them(data: Path) -> None:
    german = "Die Leute in der Stadt gehen jeden Tag mit ihren Hunden spazieren, und das gefällt ihnen sehr. "
    rows(data / "a.jsonl", [{"text": german * 3 + str(number)} for number in range(20)])
    recipe = proposed(data)
    rules = {step.name: step.rule for step in next(step for step in recipe.steps if step.stage == "filtered").steps()}
    assert rules["language"].languages == ("de",)
    assert rules["gopher_quality"].min_stop_words is None


def test_a_readme_beside_tables_is_no_source(data: Path) -> None:
    rows(data / "a.jsonl", [{"text": prose(i)} for i in range(60)])
    put(data, README_dot_md="# A data set")
    assert list(proposed(data).sources) == ["jsonl"]


def test_a_single_file_is_a_source(data: Path) -> None:
    rows(data / "a.jsonl", [{"text": prose(i)} for i in range(3)])
    init(str(data / "a.jsonl"))
    assert listed(load_recipe("recipe.yaml")) == {"jsonl": ["a.jsonl"]}


def test_code_is_excepted_from_rules_for_prose(data: Path) -> None:
    put(data, a_dot_txt=prose(1), b_dot_py="x = 1\n" * 50)
    steps = next(step for step in proposed(data).steps if step.stage == "filtered").steps()
    code = pl.DataFrame({"domain": ["code"], "source": ["code"], "media_type": ["text/x-source"]})
    assert [step.name for step in steps if code.select(step.applies()).item()] == ["email", "public_ip"]


def test_a_recipe_that_is_there_is_left_as_it_is(data: Path) -> None:
    put(data, a_dot_txt=prose(1))
    Path("recipe.yaml").write_text("mine")
    assert "left as it is" in init(str(data), expect=1).output
    assert Path("recipe.yaml").read_text() == "mine"
    init(str(data), "--force")
    assert load_recipe("recipe.yaml").corpus == "data"


@pytest.mark.parametrize("content", [b"%PDF-1.7 what", b""])
def test_where_there_is_no_text_no_recipe_is_written(data: Path, content: bytes) -> None:
    data.mkdir()
    (data / "a.pdf").write_bytes(content)
    assert "is text that a reader takes" in " ".join(init(str(data), expect=1).output.split())
    assert not Path("recipe.yaml").exists()


def test_a_path_that_is_not_there_is_wrong_use(data: Path) -> None:
    assert "there is no file or folder" in init(str(data), expect=2).output


def test_what_is_switched_off_works_when_it_is_switched_on(data: Path) -> None:
    put(data, a_dot_txt=prose(1), b_dot_md=prose(2))
    init(str(data))
    text = Path("recipe.yaml").read_text()
    on = re.sub(r"(?m)^( *)# (( *- | *)(?:[a-z_0-9]+:|- ?\{|method).*)$", r"\1\2", text)
    assert on != text
    Path("all.yaml").write_text(on)
    recipe = load_recipe("all.yaml")
    stages = ["raw_crawl", "extracted_text", "deduped", "filtered", "selected", "mixed", "synthesized", "packed"]
    assert [step.stage for step in recipe.steps] == stages
    recipe.graph()


def test_the_recipe_builds(data: Path) -> None:
    rows(data / "a.jsonl", [{"text": prose(i)} for i in range(30)])
    put(data, b_dot_py="def f():\n    return 1\n" * 10, **{f"{number}_dot_md": prose(number) for number in range(40, 50)})
    recipe = proposed(data)
    report = Corpus(recipe, "store").build()
    assert report.ok, [done.error for done in report.failures] + report.refused()


def test_it_is_told_what_the_rules_would_do_to_the_sample(data: Path) -> None:
    rows(data / "a.jsonl", [{"text": f"The people of the {word} are here with the dog."} for word in WORDS[8:21]])
    told = init(str(data)).output
    assert "of 13 sampled documents the rules would keep 0 (dropped: " in told
    assert "a run would be refused" in told


def test_json_says_what_was_guessed(data: Path) -> None:
    rows(data / "a.jsonl", [{"text": prose(i)} for i in range(3)])
    told = json.loads(init(str(data), "--json").stdout)
    assert told["recipe"] == "recipe.yaml"
    (source,) = told["sources"]
    assert source["fields"]["text"]["column"] == "text"
    assert source["fields"]["text"]["why"].startswith("the only string column")
    assert told["kept_of_sample"] == {"jsonl": {"documents": 3, "kept": 3, "reasons": {}}}


@settings(max_examples=60, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda values: st.lists(values, max_size=3)))
def test_values_are_read_back_as_they_were_written(value: object) -> None:
    assert YAML(typ="safe").load(f"key: {written(value)}")["key"] == value
