"""The tables: results as text for the terminal, and as Markdown for the documents, where they stand between two markers."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- figures: written by `make bench-report` from benchmarks/{} -->", "<!-- end of figures -->"
RESULTS, ENGINES = "results.json", "every_engine.json"


def as_text(comparison: Mapping[str, Any]) -> str:
    """One comparison for the terminal."""
    lines = [f"  {comparison['title']}: {comparison['input']}"]
    wide = max((len(row["contender"]) for row in comparison["rows"]), default=0)
    for row in comparison["rows"]:
        told = [f"{row['figure']:>22}", f"{_ratio(row):>10}", f"{_memory(row):>9}", row["note"]]
        lines.append(f"    {row['contender']:<{wide}}  " + "  ".join(told).rstrip())
    for verdict in comparison["verdicts"]:
        mark = {True: "met", False: "MISSED", None: "told"}[verdict["met"]]
        lines.append(f"    {mark}: {verdict['bar']}: {verdict['found']}")
    return "\n".join(lines)


def as_markdown(results: Mapping[str, Any]) -> str:
    """All comparisons: a line each with our figure, every contender's ratio, and the bars."""
    machine = results["machine"]
    head = (
        f"`{results['command']}`, {results['date']}, {results['minutes']} minutes on {machine['cores']} cores "
        f"of {machine['processor']}, "
        f"Python {machine['python']}. Each program on one core unless said otherwise, in turn, medians; "
        "× is how many times our time a peer takes for the same."
    )
    if again := results.get("taken_again"):
        head += f" Taken again by themselves on the same machine: {', '.join(f'`{name}`' for name in again)}."
    lines = [head, "", "| what, on what | data4llm | beside | bar |", "|---|---|---|---|"]
    for comparison in results["comparisons"]:
        own = [row for row in comparison["rows"] if row["ratio"] is None and row["figure"] != "not run"]
        others = [row for row in comparison["rows"] if row not in own]
        ours = "<br>".join(_told(row, several=len(own) > 1) for row in own)
        beside = "<br>".join(_beside(row) for row in others) or "–"
        bars = "<br>".join(f"{_mark(v)} {v['bar']}: {v['found']}" for v in comparison["verdicts"])
        lines.append(f"| {comparison['title']}. *{comparison['input']}* | {ours} | {beside} | {bars} |")
    return "\n".join(lines)


def engines_as_markdown(results: Mapping[str, Any]) -> str:
    """What `benchmarks.every_engine` measured: an engine a line, and the bars."""
    (comparison,) = results["comparisons"]
    machine = results["machine"]
    head = (
        f"`{results['command']}`, {results['date']}, {results['minutes']} minutes on {machine['cores']} cores of "
        f"{machine['processor']}, Python {machine['python']}. {comparison['title']}: {comparison['input']}."
    )
    rows = (
        f"| `{row['contender']}` | {row['figure'].removesuffix(' pages/s')} | {_memory(row)} | {row['note']} |"
        for row in comparison["rows"]
    )
    bars = (f"{_mark(verdict)} {verdict['bar']}: {verdict['found']}" for verdict in comparison["verdicts"])
    columns = ["| engine | pages/s of a worker | memory | what became of the pages |", "|---|--:|--:|---|"]
    return "\n".join([head, "", *columns, *rows, "", "<br>".join(bars)])


def into(document: str, file: str, table: str) -> str:
    """A document with the table of the results in a file. Raises ValueError if it has no markers for it."""
    begin = BEGIN.format(file)
    before, found, rest = document.partition(begin)
    _, closed, after = rest.partition(END)
    if not (found and closed):
        msg = f"the document has no place for the figures: {begin} … {END}"
        raise ValueError(msg)
    return f"{before}{begin}\n{table}\n{END}{after}"


def _told(row: Mapping[str, Any], *, several: bool) -> str:
    name = row["contender"].removeprefix("data4llm").strip(", ") if several else ""
    parts = [f"**{row['figure']}**", *([f"{_memory(row)} at most"] if row["peak_memory"] else []), row["note"]]
    return (f"{name}: " if name else "") + ", ".join(part for part in parts if part)


def _beside(row: Mapping[str, Any]) -> str:
    if row["figure"] == "not run":
        return f"{row['contender']}: {row['note']}"
    return f"{row['contender']}: {row['figure']}, **{_ratio(row)}**" + (f" ({row['note']})" if row["note"] else "")


def _mark(verdict: Mapping[str, Any]) -> str:
    return {True: "✓", False: "✗", None: "·"}[verdict["met"]]


def _ratio(row: Mapping[str, Any]) -> str:
    ratio = row["ratio"]
    return "" if ratio is None else f"{ratio:,.0f} ×" if ratio >= 20 else f"{ratio:,.1f} ×"


def _memory(row: Mapping[str, Any]) -> str:
    return f"{row['peak_memory'] / 1e6:,.0f} MB" if row["peak_memory"] else ""


def main() -> None:
    from benchmarks.plots import write_plots

    here = Path(__file__).resolve().parent
    results, engines = (json.loads((here / name).read_text()) for name in (RESULTS, ENGINES))
    root = here.parent
    for document, file, table in (
        (root / "README.md", RESULTS, as_markdown(results)),
        (root / "docs" / "extraction.md", ENGINES, engines_as_markdown(engines)),
    ):
        document.write_text(into(document.read_text(), file, table))
    written = write_plots(results, root / "docs" / "plots")
    told = ["README.md", "docs/extraction.md", *(path.relative_to(root).as_posix() for path in written)]
    print(", ".join(told), file=sys.stderr)


if __name__ == "__main__":
    main()
