"""How much work a build does, counted and compared with what was reviewed: a hot path that breaks shows here, on any machine.

Counted, never timed: documents parsed, shingles hashed, texts measured and read, files opened, model calls, objects of the store
read and written, Dagster events. When the work changes on purpose, run this file with DATA4LLM_UPDATE_SNAPSHOT=1 and read the
difference: less is progress, more needs a reason.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from data4llm_assets.corpus import Corpus
from data4llm_assets.engine.run import Report
from data4llm_assets.engine.store import Store
from data4llm_assets.models.language_model import Completion, LanguageModelMethod, Message, ModelIdentity, Sampling

SNAPSHOT = Path(__file__).with_name("work_counters.json")
WORDS = [
    "river", "gauge", "keeper", "water", "level", "morning", "report", "bridge", "season", "field", "stone", "winter", "harbour",
    "letter", "market", "road",
]  # fmt: skip


class Echo(LanguageModelMethod):
    """A model that answers with the question's last line: its calls are counted, its answers do not matter."""

    method: Literal["test_work_counters:Echo"] = "test_work_counters:Echo"

    def identify(self) -> ModelIdentity:
        return ModelIdentity("echo", "0")

    def load(self) -> Echo:
        return self

    @property
    def concurrency(self) -> int:
        return 1

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        return Completion(messages[-1].content.splitlines()[-1], "stop", 10, 10)


class CountingStore(Store):
    """A store that counts what is asked of it."""

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self.asked: Counter[str] = Counter()

    def get(self, path: str) -> bytes | None:
        self.asked["objects_read"] += 1
        return super().get(path)

    def source(self, path: str) -> Any:
        self.asked["tables_opened"] += 1
        return super().source(path)

    def create(self, path: str, data: bytes) -> bool:
        self.asked["objects_created"] += 1
        return super().create(path, data)

    def adopt(self, file: Path, path: str) -> None:
        self.asked["tables_written"] += 1
        super().adopt(file, path)


def sentence(number: int) -> str:
    """Twelve words of 64, no two sentences alike."""
    drawn = [(number * 7919 + step * 104_729 + number * step * 31) % 64 for step in range(12)]
    chosen = [WORDS[each % 16] + ("", "s", "ed", "ing")[each // 16] for each in drawn]
    return f"The {' '.join(chosen[:5])} of the {' '.join(chosen[5:8])} and {' '.join(chosen[8:])} {number}."


def text(number: int) -> str:
    return "\n".join(" ".join(sentence(number * 100 + 4 * line + part) for part in range(3)) for line in range(4 + number % 5))


def deliver(folder: Path, name: str, numbers: Sequence[int]) -> None:
    """Texts as JSONL, and as many pages as HTML."""
    (folder / "texts").mkdir(parents=True, exist_ok=True)
    (folder / "pages").mkdir(parents=True, exist_ok=True)
    rows = (json.dumps({"id": f"{name}-{number}", "text": text(number)}) for number in numbers)
    (folder / "texts" / f"{name}.jsonl").write_text("".join(f"{row}\n" for row in rows))
    for number in numbers[::4]:
        paragraphs = "".join(f"<p>{line}</p>" for line in text(1000 + number).splitlines())
        page = f"<html><head><title>{number}</title></head><body><article>{paragraphs}</article></body></html>"
        (folder / "pages" / f"{name}-{number}.html").write_text(page)


def recipe(folder: Path, least_words: int = 20) -> dict[str, Any]:
    return {
        "corpus": "counted",
        "sources": {
            "texts": {"kind": "jsonl", "path": str(folder / "texts"), "domain": "texts", "shards": 2},
            "pages": {"kind": "files", "path": str(folder / "pages"), "domain": "pages"},
        },
        "steps": [
            {"stage": "raw_crawl"},
            {"stage": "extracted_text"},
            {"stage": "deduped"},
            {
                "stage": "filtered",
                "rules": [
                    {"method": "language"},
                    {"method": "gopher_repetition"},
                    {"method": "gopher_quality", "min_words": least_words},
                    {"method": "email"},
                ],
            },
            {"stage": "selected", "by": {"method": "dsir", "target": {"domains": ["pages"]}, "keep": 0.9}},
            {"stage": "mixed", "budget": 20_000, "weights": {"texts": 0.7, "pages": 0.3}, "max_epochs": 2},
            {
                "stage": "synthesized",
                "model": {"method": "test_work_counters:Echo"},
                "methods": [{"method": "rephrase", "max_documents": 4, "passage_words": 40}],
            },
            {"stage": "packed", "sequence_length": 256, "parts": 1},
        ],
        "retention": {step: {"min": 0.0, "max": 1.0} for step in ("extracted_text", "deduped", "filtered", "selected")},
    }


def counted(report: Report, store: CountingStore) -> dict[str, Any]:
    assert report.ok, [done.error for done in report.failures] + [(o.node, o.partition, o.checks) for o in report.refused()]
    work: Counter[str] = Counter()
    for outcome in report.outcomes:
        for name, amount in outcome.record.get("counters", {}).items():
            work[f"{outcome.node}.{name}"] += amount
    made = Counter(outcome.node for outcome in report.outcomes if outcome.result == "published")
    return {
        "work": dict(sorted((name, amount) for name, amount in work.items() if amount)),
        "partitions_made": dict(sorted(made.items())),
        "store": dict(sorted(store.asked.items())),
    }


def build(folder: Path, **changed: Any) -> dict[str, Any]:
    store = CountingStore(str(folder / "store"))
    corpus = Corpus(recipe(folder, **changed), store)
    if (folder / "relist").exists():
        corpus.snapshots.add("first", corpus.recipe.sources, relist=True)
        (folder / "relist").unlink()
    return counted(corpus.build(), store)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("counted")
    deliver(folder, "a", range(60))
    deliver(folder, "b", range(60, 120))
    results = {"cold": build(folder), "nothing changed": build(folder), "one threshold changed": build(folder, least_words=250)}
    deliver(folder, "c", [500, 501, 502])
    (folder / "relist").touch()
    return {**results, "three texts and a page more": build(folder, least_words=250)}


def test_the_work_is_what_was_reviewed(found: dict[str, Any]) -> None:
    if os.environ.get("DATA4LLM_UPDATE_SNAPSHOT"):
        SNAPSHOT.write_text(json.dumps(found, indent=1) + "\n")
    assert found == json.loads(SNAPSHOT.read_text())


def test_nothing_changed_means_no_work_at_all(found: dict[str, Any]) -> None:
    assert found["nothing changed"]["work"] == found["nothing changed"]["partitions_made"] == {}
    assert "tables_written" not in found["nothing changed"]["store"]


def test_a_changed_threshold_parses_measures_and_hashes_nothing(found: dict[str, Any]) -> None:
    """But a text that newly comes through the selection is counted in tokens for the first time."""
    work = found["one threshold changed"]["work"]
    assert [name for name in work if name.split(".")[0] in ("raw_crawl", "extracted_text", "signatures", "filtered")] == []
    assert found["one threshold changed"]["partitions_made"]["filtered"] == 3


def test_a_document_more_costs_its_own_shards_documents_alone(found: dict[str, Any]) -> None:
    cold, more = (found[name]["work"] for name in ("cold", "three texts and a page more"))
    assert more["signatures.measured_minhash"] == 4
    assert more["extracted_text.documents_parsed"] < cold["extracted_text.documents_parsed"]
