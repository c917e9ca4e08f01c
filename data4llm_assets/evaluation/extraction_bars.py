"""What is asked of the engines that this project makes itself, measured on labelled pages against Trafilatura."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from data4llm_assets.evaluation.extraction import EVERY, OTHERS, Summary
from data4llm_assets.evaluation.labelled_pages import ARTICLE, Layout

AGAINST = "trafilatura"
CHOOSING, FAST = "auto", "blocks"
"""The engine that chooses among others, and the one that is fast enough for the whole web."""


class Bar(NamedTuple):
    """What is asked, and how it came out. met: None if it was not measured."""

    asked: str
    measured: str
    met: bool | None


class _Asked(NamedTuple):
    """least: of the value; with `above`, it must be more. The value is None if there are no pages to measure it on."""

    engine: str
    sentence: str
    value: Callable[[Summary], float | None]
    least: float
    above: bool = False
    form: str = "{:+.3f}"


def bars(layout: Layout, summaries: Mapping[str, Summary]) -> list[Bar]:
    """The bars of a layout. Differences of the summaries are to AGAINST."""
    return [_judged(each, summaries) for each in (_OF_READABILITY if layout == "readability" else _OF_PAGES)]


def _judged(asked: _Asked, summaries: Mapping[str, Summary]) -> Bar:
    sentence = f"{asked.engine}: {asked.sentence}"
    for needed in (asked.engine, AGAINST):
        if needed not in summaries:
            return Bar(sentence, f"not measured: {needed} did not run", None)
    value = asked.value(summaries[asked.engine])
    if value is None:
        return Bar(sentence, "not measured: there are no such pages", None)
    return Bar(sentence, asked.form.format(value), value > asked.least if asked.above else value >= asked.least)


def _difference(group: str) -> Callable[[Summary], float | None]:
    return lambda summary: summary.differences[group].difference if group in summary.differences else None


def _low_end(summary: Summary) -> float:
    return summary.differences[EVERY].low


_OF_PAGES = (
    _Asked(CHOOSING, f"F1 above that of {AGAINST}, even at the low end of the interval", _low_end, 0.0, above=True),
    _Asked(CHOOSING, f"F1 0.040 above that of {AGAINST} (target)", _difference(EVERY), 0.04),
    _Asked(CHOOSING, f"F1 on articles no more than 0.020 below that of {AGAINST}", _difference(ARTICLE), -0.02),
    _Asked(CHOOSING, f"F1 on other pages no more than 0.020 below that of {AGAINST}", _difference(OTHERS), -0.02),
    _Asked(FAST, f"F1 no more than 0.005 below that of {AGAINST}", _difference(EVERY), -0.005),
    _Asked(FAST, f"8 times the pages per second of {AGAINST}", lambda it: it.times, 8.0, form="{:.1f} times"),
)
_OF_READABILITY = (_Asked(CHOOSING, f"F1 not below that of {AGAINST}", _difference(EVERY), 0.0),)
"""The pages were chosen for one engine, on which Trafilatura and others are good by design: there ours must not be worse."""
