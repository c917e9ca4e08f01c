"""The card of an exported dataset: what its columns are, how much there is, where it came from, what was done to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from data4llm_assets.document import digest
from data4llm_assets.lineage.reader import Reader
from data4llm_assets.models.tokenizer import Tokenizer
from data4llm_assets.report import published
from data4llm_assets.report.funnel import funnel
from data4llm_assets.report.huggingface import Written, card, table
from data4llm_assets.report.published import Sequences
from data4llm_assets.report.sequence_columns import COLUMNS

_LOAD = """```python
from datasets import load_dataset

dataset = load_dataset("path/to/this/folder", split="train")
```
"""
_DOCUMENT_COLUMNS = {
    "doc_id": "the document's name in this corpus",
    "page_id": "what it is a version of: the same in every snapshot",
    "source": "source of the recipe that it came from",
    "domain": "group for mixing",
    "snapshot": "delivery that it came with",
    "url": "address, if it has one",
    "locator": "where it lies in its source",
    "fetched_at": "when it was fetched",
    "media_type": "what it was before extraction",
    "title": "title, if it has one",
    "language": "language that the document or its source declares",
    "license": "licence that the document or its source declares",
    "meta": "further keys and values",
    "text": "the text, as edited by the steps",
    "text_digest": "first 128 bits of SHA-256 of the text",
    "bytes": "of the text as UTF-8",
    "repeats": "how often it is trained on in its phase",
    "phase": "phase of training, 0 first",
}


def sequence_card(corpus: Reader, found: Sequences, tokenizer: Tokenizer, written: Written, schema: pa.Schema) -> str:
    """Of sequences in training order."""
    sums = {name: int(found.totals[name].sum()) for name in ("sequences", "tokens", "separators", "padding")}
    numbers: list[tuple[str, Any]] = [
        ("sequences", sums["sequences"]),
        ("tokens of a sequence", found.section.sequence_length),
        ("tokens of documents", sums["tokens"]),
        ("separators", sums["separators"]),
        ("padding", sums["padding"]),
        ("tokenizer", f"{tokenizer.name} ({tokenizer.digest})"),
        ("ids", f"below {tokenizer.vocabulary:,}; separator {tokenizer.separator}, padding {tokenizer.pad}"),
        ("packing", f"{found.section.strategy}, {found.section.parts} parts"),
    ]
    parts = [
        f"Sequences of {found.section.sequence_length} tokens, in the order to train on them in: read them as they come.\n",
        _LOAD,
        _columns(schema, {name: column.meaning for name, column in COLUMNS.items()}),
        "## Numbers\n",
        table(("", ""), numbers, _show),
        "Tokens of documents, repeats counted:\n",
        table(("domain", "copies of documents", "tokens", "share"), _domains(corpus, found.section.name), _show),
    ]
    if found.totals.height > 1:
        phases = found.totals.select("phase", "sequences", "tokens").iter_rows()
        parts += ["Phases of training, one after another:\n", table(("phase", "sequences", "tokens"), phases, _show)]
    return _card(corpus, parts, written, schema, (found.section.name, published.order_asset(corpus)))


def document_card(corpus: Reader, step: str, written: Written, schema: pa.Schema) -> str:
    """Of documents after a step."""
    parts = [f"Documents as they stand after `{step}`.\n", _LOAD, _columns(schema, _DOCUMENT_COLUMNS)]
    parts += ["## Numbers\n", table(("", ""), [("documents", written.rows), ("bytes of Parquet", written.parquet_bytes)], _show)]
    return _card(corpus, parts, written, schema, (step,))


def _card(corpus: Reader, parts: list[str], written: Written, schema: pa.Schema, assets: tuple[str, ...]) -> str:
    recipe = corpus.recipe
    prints = ", ".join(f"{asset} `{digest(*_flat(published.fingerprints(corpus, asset)))}`" for asset in assets)
    stale = corpus.stale(set(assets))
    licenses = {source.license for source in recipe.sources.values()}
    about: dict[str, Any] = {"pretty_name": corpus.name, "tags": ["data4llm"], "task_categories": ["text-generation"]}
    if len(licenses) == 1 and (only := licenses.pop()) is not None:
        about["license"] = only.lower()
    whole = [
        f"# {corpus.label}\n",
        f"{recipe.description}\n" if recipe.description else "",
        *parts,
        "## Where it came from\n",
        table(("source", "kind", "domain", "licence", "access", "files", "bytes"), _sources(corpus), _show),
        "The licence is the one that the recipe names for documents that name none themselves; empty: not known.\n",
        "## What was done\n",
        table(("step", "documents in", "documents out", "kept"), _funnel(corpus, assets[0]), _show),
        "Methods: " + ", ".join(_methods(corpus, assets)) + ".\n",
        f"Seed {recipe.seed}, snapshots {', '.join(corpus.state.snapshots)}. Equal fingerprints mean equal rows: {prints}.\n",
        f"Not up to date with the recipe when it was exported: {', '.join(stale)}.\n" if stale else "",
        "Made with data4llm.\n",
    ]
    return card(written, schema, about, "\n".join(part for part in whole if part))


def _columns(schema: pa.Schema, meanings: Mapping[str, str]) -> str:
    rows = [(f"`{field.name}`", _type(field.type), meanings[field.name]) for field in schema]
    return table(("column", "type", "what it holds"), rows)


def _type(dtype: pa.DataType) -> str:
    if pa.types.is_list(dtype):
        return f"list of {_type(dtype.value_type)}"
    return "struct" if pa.types.is_struct(dtype) else str(dtype)


def _flat(pairs: Mapping[str, str]) -> list[str]:
    return [each for pair in sorted(pairs.items()) for each in pair]


def _domains(corpus: Reader, packed: str) -> list[tuple[str, int, int, str]]:
    counts: dict[str, tuple[int, int]] = {}
    for row in _metrics(corpus, packed, "domains"):
        copies, tokens = counts.get(row["domain"], (0, 0))
        counts[row["domain"]] = (copies + row["copies"], tokens + row["tokens"])
    total = sum(tokens for _, tokens in counts.values())
    return [(domain, copies, tokens, f"{tokens / total:.1%}") for domain, (copies, tokens) in sorted(counts.items())]


def _metrics(corpus: Reader, node: str, frame: str) -> list[dict[str, Any]]:
    manifests = (corpus.state.manifest(fingerprint) for fingerprint in published.fingerprints(corpus, node).values())
    return [row for manifest in manifests if manifest is not None for row in manifest["metrics"].get(frame, [])]


def _sources(corpus: Reader) -> list[tuple[Any, ...]]:
    rows = []
    for name, source in corpus.recipe.sources.items():
        listed = [snapshot["sources"][name] for snapshot in corpus.state.snapshots.values() if name in snapshot["sources"]]
        counts = (sum(each["files"] for each in listed), sum(each["bytes"] for each in listed))
        rows.append((name, source.kind, source.domain, source.license or "", source.access, *counts))
    return rows


def _funnel(corpus: Reader, last: str) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for entry in funnel(corpus):
        kept = "" if entry["retention"] is None else f"{entry['retention']:.1%}"
        if entry["stage"] != "packed":
            rows.append((entry["step"], entry["documents_in"], entry["documents_out"], kept))
        if entry["step"] == last:
            break
    return rows


def _methods(corpus: Reader, assets: tuple[str, ...]) -> list[str]:
    concerned = corpus.graph.all_upstream(assets)
    nodes = (node for name, node in corpus.graph.nodes.items() if name in concerned)
    return list(dict.fromkeys(f"{method.method} (version {method.version})" for node in nodes for method in node.methods))


def _show(cell: Any) -> str:
    return "" if cell is None else f"{cell:,}" if isinstance(cell, int) else str(cell)

