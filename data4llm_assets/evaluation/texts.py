"""Real texts to evaluate on: those of a corpus that is built, or those that every installation has."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import polars as pl

from data4llm_assets.corpus import Corpus
from data4llm_assets.raw_crawl.installed_python import InstalledPython

_WORD_BYTES = 3
"""At least, with the space after it; a character of a script without spaces has as many."""


def is_extracted(corpus: Corpus) -> bool:
    """Whether texts of the corpus are published."""
    step = _extracted(corpus)
    return any(corpus.state.entry(step, partition.key).value for partition in corpus.state.grid)


def corpus_texts(corpus: Corpus, count: int, least_words: int) -> pl.Series:
    """At most `count` extracted texts (String), as many of each partition as there are, that may have so many words."""
    step = _extracted(corpus)
    built = [partition for partition in corpus.state.grid if corpus.state.entry(step, partition.key).value]
    each = -(-count // max(len(built), 1))
    where = f"bytes >= {least_words * _WORD_BYTES}"
    read = [
        corpus.read(step, snapshot=place.snapshot, shard=place.shard, columns=["text"], where=where, limit=each)
        for place in built[:count]
    ]
    return pl.concat([pl.DataFrame(schema={"text": pl.String}), *read])["text"].head(count)


def installed_texts(count: int, least_words: int) -> pl.Series:
    """At most `count` READMEs, pages and licences of installed packages, then their sources (String), of so many words or more."""
    return pl.Series("text", list(islice(_installed(least_words), count)), dtype=pl.String)


def _installed(least_words: int) -> Iterator[str]:
    for part in ("docs", "code"):
        source = InstalledPython.model_validate({"kind": "installed_python", "part": part, "domain": part, "documents": 1 << 20})
        for _, content in source.landed():
            text = content.decode("utf-8", "replace")
            if len(text.split()) >= least_words:
                yield text


def _extracted(corpus: Corpus) -> str:
    return next(section.name for section in corpus.recipe.steps if section.stage == "extracted_text")
