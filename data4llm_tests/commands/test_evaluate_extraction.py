from __future__ import annotations

import gzip
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from data4llm_assets.commands.main import app
from data4llm_assets.commands.options import out
from data4llm_assets.evaluation import engines
from data4llm_assets.evaluation.labelled_pages import part
from data4llm_assets.extracted_text.extraction import Extracted, Extraction, Refused
from data4llm_assets.method import ModelUnavailable
from data4llm_assets.raw_crawl.source import Record

TRUE = "The main text of this page."


class Marked(Extraction):
    """What stands between tags `main` is the text."""

    method: str = "marked"
    menu: bool = False

    def extract(self, payload: bytes, record: Record) -> Extracted | Refused:
        before, _, rest = payload.decode().partition("<main>")
        found = rest.partition("</main>")[0]
        if not found:
            return Refused("extracted_text.empty", "no main text")
        return Extracted(before + found if self.menu else found)


class Missing(Extraction):
    method: str = "missing"

    def extract(self, payload: bytes, record: Record) -> Extracted | Refused:
        raise ModelUnavailable("missing", "package", "weights", "somehow", "another")


MARKED, MENU, MISSING = f"{__name__}:Marked", f"{__name__}:Marked:menu=true", f"{__name__}:Missing"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "pages").mkdir()
    for number in range(8):
        name, kind = f"page-{number}", "forum" if number % 2 else "article"
        put = "" if number == 7 else f"<main>{TRUE}</main>"
        (tmp_path / "pages" / f"{name}.html").write_text(f"<title>Page {number}</title>Menu and more {put}")
        (tmp_path / "pages" / f"{name}.txt").write_text(TRUE)
        about = {"url": f"https://site-{number}.org/", "page_type": kind, "title": f"page {number}", "without": ["menu and"]}
        (tmp_path / "pages" / f"{name}.json").write_text(json.dumps(about))
    return tmp_path


def run(*arguments: str, expect: int = 0) -> str:
    done = CliRunner().invoke(app, ["evaluate", "extraction", *arguments], catch_exceptions=False)
    assert done.exit_code == expect, done.output
    return done.output if expect == 2 else done.stdout


def told(*arguments: str) -> list[dict[str, Any]]:
    return list(json.loads(run(*arguments, "--json")))


def test_json_holds_every_figure(folder: Path) -> None:
    named = ("--engine", MARKED, "--engine", MENU, "--engine", MISSING)
    (found,) = told("--pages", "pages", *named, "--baseline", MENU, "--worst", "1")
    assert set(found) == {
        "folder", "layout", "part", "pages", "baseline", "engines", "unavailable", "metadata", "bars", "worst"
    }  # fmt: skip
    assert (found["folder"], found["layout"], found["part"], found["pages"], found["baseline"]) == ("pages", "own", "all", 8, MENU)
    marked, menu = found["engines"]
    assert (marked["engine"], menu["engine"]) == (MARKED, MENU)
    assert marked["f1"] == {"all pages": 7 / 8, "article": 1, "not articles": 3 / 4, "forum": 3 / 4}
    assert (marked["precision"], marked["recall"], marked["found"], marked["leaked"]) == (7 / 8, 7 / 8, None, 0)
    assert (menu["leaked"], marked["failures"]) == (7 / 8, {"extracted_text.empty": 1})
    assert marked["pages_per_second"] / menu["pages_per_second"] == pytest.approx(marked["times"])
    interval = marked["differences"]["all pages"]
    assert 0 < interval["low"] < interval["difference"] < interval["high"]
    assert menu["differences"]["forum"] == {"difference": 0, "low": 0, "high": 0}
    assert found["unavailable"] == {MISSING: str(ModelUnavailable("missing", "package", "weights", "somehow", "another"))}
    assert found["metadata"] == [{"field": "title", "pages": 8, "equal": 8, "missing": 0}]
    assert [bar["met"] for bar in found["bars"]] == [None] * 6
    worst = {"f1": 0, "baseline": 0, "page_type": "forum", "name": "page-7", "url": "https://site-7.org/"}
    assert found["worst"] == {MARKED: [worst], MENU: [worst]}


def test_tables_for_people(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # On a narrow screen a long name is folded.
    monkeypatch.setattr(out, "width", 200)
    shown = run("--pages", "pages", "--engine", MARKED, "--engine", MISSING, "--baseline", MENU)
    assert "pages (own): 8 pages of 8 sites" in shown
    rows = [line.split()[1:] for line in shown.splitlines() if line.startswith(f"{MARKED} ") and "gives" not in line]
    assert rows[0][:4] == ["0.875", "0.875", "0.875", "+0.322"]
    assert rows[1][:2] == ["·", "0.0%"]
    assert rows[2] == ["1.000", "0.750", "0.750"]
    assert "F1 by type of page" in shown
    assert f"{MARKED} gives no text: extracted_text.empty 1" in shown
    assert f"{MISSING} cannot run here: missing needs the package" in shown
    assert "title, as the pages say it: 100.0% of 8 right, 0.0% not found" in shown
    assert "· auto: F1 0.040 above that of trafilatura (target): not measured: auto did not run" in shown
    assert "worst" not in shown


def test_on_a_narrow_screen_nothing_is_cut(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(out, "width", 80)
    precise = "trafilatura:mode=precision"
    shown = run("--pages", "pages", "--engine", precise, "--engine", "raw", "--baseline", precise)
    assert "…" not in shown
    first = next(line for line in shown.splitlines() if line.startswith(f"{precise} "))
    assert len(first.split()) == 5


def test_the_table_for_a_readme(folder: Path) -> None:
    head, rule, *rows = run("--pages", "pages", "--engine", MARKED, "--baseline", MENU, "--markdown").splitlines()
    heads = "engine | F1 | precision | recall | articles | not articles | forum | with found | without leaked | pages/s | × "
    assert head.startswith(f"| {heads}")
    assert rule == "| --- |" + " --: |" * (head.count("|") - 2)
    assert [row.split(" | ")[0] for row in rows] == [f"| `{MARKED}`", f"| `{MENU}`"]
    assert all(row.count("|") == head.count("|") for row in rows)


def test_the_worst_pages_are_those_of_the_named_engines_or_of_the_best(folder: Path) -> None:
    shown = run("--pages", "pages", "--engine", MENU, "--baseline", MARKED, "--worst", "2")
    assert [line for line in shown.splitlines() if line.startswith("the worst")] == [f"the worst pages of {MENU}"]
    assert "https://site-7.org/" in shown


def test_by_default_every_shipped_engine_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "shipped", lambda: ["trafilatura", MARKED])
    (found,) = told("--pages", "pages", "--worst", "1")
    assert [each["engine"] for each in found["engines"]] == [MARKED, "trafilatura"]
    assert list(found["worst"]) == [MARKED]


def test_folders_are_evaluated_apart_and_drawn_together(folder: Path) -> None:
    other = folder / "wcxb"
    for name in ("html", "ground-truth"):
        (other / name).mkdir(parents=True)
    (other / "html" / "1.html.gz").write_bytes(gzip.compress(b"<main>a b</main>"))
    truth = {"main_content": "a", "title": "A"}
    annotation = {"url": "https://example.org", "ground_truth": truth, "_internal": {"page_type": {"primary": "article"}}}
    (other / "ground-truth" / "1.json").write_text(json.dumps(annotation))
    arguments = ("--pages", "pages", "--pages", "wcxb", "--engine", MARKED, "--baseline", MENU, "--plot", "plot.svg")
    first, second = told(*arguments)
    assert (first["layout"], second["layout"]) == ("own", "wcxb")
    assert (first["pages"], second["pages"]) == (8, 1)
    root = ElementTree.parse(folder / "plot.svg").getroot()
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"pages: 8 pages", "wcxb: 1 pages"} < set(texts)
    assert texts.count(MARKED) == texts.count(MENU) == 2


def test_parts_share_no_site(folder: Path) -> None:
    arguments = ("--pages", "pages", "--engine", MARKED, "--baseline", MARKED, "--part")
    counts = {name: told(*arguments, name)[0]["pages"] for name in ("all", "develop", "report")}
    develop = sum(part(f"site-{number}.org") == "develop" for number in range(8))
    assert counts == {"all": 8, "develop": develop, "report": 8 - develop}
    for number in range(8):
        if part(f"site-{number}.org") == "report":
            for suffix in ("html", "txt", "json"):
                (folder / "pages" / f"page-{number}.{suffix}").unlink()
    with pytest.raises(LookupError, match=f"none of the {develop} pages of pages is in the part 'report'"):
        run(*arguments, "report")


def test_bars_decide_the_exit_status_only_if_asked(folder: Path) -> None:
    run("--pages", "pages", "--engine", MARKED, "--baseline", MARKED)
    run("--pages", "pages", "--engine", MARKED, "--baseline", MARKED, "--bars", expect=1)


def test_bars_that_are_met_are_status_zero(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from data4llm_assets.evaluation import extraction_bars

    met = [extraction_bars.Bar("asked", "measured", True)]
    monkeypatch.setattr(extraction_bars, "bars", lambda layout, summaries: met)
    assert "✓ asked: measured" in run("--pages", "pages", "--engine", MARKED, "--baseline", MARKED, "--bars")
    met.append(extraction_bars.Bar("more", "less", False))
    assert "✗ more: less" in run("--pages", "pages", "--engine", MARKED, "--baseline", MARKED, "--bars", expect=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Missing option '--pages'"),
        (("--pages", "nowhere"), "does not exist"),
        (("--pages", "pages", "--part", "some"), "is not one of"),
        (("--pages", "pages", "--engine", "autp"), "no method is called 'autp'"),
        (("--pages", "pages", "--baseline", "autp"), "no method is called 'autp'"),
        (("--pages", "pages", "--engine", "trafilatura:mode=best"), "mode: Input should be"),
        (("--pages", "broken", "--engine", MARKED), "a.json: Invalid JSON"),
    ],
)
def test_wrong_use_is_status_two(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    (folder / "broken").mkdir()
    for name, content in {"a.html": "x", "a.txt": "x", "a.json": "{"}.items():
        (folder / "broken" / name).write_text(content)
    shown = run(*arguments, expect=2)
    assert message in " ".join(shown.replace("│", " ").split())


def test_a_folder_without_pages_is_status_two(folder: Path) -> None:
    (folder / "empty").mkdir()
    command = [sys.executable, "-m", "data4llm_assets.commands.main", "evaluate", "extraction", "--pages", "empty"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("empty holds no labelled pages")


def test_dagster_is_not_imported(folder: Path) -> None:
    program = (
        "import sys; from data4llm_assets.commands.main import app\n"
        "app(['evaluate', 'extraction', '--pages', 'pages', '--engine', 'trafilatura'], standalone_mode=False)\n"
        "print(sorted({'dagster', 'great_expectations'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_known_pages(folder: Path, evaluation_data: Path) -> None:
    few = folder / "few"
    for name in ("html", "ground-truth"):
        (few / name).mkdir(parents=True)
    for truth in sorted((evaluation_data / "wcxb" / "ground-truth").glob("*.json"))[::30]:
        (few / "ground-truth" / truth.name).write_bytes(truth.read_bytes())
        page = evaluation_data / "wcxb" / "html" / f"{truth.stem}.html.gz"
        (few / "html" / page.name).write_bytes(page.read_bytes())
    (found,) = told("--pages", "few", "--engine", "trafilatura", "--engine", "resiliparse")
    by_name = {each["engine"]: each for each in found["engines"]}
    assert found["pages"] == 10
    assert all(0.6 < each["f1"]["all pages"] < 1 for each in by_name.values())
    assert by_name["trafilatura"]["differences"]["all pages"] == {"difference": 0, "low": 0, "high": 0}
