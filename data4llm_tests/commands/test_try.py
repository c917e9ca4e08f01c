from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from data4llm_assets.commands.main import app
from data4llm_assets.commands.options import out
from data4llm_assets.corpus import Corpus

LETTER = """Dear neighbours,
in the first week of March the people of the lower town will have their water turned off for three mornings.
Workers need to lay new pipes under the market square, and they told us that it cannot be done at night.
Please fill a few bottles on the evening before.
Children can go to school as usual, with the older ones walking along the river instead of over the bridge.
Whoever cannot carry water should call the office, and somebody will come by.
On Sunday a small fair opens in the old brewery: cheese, honey, second-hand bicycles, and a choir from over the hills."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path


def told(*arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["try", *arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


def verdicts(report: dict[str, Any], step: str) -> dict[str, dict[str, Any]]:
    return {each["rule"]: each for found in report["steps"] if found["step"] == step for each in found["verdicts"]}


def test_every_step_of_the_recipe_speaks_in_order(folder: Path) -> None:
    (folder / "a.md").write_text(LETTER)
    report = told("a.md", "--recipe", "micro")
    assert [step["step"] for step in report["steps"]] == [step.name for step in Corpus("micro", folder / "store").recipe.steps]


def test_a_step_sees_the_text_as_the_one_before_left_it(folder: Path) -> None:
    (folder / "a.html").write_text(f"<html><body><article><p>{LETTER} Write to me@my.org now.</p></article></body></html>")
    report = told("a.html", "--recipe", "micro")
    extracted = next(step["text"] for step in report["steps"] if step["step"] == "extracted_text")
    assert "<" not in extracted
    assert "me@my.org" in extracted
    filtered = next(step["text"] for step in report["steps"] if step["step"] == "filtered")
    assert filtered == extracted.replace("me@my.org", "email@example.com")


def page(folder: Path, links: int) -> None:
    menu = "".join(f"<li><a href=/{number}>Section {number}</a></li>" for number in range(links))
    (folder / "a.html").write_text(
        f"<body><nav class=menu><ul>{menu}</ul></nav><main><article><p>{LETTER}</p></article></main></body>"
    )


def test_the_blocks_of_a_page_are_told_with_how_probable_each_is(folder: Path) -> None:
    page(folder, 3)
    (step,) = [step for step in told("a.html", "--recipe", "micro")["steps"] if step["step"] == "extracted_text"]
    assert [(block["text"].split(",")[0], block["place"], block["kept"]) for block in step["blocks"]] == [
        *((f"Section {number}", "nav › ul › li", False) for number in range(3)),
        ("Dear neighbours", "main › article › p", True),
    ]
    assert 0 < step["blocks"][0]["score"] < step["blocks"][3]["score"] < 1
    assert all("blocks" not in other for other in told("a.html", "--recipe", "micro")["steps"] if other["step"] != "extracted_text")
    (folder / "a.md").write_text(LETTER)
    assert all("blocks" not in step for step in told("a.md", "--recipe", "micro")["steps"])


@pytest.mark.parametrize(("links", "lines"), [(8, 8), (9, 8), (1_200, 8)])
def test_long_runs_of_blocks_that_went_are_cut_in_the_middle(
    folder: Path, monkeypatch: pytest.MonkeyPatch, links: int, lines: int
) -> None:
    # Else it is as wide as the terminal that the tests are started from.
    monkeypatch.setattr(out, "width", 100)
    page(folder, links)
    shown = CliRunner().invoke(app, ["try", "a.html", "--recipe", "micro"], catch_exceptions=False).output
    assert "blocks, as they were judged" in shown
    assert shown.count("✗ 0.0") == lines
    assert "nav › ul › li" in shown
    assert re.search(r"✓ 0\.\d\d +main › article › p +Dear neighbours, in the first week .*…$", shown, re.MULTILINE)
    assert ("more that went" in shown) == (links > 8)
    if links > 8:
        assert f"… {links - 8:,} more that went" in shown
        assert f"Section {links - 1}" in shown


def test_what_stays_ends_in_tokens(folder: Path) -> None:
    (folder / "a.md").write_text(LETTER)
    end = told("a.md", "--recipe", "micro")["end"]
    assert end["kept"]
    assert 120 < end["tokens"] < 180


def test_what_would_be_dropped_names_the_rule_the_value_and_the_limit(folder: Path) -> None:
    (folder / "a.txt").write_text(" ".join(LETTER.split()[:45]))
    end = told("a.txt", "--recipe", "micro")["end"]
    assert (end["step"], end["rule"], end["value"], end["limit"]) == ("filtered", "gopher_quality.words", 45.0, "50 to 100,000")


def test_edits_are_shown_as_changed_words(folder: Path) -> None:
    (folder / "a.txt").write_text(LETTER + "\nWrite to me@my.org or not.")
    shown = CliRunner().invoke(app, ["try", "a.txt", "--recipe", "micro"], catch_exceptions=False).output
    assert "[-me@my.org-]{+email@example.com+}" in shown
    assert "On Sunday a small fair opens" in shown


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_a_file_of_many_records_gives_the_one_that_is_asked_for(folder: Path, name: str) -> None:
    rows = [{"body": f"{LETTER} {number}", "url": f"https://a.org/{number}"} for number in range(3)]
    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    (folder / name).write_bytes(gzip.compress(lines) if name.endswith(".gz") else lines)
    assert told(name, "--recipe", "micro")["document"]["record"] == f"{name}#line/1"
    report = told(name, "--recipe", "micro", "--record", "3")
    assert report["document"]["record"] == f"{name}#line/3"
    assert "text: body" in report["document"]["read as"]


def test_more_records_than_there_are_is_wrong_use(folder: Path) -> None:
    (folder / "a.txt").write_text(LETTER)
    with pytest.raises(LookupError, match="fewer than 2 records"):
        told("a.txt", "--recipe", "micro", "--record", "2")


def test_a_file_of_a_source_is_read_as_that_source(folder: Path, micro_text: str) -> None:
    (folder / "notes").mkdir()
    (folder / "notes" / "a.md").write_text(LETTER)
    own = "sources:\n  notes: {kind: files, path: notes, domain: notes, license: MIT}\n"
    (folder / "recipe.yaml").write_text(micro_text.replace("sources:\n", own, 1))
    document = told("notes/a.md")["document"]
    assert (document["source"], document["domain"], document["record"]) == ("notes", "notes", "a.md")


def test_a_file_can_be_read_as_a_source_it_does_not_belong_to(folder: Path) -> None:
    (folder / "a.py").write_text("x = 1\n" * 60)
    assert verdicts(told("a.py", "--recipe", "micro", "--source", "code"), "filtered")["gopher_quality"]["action"] == "info"
    with pytest.raises(LookupError, match="did you mean 'code'"):
        told("a.py", "--recipe", "micro", "--source", "cod")


def test_what_is_no_text_ends_where_it_is_read(folder: Path) -> None:
    (folder / "a.pdf").write_bytes(b"%PDF-1.7 and so on")
    report = told("a.pdf", "--recipe", "micro")
    assert report["end"]["rule"] == "raw_crawl.skipped"
    assert [step["step"] for step in report["steps"]] == ["raw_crawl"]


def test_a_page_in_another_charset_is_read_right(folder: Path) -> None:
    page = f'<html><head><meta charset="iso-8859-1"></head><body><article><p>Café für alle. {LETTER}</p></article></body></html>'
    (folder / "a.html").write_bytes(page.encode("latin-1"))
    assert "Café für alle." in told("a.html", "--recipe", "micro")["steps"][1]["text"]


def test_a_stored_document_is_shown_with_what_was_decided_about_it(folder: Path, micro_store: Path) -> None:
    where = ("--recipe", "micro", "--store", str(micro_store))
    dropped = Corpus("micro", micro_store).decisions("deduped", rule="minhash")["doc_id"][0]
    report = told(dropped[:12], *where)
    assert report["document"]["doc_id"] == dropped
    assert report["recorded"][0]["step"] == "deduped"
    assert report["steps"][0]["step"] == "deduped"
    assert (report["end"]["step"], report["end"]["rule"]) == ("deduped", report["recorded"][0]["rule"])


def test_steps_say_of_a_stored_document_what_they_did(folder: Path, micro_store: Path) -> None:
    corpus = Corpus("micro", micro_store)
    packed = corpus.read("mixed", columns=["doc_id"])["doc_id"][0]
    report = told(packed, "--recipe", "micro", "--store", str(micro_store))
    assert report["end"]["kept"]
    assert verdicts(report, "mixed")["mixed.budget"]["value"] >= 1


def test_an_ambiguous_id_lists_candidates(folder: Path, micro_store: Path) -> None:
    with pytest.raises(LookupError, match="beginning of several ids:\n  a"):
        told("a", "--recipe", "micro", "--store", str(micro_store))


def test_what_is_neither_file_nor_document_is_wrong_use(folder: Path, micro_store: Path) -> None:
    with pytest.raises(LookupError, match="is no file, and no document"):
        told("nothing.txt", "--recipe", "micro")
    with pytest.raises(LookupError, match="no document's id begins with"):
        told("0123456789abcdef0123456789abcdef", "--recipe", "micro", "--store", str(micro_store))
