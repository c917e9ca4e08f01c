"""Every method of deduplication, as the shipped recipe names them, over twenty thousand documents: assets, decisions, memory."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl
import pytest
from ruamel.yaml import YAML

from commands_fixture import data4llm
from data4llm_assets.corpus import Corpus
from data4llm_assets.deduped.stage import METHODS
from data4llm_assets.recipe import find_recipe

DOCUMENTS = 20_000
EXPECTED = {
    "deduped": {"url.version", "exact.text", "minhash.similarity"},
    "deduped_paragraphs": {"paragraphs.repeated"},
    "deduped_lines": {"lines.repeated"},
    "deduped_substring": {"substring.repeated"},
    "deduped_bff": {"bff.repeated"},
    "deduped_minhash_bloom": {"minhash_bloom.band"},
}


def write(folder: Path) -> None:
    """Pages of sentences that nobody else has, and in every tenth of them something of the one before."""
    draw = random.Random(5)
    vocabulary = ["".join(draw.choices("abcdefghiklmnoprstu", k=draw.randint(3, 9))) for _ in range(20_000)]

    def sentence() -> str:
        return " ".join(draw.choices(vocabulary, k=draw.randint(8, 16))).capitalize() + "."

    with (folder / "pages.jsonl").open("w") as file:
        before: list[str] = [sentence() for _ in range(10)]
        for number in range(DOCUMENTS):
            sentences = [sentence() for _ in range(10)]
            url, kind = f"http://pages.example/{number}", number % 10
            if kind == 1:
                url = f"https://www.pages.example/{number - 1}?utm_source=x"
            elif kind == 2:
                sentences = before
            elif kind == 3:
                sentences = [*before[:9], sentences[0]]
            elif kind == 4:
                sentences[4:7] = before[4:7]
            elif kind == 5:
                sentences[3] = before[3]
            elif kind == 6:  # half of one sentence: too short for a paragraph, long enough for a substring
                sentences[3] = f"{sentences[3][:-1]} {' '.join(before[3].split()[:-1])[-110:]} {sentences[2]}"
            elif kind == 7:  # as paragraphs, but with other numbers of words between: only n-grams see it
                sentences[5] = " ".join(before[5].split() + before[6].split() + before[7].split()[:3]) + " new words at its end."
            elif kind == 8:  # every second sentence has another word: less alike than `similarity`, and now and then in one band
                sentences = [old.replace(old.split()[4], "another", 1) if row % 2 else old for row, old in enumerate(before)]
            break_ = "\n" if kind != 4 else " "
            text = break_.join(sentences)
            file.write(json.dumps({"url": url, "text": text}) + "\n")
            before = sentences


@pytest.mark.long
def test_every_method_runs_within_its_memory_and_says_what_it_did(tmp_path: Path) -> None:
    write(tmp_path)
    yaml = YAML()
    recipe = yaml.load(find_recipe("deduplication"))
    recipe["sources"] = {
        "web": {
            "kind": "jsonl",
            "path": "pages.jsonl",
            "fields": {"url": "url"},
            "domain": "web",
            "license": "CC0-1.0",
            "shards": 2,
        }
    }
    recipe["retention"] = {name: {"min": 0.1, "max": 1.0} for name in recipe["retention"]}
    recipe["compute"] = {"workers": 1, "memory": "2GB"}
    with (tmp_path / "recipe.yaml").open("w") as file:
        yaml.dump(recipe, file)
    named = [method["method"] for step in recipe["steps"] if step["stage"] == "deduped" for method in step["methods"]]
    assert sorted(named) == sorted(METHODS)

    data4llm(tmp_path, "snapshot", "add", "first", "--recipe", "recipe.yaml")
    plan = data4llm(tmp_path, "plan", "recipe.yaml")
    told = data4llm(tmp_path, "run", "recipe.yaml")
    corpus = Corpus(str(tmp_path / "recipe.yaml"), str(tmp_path / "store"))
    for step, rules in EXPECTED.items():
        assert step in plan
        assert step in told
        decisions = corpus.decisions(step)
        assert rules <= set(decisions["rule"]), (step, decisions["rule"].unique())
        assert decisions.filter(pl.col("action") == "edit")["spans"].list.len().min() != 0
    records = [json.loads(path.read_text()) for path in (tmp_path / "store" / "runs").rglob("*.json")]
    peaks = [record["peak_memory"] for record in records if "peak_memory" in record]
    assert len(peaks) >= 30
    assert max(peaks) < 2_000_000_000
