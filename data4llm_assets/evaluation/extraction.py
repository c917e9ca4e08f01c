"""How good and how fast engines of extraction are, on pages whose main text is known. Every engine in one run, page by page.

Texts are compared as multisets of lower-cased words: order and layout do not count, what is there and what is missing does. Figures
are means over pages, so that a long page weighs no more than a short one. Time is CPU time of `Extraction.extract`; the engines
take turns on each page, so that whatever else the machine does hits all alike.
"""

from __future__ import annotations

import gc
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from data4llm_assets.evaluation.bootstrap import Interval, intervals
from data4llm_assets.evaluation.labelled_pages import ARTICLE, LabelledPage
from data4llm_assets.extracted_text.documents import EMPTY, FAILED
from data4llm_assets.extracted_text.extraction import Extracted, Extraction, Refused
from data4llm_assets.method import ModelUnavailable
from data4llm_assets.raw_crawl import media_type
from data4llm_assets.raw_crawl.source import Record, payload_digest

EVERY, OTHERS = "all pages", "not articles"
"""Groups of pages beside the page types."""
SCORES = pl.Schema(
    {
        "engine": pl.String(),
        "page": pl.Int64(),
        "f1": pl.Float64(),
        "precision": pl.Float64(),
        "recall": pl.Float64(),
        "found": pl.Int64(),
        "leaked": pl.Int64(),
        "refused": pl.String(),
        "seconds": pl.Float64(),
    }
)
"""One row per engine and page, in order of both. page: its place among the pages. found, leaked: how many of the page's snippets,
`with` and `without`, are in the text. refused: the rule by which there is no text; null if there is one, or there should be none.
seconds: of CPU time."""
_WORD = re.compile(r"\w+")
_CLOCK = 1e-9
"""Seconds: the step of the clock, so that no rate is infinite."""


class Score(NamedTuple):
    f1: float
    precision: float
    recall: float


class Evaluation(NamedTuple):
    """scores: as SCORES. unavailable: why an engine cannot run here, by name."""

    pages: Sequence[LabelledPage]
    scores: pl.DataFrame
    unavailable: Mapping[str, str]

    def f1(self) -> dict[str, np.ndarray]:
        """On each page, in order of the pages, by engine."""
        return {str(name): rows["f1"].to_numpy() for (name,), rows in self.scores.group_by("engine", maintain_order=True)}


class Summary(NamedTuple):
    """An engine on all pages.

    f1: by group, `EVERY` first. found, leaked: shares of all snippets; None if the pages have none. times: how many times the
    baseline's pages per second. failures: pages by rule. differences: of F1 to the baseline, by group; empty if that did not run.
    """

    engine: str
    f1: Mapping[str, float]
    precision: float
    recall: float
    found: float | None
    leaked: float | None
    pages_per_second: float
    times: float | None
    failures: Mapping[str, int]
    differences: Mapping[str, Interval]


def evaluate(
    engines: Mapping[str, Extraction], pages: Sequence[LabelledPage], tell: Callable[[], None] = lambda: None
) -> Evaluation:
    """Every engine on every page. `tell` is called after each page."""
    running, unavailable, rows = dict(engines), {}, []

    def outcome(name: str, record: Record) -> Extracted | Refused | None:
        try:
            return _outcome(running[name], record)
        except (ModelUnavailable, ImportError) as error:
            unavailable[name] = str(error)
            del running[name]
            return None

    # What an engine loads when it meets a kind of page for the first time is not counted: a corpus has many pages of each.
    for page in {page.page_type: page for page in pages}.values():
        for name in list(running):
            outcome(name, _record(page))
    gc.collect()
    gc.freeze()
    try:
        for number, page in enumerate(pages):
            record, truth = _record(page), _Truth(page)
            names = list(running)
            # Whoever comes first finds caches cold: each engine does as often as the others.
            first = number % max(len(names), 1)
            for name in names[first:] + names[:first]:
                # What one engine leaves to be collected must not be the next one's time.
                gc.collect()
                begun = time.process_time()
                found = outcome(name, record)
                seconds = time.process_time() - begun
                if found is not None:
                    rows.append((name, number, *truth.judge(found), seconds))
            tell()
    finally:
        gc.unfreeze()
    scores = pl.DataFrame(rows, SCORES, orient="row").filter(pl.col("engine").is_in(list(running)))
    return Evaluation(pages, scores.sort(pl.col("engine").cast(pl.Enum(list(running))), "page"), unavailable)


def words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def score(text: Counter[str], truth: Counter[str]) -> Score:
    """Of the words of a text against those of the true one. Two empty texts agree."""
    if not text and not truth:
        return Score(1.0, 1.0, 1.0)
    shared, total, true = (text & truth).total(), text.total(), truth.total()
    return Score(2 * shared / (total + true), shared / max(total, 1), shared / max(true, 1))


def summaries(evaluation: Evaluation, baseline: str) -> dict[str, Summary]:
    """By engine, the best F1 first."""
    pages, f1 = evaluation.pages, evaluation.f1()
    groups = groups_of(pages)
    differences = _differences(f1, baseline, groups)
    sums = evaluation.scores.group_by("engine", maintain_order=True).agg(
        pl.col("precision", "recall").mean(), pl.col("found", "leaked", "seconds").sum(), pl.col("refused").drop_nulls()
    )
    with_count, without_count = (
        sum(len(_snippets(kind)) for kind in kinds)
        for kinds in ([page.with_snippets for page in pages], [page.without_snippets for page in pages])
    )
    rates = {name: len(pages) / max(seconds, _CLOCK) for name, seconds in sums.select("engine", "seconds").iter_rows()}
    found = [
        Summary(
            row["engine"],
            {group: float(f1[row["engine"]][members].mean()) for group, members in groups.items()},
            row["precision"],
            row["recall"],
            row["found"] / with_count if with_count else None,
            row["leaked"] / without_count if without_count else None,
            rates[row["engine"]],
            rates[row["engine"]] / rates[baseline] if baseline in rates else None,
            dict(sorted(Counter(row["refused"]).items())),
            differences.get(row["engine"], {}),
        )
        for row in sums.iter_rows(named=True)
    ]
    return {each.engine: each for each in sorted(found, key=lambda each: -each.f1[EVERY])}


def groups_of(pages: Sequence[LabelledPage]) -> dict[str, np.ndarray]:
    """Places of the pages of each group: all of them, articles, what is no article, then each other page type. None is empty."""
    types = np.array([page.page_type for page in pages])
    others = sorted(set(types[types != ARTICLE].tolist()))
    masks = {ARTICLE: types == ARTICLE, OTHERS: types != ARTICLE, **{name: types == name for name in others}}
    return {EVERY: np.arange(len(pages)), **{name: np.flatnonzero(mask) for name, mask in masks.items() if mask.any()}}


def _differences(f1: Mapping[str, np.ndarray], baseline: str, groups: Mapping[str, np.ndarray]) -> dict[str, dict[str, Interval]]:
    if baseline not in f1:
        return {}
    matrix = np.stack([values - f1[baseline] for values in f1.values()], axis=1)
    by_group = {group: dict(zip(f1, intervals(matrix[members]), strict=True)) for group, members in groups.items()}
    return {name: {group: found[name] for group, found in by_group.items()} for name in f1}


def _record(page: LabelledPage) -> Record:
    digest = payload_digest(page.html)
    return Record((page.name, digest), page.url or page.name, page.name, page.html, digest, media_type.HTML, page.url)


def _outcome(method: Extraction, record: Record) -> Extracted | Refused:
    """As a run has it: a parser that fails costs the page. But what cannot run at all is no engine that finds nothing."""
    try:
        return method.extract(record.payload, record)
    except (MemoryError, ModelUnavailable, ImportError):
        raise
    except Exception as error:
        return Refused(FAILED, f"{method.method} failed: {type(error).__name__}")


class _Truth:
    """What outcomes on a page are held against; its words are counted once."""

    def __init__(self, page: LabelledPage) -> None:
        self._words = Counter(words(page.text))
        self._with, self._without = _snippets(page.with_snippets), _snippets(page.without_snippets)

    def judge(self, outcome: Extracted | Refused) -> tuple[Any, ...]:
        """The columns of SCORES from `f1` to `refused`."""
        text, rule = ("", outcome.rule) if isinstance(outcome, Refused) else (outcome.text, None)
        given = words(text)
        if rule == EMPTY or (rule is None and not text.strip()):
            # No text is what a page without text should give.
            rule = EMPTY if self._words else None
        if rule is not None:
            return 0.0, 0.0, 0.0, 0, 0, rule
        joined = _joined(given)
        found, leaked = (sum(snippet in joined for snippet in kind) for kind in (self._with, self._without))
        return *score(Counter(given), self._words), found, leaked, None


def _snippets(kind: Iterable[str]) -> list[str]:
    """Those that have words."""
    return [_joined(found) for snippet in kind if (found := words(snippet))]


def _joined(found: Iterable[str]) -> str:
    """Words as characters that are within others if and only if the words are, in a row."""
    return f" {' '.join(found)} "
