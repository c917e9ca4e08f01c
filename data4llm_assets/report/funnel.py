"""The funnel: documents and tokens into and out of each step, and why documents were dropped. Read from what is current."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl
from rich.table import Table

from data4llm_assets.lineage.reader import Reader
from data4llm_assets.node import Node, Ref


def funnel(corpus: Reader) -> list[dict[str, Any]]:
    """One entry per step of the recipe that is built.

    step, partitions, documents_in, documents_out, dropped, edited, added, retention, bytes_out, tokens_out (exact from `mixed` on,
    before it estimated from the bytes per token that the tokenizer measured, or None), tokens_exact, reasons ({rule: documents}).
    """
    per_byte = _tokens_per_byte(corpus)
    found = []
    for section in corpus.recipe.steps:
        node = corpus.graph.nodes[section.name]
        manifests = _manifests(corpus, node)
        if not manifests:
            continue
        rows = [_account(manifest, node) for manifest in manifests]
        entry: dict[str, Any] = {"step": section.name, "stage": section.stage, "partitions": len(rows)}
        totals = pl.DataFrame(rows, infer_schema_length=None)
        for name in ("documents_in", "documents_out", "dropped", "carried", "edited", "added", "bytes_out"):
            entry[name] = int(totals[name].sum()) if name in totals.columns else None
        taken = (entry["documents_in"] or 0) - (entry["carried"] or 0)
        entry["retention"] = 1 - (entry["dropped"] or 0) / taken if taken and entry["documents_out"] is not None else None
        exact = _exact_tokens(corpus, node, section.stage, rows)
        entry["tokens_exact"] = exact is not None
        size = _trained_bytes(corpus, node) or entry["bytes_out"]
        entry["tokens_out"] = exact if exact is not None else round(size * per_byte) if per_byte and size else None
        entry["reasons"] = _reasons([row for manifest in manifests for row in manifest["metrics"].get("reasons", [])])
        found.append(entry)
    return found


def funnel_table(corpus: Reader) -> Table:
    """The funnel as a person reads it."""
    table = Table(box=None, pad_edge=False)
    for head in ("step", "in", "out", "kept", "tokens out"):
        table.add_column(head, justify="left" if head == "step" else "right")
    table.add_column("why not the others, and what was edited", overflow="fold")
    for entry in funnel(corpus):
        reasons = ", ".join(f"{rule} {count:,}" for rule, count in list(entry["reasons"].items())[:4])
        more = len(entry["reasons"]) - 4
        tokens = entry["tokens_out"]
        table.add_row(
            entry["step"],
            _count(entry["documents_in"]),
            _out(entry),
            "" if entry["retention"] is None else f"{entry['retention']:.1%}",
            "" if tokens is None else f"{'' if entry['tokens_exact'] else '≈ '}{tokens:,}",
            reasons + (f", {more} more" if more > 0 else ""),
        )
    return table


def _out(entry: dict[str, Any]) -> str:
    if entry["stage"] == "packed":
        return f"{entry['documents_out']:,} sequences"
    new = (entry["documents_out"] or 0) + (entry["dropped"] or 0) + (entry["carried"] or 0) - (entry["documents_in"] or 0)
    return _count(entry["documents_out"]) + (f" ({new:,} new)" if entry["added"] else "")


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _manifests(corpus: Reader, node: Node) -> list[dict[str, Any]]:
    """The manifest of every current partition."""
    values = [corpus.state.entry(node.name, partition.key).value for partition in corpus.state.partitions(node)]
    found = [corpus.state.manifest(value["fingerprint"]) for value in values if value is not None]
    return [manifest for manifest in found if manifest is not None]


def _account(manifest: dict[str, Any], node: Node) -> dict[str, Any]:
    """The accounts of a partition; of a step that takes no documents, its rows and its own totals."""
    metrics = manifest["metrics"]
    if metrics.get("accounts"):
        return dict(metrics["accounts"][0])
    rows = int(manifest["tables"].get(node.tables[0], [None, 0])[1])
    return {"documents_out": rows, **next(iter(metrics.get("partition", [])), {})}


def _reasons(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Documents by the first rule that dropped, carried or edited them, most frequent first, over all partitions."""
    counts: Counter[str] = Counter()
    for row in rows:
        mark = "" if row["action"] == "drop" else f" ({row['action']})"
        counts[row["rule"] + mark] += row["documents"]
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _tokens_per_byte(corpus: Reader) -> float | None:
    """Measured where tokens were counted, to estimate the steps before."""
    for section in corpus.recipe.steps:
        if section.stage == "mixed":
            name = next((node.name for node in corpus.graph.nodes.values() if "tokens" in node.tables), None)
            if name is None:
                return None
            tokens = sum(int(frame["tokens"].sum()) for _, frame in corpus.tables(Ref(name, "tokens")))
            above = corpus.graph.nodes[name].view
            kept = above.kept if above else None
            size = sum(int(frame["bytes"].sum()) for _, frame in corpus.tables(kept)) if kept else 0
            return tokens / size if size else None
    return None


def _trained_bytes(corpus: Reader, node: Node) -> int:
    """Bytes of text with repeats, of a step that says how often a document is seen; 0 of one that does not."""
    if node.keeps not in node.schemas or "repeats" not in node.schemas[node.keeps]:
        return 0
    frames = [frame.select(pl.col("bytes") * pl.col("repeats")) for _, frame in corpus.tables(Ref(node.name, node.keeps))]
    return int(pl.concat(frames)["bytes"].sum()) if frames else 0


def _exact_tokens(corpus: Reader, node: Node, stage: str, rows: list[dict[str, Any]]) -> int | None:
    if stage == "mixed":
        counts = {"tokens": next(n.name for n in corpus.graph.nodes.values() if "tokens" in n.tables)}
        tokens = pl.concat([frame.select("doc_id", "tokens") for _, frame in corpus.tables(Ref(counts["tokens"], "tokens"))])
        kept = pl.concat([frame.select("doc_id", "repeats") for _, frame in corpus.tables(Ref(node.name, node.keeps))])
        return int(kept.join(tokens, on="doc_id").select((pl.col("tokens") * pl.col("repeats")).sum()).item() or 0)
    if stage == "packed":
        return sum(int(row.get("tokens", 0)) for row in rows)
    return None
