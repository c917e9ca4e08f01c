"""What `data4llm evaluate extraction` found, as tables for people and as Markdown for a README."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table

from data4llm_assets.commands.options import out
from data4llm_assets.evaluation.described_pages import Described
from data4llm_assets.evaluation.extraction import EVERY, Evaluation, Summary
from data4llm_assets.evaluation.extraction_bars import Bar
from data4llm_assets.evaluation.labelled_pages import ARTICLE, Layout

Worst = Mapping[str, Sequence[Mapping[str, Any]]]
"""By engine: rows of f1, baseline, page_type, name, url."""
_WIDEST_NAME = len("trafilatura:mode=precision")
"""Characters: a longer name is folded where the screen is narrow."""
Columns = Mapping[str, Callable[[Summary], str]]
"""Cells of an engine, by head of column."""


class Measured(NamedTuple):
    """A folder, and all that is told of it. summaries: the best engine first."""

    folder: Path
    layout: Layout
    part: str
    baseline: str
    evaluation: Evaluation
    summaries: Mapping[str, Summary]
    described: Sequence[Described]
    bars: Sequence[Bar]
    worst: Worst


def markdown(found: Measured) -> str:
    """One table with every column."""
    columns = {**_quality(), **_by_group(found), **_snippets_and_speed(found.baseline), **_gain(found.baseline)}
    rows = [["engine", *columns], ["---", *("--:" for _ in columns)]]
    rows += [[f"`{each.engine}`", *(cell(each) for cell in columns.values())] for each in found.summaries.values()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def print_tables(found: Measured) -> None:
    sites = len({page.site for page in found.evaluation.pages})
    part = "" if found.part == "all" else f", part {found.part}"
    out.print(f"{found.folder} ({found.layout}{part}): {len(found.evaluation.pages):,} pages of {sites:,} sites", markup=False)
    _print_table(found.summaries, {**_quality(), **_gain(found.baseline)})
    out.print("\nSnippets, speed and failures")
    _print_table(found.summaries, _snippets_and_speed(found.baseline))
    if len(groups := _by_group(found)) > 1:
        out.print("\nF1 by type of page")
        _print_table(found.summaries, groups)
    out.print()
    for each in found.summaries.values():
        if each.failures:
            rules = ", ".join(f"{rule} {count:,}" for rule, count in each.failures.items())
            out.print(f"{each.engine} gives no text: {rules}", style="dim", markup=False)
    for name, reason in found.evaluation.unavailable.items():
        out.print(f"{name} cannot run here: {reason}", style="yellow", markup=False)
    for about in found.described:
        equal, missing = (f"{count / about.pages:.1%}" for count in (about.equal, about.missing))
        out.print(f"{about.field}, as the pages say it: {equal} of {about.pages:,} right, {missing} not found", markup=False)
    for bar in found.bars:
        mark, style = {True: ("✓", "green"), False: ("✗", "red"), None: ("·", "dim")}[bar.met]
        out.print(f"{mark} {bar.asked}: {bar.measured}", style=style, markup=False)
    for name, rows in found.worst.items():
        _print_worst(name, found.baseline, rows)


def _quality() -> Columns:
    return {
        "F1": lambda each: f"{each.f1[EVERY]:.3f}",
        "precision": lambda each: f"{each.precision:.3f}",
        "recall": lambda each: f"{each.recall:.3f}",
    }


def _gain(baseline: str) -> Columns:
    return {f"F1 − {baseline} (95 %)": lambda each: _difference(each, baseline)}


def _by_group(found: Measured) -> Columns:
    def cell(group: str) -> Callable[[Summary], str]:
        return lambda each: f"{each.f1[group]:.3f}"

    groups = dict.fromkeys(group for each in found.summaries.values() for group in each.f1 if group != EVERY)
    return {"articles" if group == ARTICLE else group: cell(group) for group in groups}


def _snippets_and_speed(baseline: str) -> Columns:
    return {
        "with found": lambda each: _share(each.found),
        "without leaked": lambda each: _share(each.leaked),
        "pages/s": lambda each: f"{each.pages_per_second:,.{0 if each.pages_per_second >= 100 else 1}f}",
        f"× {baseline}": lambda each: "·" if each.times is None else f"{each.times:.1f}",
        "failures": lambda each: f"{sum(each.failures.values()):,}",
    }


def _share(value: float | None) -> str:
    return "·" if value is None else f"{value:.1%}"


def _difference(each: Summary, baseline: str) -> str:
    if each.engine == baseline or not each.differences:
        return "·"
    difference, low, high = each.differences[EVERY]
    return f"{difference:+.3f} [{low:+.3f}, {high:+.3f}]"


def _print_table(summaries: Mapping[str, Summary], columns: Columns) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("engine", overflow="fold", min_width=min(_WIDEST_NAME, max(map(len, summaries), default=0)))
    for head in columns:
        table.add_column(head, justify="right", overflow="fold", min_width=len("0.123"))
    for each in summaries.values():
        table.add_row(each.engine, *(cell(each) for cell in columns.values()))
    out.print(table, markup=False)


def _print_worst(name: str, baseline: str, rows: Sequence[Mapping[str, Any]]) -> None:
    out.print(f"\nthe worst pages of {name}", markup=False)
    table = Table(box=None, pad_edge=False)
    for head in ("F1", baseline, "type", "page", "url"):
        table.add_column(head, justify="right" if head in ("F1", baseline) else "left", overflow="fold")
    for row in rows:
        base = "·" if row["baseline"] is None else f"{row['baseline']:.3f}"
        table.add_row(f"{row['f1']:.3f}", base, row["page_type"], row["name"], row["url"] or "")
    out.print(table, markup=False)
