"""A corpus of a few notes through four stages: small enough to say what a release of it must hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data4llm_assets.corpus import Corpus

NOTES = {
    "river": "The river rose in the night and by the morning the lower bridge stood under water",
    "river-again": "The river rose in the night and by the morning the lower bridge stood under water",
    "school": "Write to the school at office@school-of-the-town.net if a child is ill that day",
    "short": "Closed today",
}


QUALITY = {"method": "gopher_quality", "min_stop_words": 0}


def write(folder: Path, **texts: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text + "\n")
    return folder


def recipe(folder: Path, *, min_words: int = 5, **changed: Any) -> dict[str, Any]:
    return {
        "corpus": "town",
        "sources": {"notes": {"kind": "files", "path": str(folder), "domain": "notes", "license": "CC0-1.0"}},
        "steps": [
            {"stage": "raw_crawl"},
            {"stage": "extracted_text"},
            {"stage": "deduped", "methods": [{"method": "exact"}]},
            {"stage": "filtered", "rules": [{**QUALITY, "min_words": min_words}, {"method": "email"}]},
        ],
        "retention": {"deduped": {"min": 0.0}, "filtered": {"min": 0.0}},
        **changed,
    }




def build(recipe: dict[str, Any], store: Path | str) -> Corpus:
    corpus = Corpus(recipe, store)
    report = corpus.build()
    assert report.ok, [done.error for done in report.failures] + [outcome.checks for outcome in report.refused()]
    return corpus
