"""From judged answers to documents: who their parents are, what the recipe's guards say of them, how many may stay.

Pure: tables in, tables out.
"""

from __future__ import annotations

import json

import polars as pl

from data4llm_assets.document import DECISIONS, DOCUMENTS, conform, document_id, page_id, text_digests
from data4llm_assets.method import Edit, Method, Rule
from data4llm_assets.models.language_model import ModelIdentity
from data4llm_assets.synthesized.gates import first_failure
from data4llm_assets.synthesized.synthesis import CALLS, JUDGEMENTS, Synthesis, sampling_json

PARENT = ("page_id", "source", "domain", "snapshot", "language", "license")
"""What a new document takes over from the one it was made of; its page is another."""

ANSWERS = pl.Schema(
    {
        **{name: DOCUMENTS[name] for name in ("doc_id", *PARENT, "meta")},
        **{name: dtype for name, dtype in CALLS.items() if name != "doc_id"},
        "parent": pl.String(),
        "call": pl.String(),
        "finish_reason": pl.String(),
        **JUDGEMENTS,
    }
)
"""A document to be: who it is, what was asked, what was answered, and the gate that it failed."""


def named(calls: pl.DataFrame, parents: pl.DataFrame, method: Synthesis, model: ModelIdentity) -> pl.DataFrame:
    """The documents that the calls would make, before a word is generated.

    Parameters
    ----------
    calls : `synthesis.CALLS` and call: String.
    parents : (doc_id, text_digest and `PARENT`), each once.

    Returns
    -------
    The calls with doc_id and page_id of the new document, `parent` (doc_id), source, domain, snapshot, language, license, and meta.
    Calls that would make the same document are one.
    """
    above = parents.select(pl.col("doc_id").alias("parent"), pl.col("text_digest").alias("parent_digest"), *PARENT)
    joined = calls.rename({"doc_id": "parent"}).join(above, on="parent", how="inner", maintain_order="left")
    fixed = {
        "method": method.method,
        "prompt_version": method.prompt_version,
        "model": model.name,
        "model_digest": model.digest,
        "sampling": sampling_json(method.sampling),
    }
    rows = joined.select("source", "snapshot", "parent", "parent_digest", "page_id", "style", "call").to_dicts()
    described = [{**fixed, "parents": row["parent"], "style": row["style"], "call": row["call"]} for row in rows]
    meta = [[{"key": key, "value": value} for key, value in sorted(entries.items())] for entries in described]
    identities = [(row["parent_digest"], method.method, row["style"], row["call"]) for row in rows]
    return joined.with_columns(
        doc_id=pl.Series(
            [
                document_id(row["source"], row["snapshot"], "synthesized", *identity)
                for row, identity in zip(rows, identities, strict=True)
            ],
            dtype=pl.String,
        ),
        page_id=pl.Series(
            [page_id(row["source"], json.dumps(["synthesized", row["page_id"], method.method, row["style"]])) for row in rows],
            dtype=pl.String,
        ),
        meta=pl.Series(meta, dtype=DOCUMENTS["meta"]),
    ).unique("doc_id", keep="first", maintain_order=True)


def documents(answers: pl.DataFrame) -> pl.DataFrame:
    """`document.DOCUMENTS` of named calls with their text. The locator names the remembered call."""
    return conform(
        answers.with_columns(
            locator=pl.concat_str(pl.lit("call/"), "call"),
            media_type=pl.lit("text/plain"),
            text_digest=text_digests(answers["text"]),
            bytes=pl.col("text").str.len_bytes().cast(pl.Int64),
        ),
        DOCUMENTS,
    )


def edited(answers: pl.DataFrame, guards: tuple[Method, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The answers after every edit of the recipe's sanitization rules, in order, and a decision for each document edited."""
    decisions = [pl.DataFrame(schema=DECISIONS)]
    for guard in guards:
        if not isinstance(guard, Edit):
            continue
        changed = guard.edits(answers.select("doc_id", "text"))
        answers = answers.update(changed.select("doc_id", "text"), on="doc_id", how="left")
        spans = pl.col("spans").list.len().cast(pl.Float64)
        decisions.append(conform(changed.with_columns(rule=pl.lit(guard.method), action=pl.lit("edit"), value=spans), DECISIONS))
    return answers, pl.concat(decisions)


def refusals(answers: pl.DataFrame, guards: tuple[Method, ...], allowed_bytes: float) -> pl.DataFrame:
    """Why an answer does not stay: the gate it failed, a sanitization rule, an equal text before it, or the cap on synthetic text.

    Parameters
    ----------
    answers : (doc_id, text, gate, value, threshold), in the order in which the cap is filled.

    Returns
    -------
    `document.DECISIONS`, one row for each document that goes.
    """
    gated = answers.filter(pl.col("gate").is_not_null())
    found = [_drops(gated, pl.concat_str(pl.lit("synthesized."), "gate"))]
    standing = answers.filter(pl.col("gate").is_null()).select("doc_id", "text")
    for guard in guards:
        if isinstance(guard, Rule) and standing.height:
            measured = guard.signals(standing.select("text").with_columns(text_digest=text_digests(standing["text"])))
            verdicts = pl.concat([standing, first_failure(measured.cast(pl.Float64), guard.limits())], how="horizontal")
            found.append(_drops(verdicts.filter(pl.col("gate").is_not_null()), pl.concat_str(pl.lit(f"{guard.method}."), "gate")))
            standing = verdicts.filter(pl.col("gate").is_null()).select("doc_id", "text")
    first = standing.unique("text", keep="first", maintain_order=True)
    beside = standing.join(first.select("text", partner="doc_id"), on="text", maintain_order="left")
    found.append(_drops(beside.filter(pl.col("doc_id") != pl.col("partner")), pl.lit("synthesized.repeat")))
    so_far = pl.col("text").str.len_bytes().cum_sum().cast(pl.Float64)
    filled = first.with_columns(value=so_far, threshold=pl.lit(allowed_bytes))
    found.append(_drops(filled.filter(pl.col("value") > pl.col("threshold")), pl.lit("synthesized.share")))
    return pl.concat(found)


def _drops(rows: pl.DataFrame, rule: pl.Expr) -> pl.DataFrame:
    return conform(rows.with_columns(rule=rule, action=pl.lit("drop")), DECISIONS)
