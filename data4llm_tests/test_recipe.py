from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from data4llm_assets.extracted_text.auto import Auto
from data4llm_assets.extracted_text.blocks import Blocks
from data4llm_assets.extracted_text.stage import ExtractedText
from data4llm_assets.recipe import RecipeError, load_recipe, shipped_recipes


def refused(tmp_path: Path, text: str) -> str:
    file = tmp_path / "recipe.yaml"
    file.write_text(text)
    with pytest.raises(RecipeError) as caught:
        load_recipe(file)
    return str(caught.value).replace(str(tmp_path) + "/", "")


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize("name", ["sample", "micro", "deduplication", "extraction", "common_crawl"])
def test_shipped_recipes_load(name: str) -> None:
    assert name in shipped_recipes()
    assert load_recipe(name).corpus == name


def test_a_mistyped_key_is_named_with_file_line_and_suggestion(tmp_path: Path, micro_text: str) -> None:
    text = micro_text.replace("min_words: 50", "min_word: 50")
    message = refused(tmp_path, text)
    assert message.startswith(f"recipe.yaml:{line_of(text, 'min_word:')}: ")
    assert "min_word" in message
    assert "did you mean 'min_words'?" in message


def test_a_mistyped_source_key_is_named(tmp_path: Path, micro_text: str) -> None:
    text = micro_text.replace("    domain: code", "    domian: code")
    message = refused(tmp_path, text)
    assert f"recipe.yaml:{line_of(text, 'domian')}: sources.code.domian: there is no such key; did you mean 'domain'?" in message
    assert "sources.code.domain: this key is required" in message


def test_an_unknown_stage_is_named_with_those_there_are(tmp_path: Path, micro_text: str) -> None:
    text = micro_text.replace("stage: deduped", "stage: dedupped")
    message = refused(tmp_path, text)
    assert f"recipe.yaml:{line_of(text, 'dedupped')}" in message or "recipe.yaml:" in message
    assert "did you mean 'deduped'?" in message


def test_a_value_out_of_range_is_named(tmp_path: Path, micro_text: str) -> None:
    text = micro_text.replace("keep: 0.9", "keep: 1.9")
    message = refused(tmp_path, text)
    assert f"recipe.yaml:{line_of(text, 'keep: 1.9')}" in message or "keep" in message


def test_weights_that_do_not_sum_to_one_are_refused(tmp_path: Path, micro_text: str) -> None:
    assert "sum to 1" in refused(tmp_path, micro_text.replace("reference: 0.30", "reference: 0.40"))


def test_two_steps_of_one_name_are_refused(tmp_path: Path, micro_text: str) -> None:
    text = micro_text.replace("  - stage: selected", "  - stage: filtered\n  - stage: selected")
    assert "two steps are called 'filtered'" in refused(tmp_path, text)


def test_retention_of_an_unknown_step_is_refused(tmp_path: Path, micro_text: str) -> None:
    message = refused(tmp_path, micro_text.replace("  selected: {min: 0.3", "  selectd: {min: 0.3"))
    assert "'selectd'" in message
    assert "did you mean 'selected'?" in message


def test_broken_yaml_says_where(tmp_path: Path) -> None:
    assert refused(tmp_path, "corpus: x\nsources: [\n").startswith("recipe.yaml:3: not valid YAML")


def test_an_empty_file_and_an_unknown_name_are_refused(tmp_path: Path) -> None:
    assert "a recipe is a mapping" in refused(tmp_path, "")
    with pytest.raises(RecipeError, match=r"no recipe 'sampel'.*did you mean 'sample'"):
        load_recipe("sampel")


def test_relative_paths_count_from_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(
        "corpus: c\nsources:\n  a: {kind: files, path: data, domain: web}\nsteps: [{stage: raw_crawl}, {stage: extracted_text}]\n"
    )
    assert load_recipe(tmp_path / "recipe.yaml").sources["a"].path == str(tmp_path / "data")


OPERATION = """\
corpus: c
sources:
  a: {kind: files, path: data, domain: web}
  own: {kind: installed_python, part: docs, domain: documentation}
steps: [{stage: raw_crawl}, {stage: extracted_text}]
"""


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ("schedules: {refresh: 0 3 * *}", "schedules.refresh: a cron expression has five fields"),
        ("schedules: {deliver: 0 25 * * 0}", "schedules.deliver: '25' is no hour of a cron expression: numbers from 0 to 23"),
        ("schedules: {deliver: 0 3 * * moon}", "'moon' is no day of the week"),
        ("schedules: {timezone: Mars/Olympus}", "there is no time zone 'Mars/Olympus'"),
        ("schedule: 0 3 * * *", "schedule: there is no such key; did you mean 'schedules'?"),
        ("watch: {sources: [b]}", "watch names a source 'b' that the recipe does not have"),
        ("watch: {sources: [own]}", "watch names the source 'own', which fetches or writes its own files"),
        ("compute: {pools: {language_model: 1}}", "compute.pools limits 'language_model', which no step needs; steps need: none"),
        ("alerts: {email: {server: s, sender: a@b, to: [c@d], user: me}}", "a login takes both"),
        (
            "alerts: {email: {server: s, sender: a@b, to: [c@d], user: me, password_env: P, security: none}}",
            "a password is not sent in the clear",
        ),
    ],
)
def test_mistakes_in_how_a_corpus_is_run_are_named(tmp_path: Path, added: str, told: str) -> None:
    message = refused(tmp_path, OPERATION + added)
    assert told in message
    # What concerns two keys is told of the recipe as a whole.
    assert message.startswith(("recipe.yaml:6: ", "recipe.yaml:1: recipe: "))


@pytest.mark.parametrize("cron", ["0 3 * * *", "*/15 0-6,22 1 jan,jul mon-fri", "5 4 * * 7"])
def test_cron_expressions_are_taken_as_they_are(tmp_path: Path, cron: str) -> None:
    (tmp_path / "recipe.yaml").write_text(f"{OPERATION}schedules: {{refresh: '{cron}'}}\n")
    assert load_recipe(tmp_path / "recipe.yaml").schedules.refresh == cron


@pytest.mark.parametrize(
    ("channel", "told"),
    [
        ("webhook: {url: https://hooks.example.org/SECRETq7}", "put the url into an environment variable"),
        ("webhook: {url_env: https://hooks.example.org/SECRETq7}", "this is the name of an environment variable"),
        ("email: {server: s, sender: a@b, to: [c@d], user: me, password: SECRETq7}", "its name here, as `password_env`"),
        ("email: {server: s, sender: a@b, to: [c@d], user: me, password_env: SECRETq7}", "never the secret itself"),
    ],
)
def test_a_secret_in_a_recipe_is_refused_and_not_repeated(tmp_path: Path, channel: str, told: str) -> None:
    message = refused(tmp_path, f"{OPERATION}alerts: {{{channel}}}")
    assert told in message
    assert "SECRETq7" not in message


EXTRACTION = """\
corpus: c
sources:
  pages: {{kind: files, path: data, domain: web}}
steps:
  - stage: raw_crawl
  - stage: extracted_text
    html: {{method: blocks, model: all.model}}
    sources:
      {source}: {{{kind}: {{method: auto, model: models/own.model}}}}
"""


def test_a_source_that_is_extracted_otherwise_has_to_be_there(tmp_path: Path) -> None:
    message = refused(tmp_path, EXTRACTION.format(source="page", kind="html"))
    assert "extracted_text extracts a source 'page' otherwise that the recipe does not have; did you mean 'pages'?" in message
    message = refused(tmp_path, EXTRACTION.format(source="pages", kind="htm"))
    assert message.startswith("recipe.yaml:9: ")
    assert "there is no such key; did you mean 'html'?" in message


def test_model_files_of_extraction_count_from_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(EXTRACTION.format(source="pages", kind="html"))
    section = load_recipe(tmp_path / "recipe.yaml").steps[1]
    assert isinstance(section, ExtractedText)
    assert isinstance(section.html, Blocks)
    assert section.html.model == str(tmp_path / "all.model")
    own = section.of_source("pages").html
    assert isinstance(own, Auto)
    assert own.model == str(tmp_path / "models" / "own.model")


def test_media_types_of_a_source_join_those_of_the_section() -> None:
    own = {"plain": None, "media_types": {"text/x-wiki": "markdown"}}
    section = ExtractedText.model_validate({"media_types": {"text/x-log": "code"}, "sources": {"pages": own}})
    assert section.of_source("others").media_types == {"text/x-log": "code"}
    assert section.of_source("pages").media_types == {"text/x-log": "code", "text/x-wiki": "markdown"}
    assert (section.of_source("pages").plain, section.of_source("pages").html) == (None, section.html)


def test_reading_a_recipe_and_its_models_digests_loads_no_compiler() -> None:
    program = (
        "import sys, data4llm_assets.commands.main; from data4llm_assets.recipe import find_recipe, load_recipe\n"
        "steps = load_recipe(find_recipe('extraction')).steps\n"
        "print(len([each for own in steps[1].sources.values() for each in own.html.models()]))\n"
        "print(sorted({'numba', 'resiliparse', 'trafilatura'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["3", "[]"]
