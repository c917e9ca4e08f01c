"""`data4llm report`: what steps did to the corpus, as tables or as JSON. Reads what is current, and computes nothing anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from data4llm_assets.commands.options import JsonOption, RecipeArgument, StoreOption, open_corpus, out, print_json

app = typer.Typer(no_args_is_help=True, help="What steps did to the corpus. Reads what is current, and computes nothing anew.")
_COLUMNS = 8
"""Of a matrix, at most: the others are one."""
_BAR = 24


@app.command()
def dedup(recipe: RecipeArgument = None, store: StoreOption = None, json: JsonOption = False) -> None:
    """What deduplication did: what went and why, what stands for most, across which sources and snapshots, how similar it was."""
    from data4llm_assets.report.dedup import dedup

    steps = dedup(open_corpus(recipe, store))
    if json:
        print_json(steps)
        return
    for number, step in enumerate(steps):
        if number:
            out.print()
        _print_step(step)


def _print_step(step: Mapping[str, Any]) -> None:
    rule = f", {step['rule']}" if step["rule"] else ""
    out.print(Text(f"{step['step']}: {', '.join(step['methods'])}{rule}, scope {step['scope']}", "bold"))
    gone = (f"{(step[name] - step[f'{name}_out']) / max(step[name], 1):.1%} of {name}" for name in ("documents", "bytes"))
    out.print(
        f"{step['documents']:,} documents, {_megabytes(step['bytes'])} MB → {step['documents_out']:,}, "
        f"{_megabytes(step['bytes_out'])} MB ({', '.join(gone)} gone)"
    )
    if step["stale"]:
        out.print("recipe or sources have changed since: data4llm run", style="yellow")
    _print_rows("removed", step["removed"], _GONE)
    _print_rows("carried: exact repeats of the same page in an earlier snapshot", step["carried"], _GONE)
    _print_rows("edited", step["edited"], _EDITED)
    if step["similarity"]:
        _print_similarity(step["similarity"])
    if step["largest"]:
        _print_clusters(step["clusters"], step["largest"])
    for name in ("sources", "snapshots"):
        if len({pair[side] for pair in step[name] for side in ("dropped", "partner")}) > 1:
            _print_matrix(name, step[name])
    if step["compared"] is not None:
        _print_compared(step["compared"])
    if step["audit"] is not None:
        _print_audit(step["audit"])


def _print_rows(title: str, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Any]) -> None:
    if rows:
        table = _begin(title, "rule", *columns)
        for row in rows:
            table.add_row(row["rule"], *(tell(row) for tell in columns.values()))
        out.print(table)


_GONE: Mapping[str, Any] = {
    "documents": lambda row: f"{row['documents']:,}",
    "share": lambda row: f"{row['share']:.2%}",
    "MB": lambda row: _megabytes(row["bytes"]),
    "of bytes": lambda row: f"{row['bytes_share']:.2%}",
}
_EDITED: Mapping[str, Any] = {
    "documents": lambda row: f"{row['documents']:,}",
    "spans": lambda row: f"{row['spans']:,}",
    "characters": lambda row: f"{row['characters']:,}",
    "MB less": lambda row: _megabytes(row["bytes"]),
}


def _print_similarity(rows: Sequence[Mapping[str, Any]]) -> None:
    most = max(row["documents"] for row in rows)
    table = _begin("similarity of what was dropped to what it was dropped for", "rule", "from", "to", "documents")
    table.add_column("", justify="left")
    for row in rows:
        bar = "█" * max(1, round(_BAR * row["documents"] / most))
        table.add_row(row["rule"], f"{row['from']:.2f}", f"{row['to']:.2f}", f"{row['documents']:,}", bar)
    out.print(table)


def _print_clusters(clusters: Mapping[str, int], largest: Sequence[Mapping[str, Any]]) -> None:
    sizes = _begin("documents that one kept document stands for, itself included", "documents", "kept documents")
    for low, high, count in _doubling(clusters):
        sizes.add_row(f"{low:,}" if low == high else f"{low:,}–{high:,}", f"{count:,}")
    out.print(sizes)
    table = _begin("the largest", "stands for")
    for head in ("doc_id", "source", "snapshot", "what it is"):
        table.add_column(head, no_wrap=head == "doc_id", overflow="fold")
    for row in largest:
        known = row.get("title") or row.get("url") or row.get("locator") or ""
        where = row.get("url") or row.get("locator") or ""
        what = known if known == where else f"{known} ({where})"
        table.add_row(f"{row['documents']:,}", row["doc_id"][:12], row["source"], row["snapshot"], Text(what))
    out.print(table)


def _doubling(clusters: Mapping[str, int]) -> list[tuple[int, int, int]]:
    """(least, most, how many) of sizes 1, 2, 3–4, 5–8, …, those that there are."""
    counts: dict[int, int] = {}
    for size, count in clusters.items():
        counts[(int(size) - 1).bit_length()] = counts.get((int(size) - 1).bit_length(), 0) + count
    return [((1 << power - 1) + 1 if power else 1, 1 << power, count) for power, count in sorted(counts.items())]


def _print_matrix(name: str, pairs: Sequence[Mapping[str, Any]]) -> None:
    """Rows: where what was dropped came from. Columns: where what it was dropped for came from."""
    rows, columns = (list(dict.fromkeys(pair[side] for pair in pairs)) for side in ("dropped", "partner"))
    counts = {(pair["dropped"], pair["partner"]): pair["documents"] for pair in pairs}
    ranked = sorted(columns, key=lambda column: -sum(counts.get((row, column), 0) for row in rows))
    shown = [column for column in columns if column in ranked[:_COLUMNS]]
    others = ranked[_COLUMNS:]
    table = _begin(f"{name}: dropped from ↓ for one of →", name, *shown, *(["others"] if others else []))
    for row in rows:
        cells = [counts.get((row, column), 0) for column in shown]
        cells += [sum(counts.get((row, column), 0) for column in others)] if others else []
        table.add_row(row, *(f"{cell:,}" if cell else "·" for cell in cells))
    out.print(table)


def _print_compared(compared: Mapping[str, Any]) -> None:
    limits = ", ".join(f"{count:,} ({label})" for label, count in compared["limits"].items())
    lines = [f"\npairs compared: {compared['pairs']:,}"]
    if limits:
        skipped, kept = (f"{compared[name]:,}" for name in ("skipped", "kept_after_skipping"))
        lines[0] += f"; of a bucket, a document meets the first {limits}"
        lines.append(f"comparisons skipped for that: {skipped}; documents kept in spite of it: {kept}")
    if compared["chained"]:
        lines.append(f"dropped for a document that they resemble only by way of others: {compared['chained']:,}")
    out.print("\n".join(lines), markup=False)


def _print_audit(audit: Mapping[str, Any]) -> None:
    pairs = sum(row["pairs"] for row in audit["verified"])
    if pairs:
        right = sum(row["pairs"] * row["verified_precision"] for row in audit["verified"] if row["pairs"])
        out.print(f"audit: {right / pairs:.1%} of {pairs:,} dropped documents, compared again on strings, are similar enough")
    off = [row for row in audit["detection"] if row["difference"] is not None]
    if off:
        worst = max(off, key=lambda row: abs(row["difference"]))
        planted = sum(row["pairs"] for row in off)
        out.print(
            f"audit: {planted:,} planted edits are found as theory says, to within {abs(worst['difference']):.3f} in every bin"
        )


def _begin(title: str, first: str, *others: str) -> Table:
    """A table to print under its title, which is printed at once: as a table's own it would be wrapped to its width."""
    out.print(Text(f"\n{title}", "bold"))
    table = Table(box=None, pad_edge=False)
    table.add_column(first, overflow="fold")
    for head in others:
        table.add_column(head, justify="right")
    return table


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.2f}"
