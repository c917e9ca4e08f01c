from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from data4llm_assets.commands.main import app
from data4llm_assets.corpus import Corpus
from data4llm_assets.deduped import shingles
from data4llm_assets.deduped.minhash import MinHash
from data4llm_assets.evaluation.dedup import Evaluation, evaluate, least_words
from data4llm_assets.evaluation.texts import corpus_texts, installed_texts, is_extracted

QUICK = MinHash(bands=10, rows=3, similarity=0.75)
RECIPE = """
corpus: toy
sources:
  web: {kind: jsonl, path: web, domain: web, license: MIT, shards: 2}
steps:
  - stage: raw_crawl
  - stage: extracted_text
  - stage: deduped
    methods: [{method: minhash, bands: 10, rows: 3, similarity: 0.75}]
  - {stage: deduped, name: again, methods: [{method: minhash, bands: 9, rows: 2}]}
compute: {workers: 1, memory: 1GB}
"""


def prose(number: int, words: int) -> str:
    draw = random.Random(number)
    return " ".join(f"{draw.getrandbits(12):x}" for _ in range(words))


def equal_multipliers(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    return np.full(count, 0x9E3779B97F4A7C15, np.uint64), np.full(count, seed, np.uint64)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def run(*arguments: str, expect: int = 0) -> str:
    done = CliRunner().invoke(app, ["evaluate", "dedup", *arguments], catch_exceptions=False)
    assert done.exit_code == expect, done.output
    return done.stdout


@pytest.fixture(scope="module")
def result() -> Evaluation:
    return evaluate(QUICK, pl.Series([prose(number, 650) for number in range(60)]))


def test_bins_reach_from_a_half_to_one(result: Evaluation) -> None:
    assert result.bins["from"].to_list() == [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]
    assert (result.bins["pairs"] >= 300).all()
    assert ((result.bins["similarity"] >= result.bins["from"]) & (result.bins["similarity"] <= result.bins["to"])).all()
    assert least_words(QUICK) == 205


def test_ours_and_datasketch_follow_theory(result: Evaluation) -> None:
    bins = result.bins
    assert bins["theory"].to_list() == pytest.approx([1 - (1 - s**3) ** 10 for s in bins["similarity"]], abs=0.005)
    assert (bins["difference"].abs() <= 0.05).all()
    assert ((bins["datasketch"] - bins["theory"]).abs() <= 0.06).all()
    assert result.failures == ()


def test_after_verification_nothing_unlike_is_dropped(result: Evaluation) -> None:
    bins, totals = result.bins, result.totals
    assert bins["dropped"].to_list()[:5] == [0] * 5
    assert bins["precision"].to_list() == [None] * 5 + [1.0] * 5
    assert bins.filter(pl.col("recall").is_not_null())["recall"].to_list() == bins["detected"].to_list()[5:]
    assert totals["dropped_precision"] == 1.0
    assert totals["detected_precision"] < 0.7 > totals["datasketch_precision"]
    assert totals["dropped_recall"] == totals["detected_recall"] > 0.99


def test_bad_hash_functions_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shingles, "permutations", equal_multipliers)
    failures = evaluate(QUICK, pl.Series([prose(number, 650) for number in range(60)])).failures
    assert re.fullmatch(r"of pairs from 0\.5 to 0\.55, 5\d\.\d% are found, and theory says 7\d\.\d%", failures[0])


def test_a_wrong_similarity_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MinHash, "similarities", lambda self, features, left, right: np.ones(len(left)))
    result = evaluate(QUICK, pl.Series([prose(number, 650) for number in range(60)]))
    assert result.totals["dropped"] == result.totals["detected"]
    (failure,) = result.failures
    assert re.fullmatch(r"\d\d\.\d\d% of the dropped texts are less similar than the threshold asks", failure)


@pytest.mark.parametrize("texts", [[], ["a few words"], [prose(0, 204)] * 200, [prose(0, 205)] * 99])
def test_too_few_words_are_no_evaluation(texts: list[str]) -> None:
    with pytest.raises(LookupError, match="passages of 205 words"):
        evaluate(QUICK, pl.Series(texts, dtype=pl.String))


def test_the_command_takes_settings_and_texts_from_a_corpus(folder: Path) -> None:
    (folder / "web").mkdir()
    for name in "abcdefgh":
        rows = "".join(json.dumps({"text": prose(ord(name) * 1000 + number, 700)}) + "\n" for number in range(10))
        (folder / "web" / f"{name}.jsonl").write_text(rows)
    report = Corpus("recipe.yaml", "store").build()
    assert report.ok
    told: dict[str, Any] = json.loads(run("recipe.yaml", "--store", "store", "--texts", "50", "--json"))
    assert set(told) == {"method", "settings", "texts", "origin", "seed", "bins", "totals", "failures"}
    assert told["method"] == {"method": "minhash", **QUICK.parameters()}
    assert (told["settings"], told["texts"], told["origin"]) == ("deduped of toy", 50, "texts of toy")
    assert (len(told["bins"]), told["totals"]["passages"], told["failures"]) == (10, 150, [])
    assert json.loads(run("recipe.yaml", "--store", "store", "--step", "again", "--json"))["method"]["bands"] == 9
    with pytest.raises(LookupError, match="no step 'agian' with minhash; there are: deduped, again"):
        run("recipe.yaml", "--step", "agian")


def test_a_corpus_that_is_not_built_is_evaluated_on_installed_texts(folder: Path) -> None:
    shown = run("recipe.yaml", "--store", "store", "--texts", "120")
    assert "pairs in 120 texts of installed packages (toy is not built)" in shown
    assert "minhash (deduped of toy): unit words, ngram 5, bands 10, rows 3, similarity 0.75" in shown
    assert "✓ within 0.05 of theory in every bin; whatever was dropped is similar enough" in shown
    assert shown == run("recipe.yaml", "--store", "store", "--texts", "120")


def test_the_exit_status_is_one_if_something_is_wrong(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shingles, "permutations", equal_multipliers)
    assert "✗ of pairs from 0.5 to 0.55, " in run("recipe.yaml", "--texts", "120", expect=1)


def test_texts_of_a_corpus_come_from_every_partition(built: Path) -> None:
    corpus = Corpus("micro", built)
    assert is_extracted(corpus)
    assert not is_extracted(Corpus("micro", built.parent / "nothing"))
    texts = corpus_texts(corpus, 30, 100)
    assert len(texts) == 30
    sources = corpus.read("extracted_text", columns=["source", "text"]).filter(pl.col("text").is_in(texts.implode()))["source"]
    assert sources.n_unique() == 3


def test_installed_texts_are_the_same_each_time() -> None:
    texts = installed_texts(20, 200)
    assert len(texts) == 20
    assert all(len(text.split()) >= 200 for text in texts)
    assert texts.equals(installed_texts(20, 200))
