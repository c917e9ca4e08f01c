"""From runs to figures: rates, ratios, whether a bar is met. What is extrapolated says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from benchmarks.contest import Measured


@dataclass(frozen=True)
class Row:
    """One contender of one comparison: a line of the table."""

    contender: str
    figure: str
    """What was measured, as a person reads it: `1,234 documents/s`."""
    ratio: float | None = None
    """How many times ours the time is that this contender takes for the same; None beside ours."""
    peak_memory: int | None = None
    spread: tuple[float, float] | None = None
    """Smallest and largest seconds of the runs."""
    note: str = ""


@dataclass(frozen=True)
class Verdict:
    """What was promised, what came out, and whether that is enough. `met` is None where nothing was promised."""

    bar: str
    found: str
    met: bool | None


@dataclass(frozen=True)
class Comparison:
    """A finished benchmark, ready for the table and for JSON."""

    name: str
    title: str
    input: str
    rows: tuple[Row, ...]
    verdicts: tuple[Verdict, ...]
    measured: Mapping[str, Any] = field(default_factory=dict)
    curves: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Figures over sizes, for plots: {curve: {size: value}}."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def rates(
    measured: Mapping[str, Measured], ours: str, unit: str, *, of: str = "documents", notes: Mapping[str, str] | None = None
) -> list[Row]:
    """A row for each contender: work per second, and the ratio of seconds per piece of work to those of `ours`."""
    base = pace(measured[ours], of) if measured[ours].runs else None
    rows = []
    for name, one in measured.items():
        if not one.runs:
            rows.append(Row(name, "not run", note=one.failure or "not available"))
            continue
        own = pace(one, of)
        rows.append(
            Row(
                name,
                rate(1 / own, unit),
                None if name == ours or base is None else own / base,
                max(run.peak_memory for run in one.runs),
                (min(run.seconds for run in one.runs), max(run.seconds for run in one.runs)),
                (notes or {}).get(name, ""),
            )
        )
    return rows


def pace(measured: Measured, of: str = "documents") -> float:
    """Seconds for each piece of work: the median over the runs."""
    return median(run.seconds / max(getattr(run, of), 1) for run in measured.runs)


def rate(per_second: float, unit: str) -> str:
    if unit == "MB/s":
        return f"{per_second / 1e6:,.1f} MB/s"
    return f"{per_second:,.0f} {unit}" if per_second >= 100 else f"{per_second:,.1f} {unit}"


def at_least(bar: str, found: float | None, least: float, written: str) -> Verdict:
    return Verdict(bar, "not measured" if found is None else written.format(found), None if found is None else found >= least)


def at_most(bar: str, found: float | None, most: float, written: str) -> Verdict:
    return Verdict(bar, "not measured" if found is None else written.format(found), None if found is None else found <= most)


def ratio_of(rows: Sequence[Row], contender: str) -> float | None:
    return next((row.ratio for row in rows if row.contender == contender), None)


def ahead_of_all(rows: Sequence[Row], bar: str = "ahead of all") -> Verdict:
    ratios = {row.contender: row.ratio for row in rows if row.ratio is not None}
    if not ratios:
        return Verdict(bar, "no peer was measured", None)
    closest = min(ratios, key=lambda name: ratios[name] or 0)
    return Verdict(bar, f"{ratios[closest]:,.1f} × the closest, {closest}", min(r or 0 for r in ratios.values()) > 1)
