"""The tables that stages exchange, and the names documents go by.

Here: schemas, identifiers, text digests. Not here: how tables are stored (`engine/`), or how they are made (the stages).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl


def _schema(columns: Mapping[str, Any]) -> pl.Schema:
    # Dtypes are classes or instances; Polars takes both, its annotations no mixture.
    return pl.Schema(columns)


RECORDS = _schema(
    {
        "doc_id": pl.String,
        "page_id": pl.String,
        "source": pl.String,
        "domain": pl.String,
        "snapshot": pl.String,
        "url": pl.String,
        "locator": pl.String,
        "fetched_at": pl.String,
        "media_type": pl.String,
        "title": pl.String,
        "language": pl.String,
        "license": pl.String,
        "meta": pl.List(pl.Struct({"key": pl.String, "value": pl.String})),
        "payload_digest": pl.String,
        "payload_bytes": pl.Int64,
        "count": pl.Int64,
    }
)
"""`raw_crawl`: an index of records. `count` identical records of one snapshot are one row. `meta` is a map<string,string>."""

DOCUMENTS = _schema(
    {
        "doc_id": pl.String,
        "page_id": pl.String,
        "source": pl.String,
        "domain": pl.String,
        "snapshot": pl.String,
        "url": pl.String,
        "locator": pl.String,
        "fetched_at": pl.String,
        "media_type": pl.String,
        "title": pl.String,
        "language": pl.String,
        "license": pl.String,
        "meta": pl.List(pl.Struct({"key": pl.String, "value": pl.String})),
        "text": pl.String,
        "text_digest": pl.String,
        "bytes": pl.Int64,
    }
)
"""`extracted_text` and `synthesized`: documents with their text. `bytes` counts UTF-8 bytes of `text`."""

KEPT = _schema({"doc_id": pl.String, "text_digest": pl.String, "bytes": pl.Int64})
"""Who stays after a step, and what their text is by then. From `mixed` on, `repeats` and `phase` stand beside."""

MIXED = _schema({**KEPT, "repeats": pl.Int64, "phase": pl.Int64})
"""`mixed` and later: how often a document is seen, and in which phase of training (0 is the first)."""

OVERLAY = _schema({"doc_id": pl.String, "text": pl.String, "text_digest": pl.String, "bytes": pl.Int64})
"""The documents whose text a step edited, with the text as it reads after all of that step's edits."""

SPAN = pl.Struct({"start": pl.Int64, "end": pl.Int64, "type": pl.String})
"""Half-open span in characters (Unicode code points) of the text before the edit."""

DECISIONS = _schema(
    {
        "doc_id": pl.String,
        "rule": pl.String,
        "action": pl.String,
        "value": pl.Float64,
        "threshold": pl.Float64,
        "partner": pl.String,
        "spans": pl.List(SPAN),
        "reason": pl.String,
    }
)
"""One row: what a rule said about a document. Never the offending text itself: a span and a type.

`rule` is `method.signal`; `action` is drop, edit, carry or keep; `carry` marks a document whose page needs no new verdict: an exact
repeat of the same page in an earlier snapshot, or a version that a newer one replaced. `partner` is the doc_id a duplicate was
dropped for; `reason` is a short sentence where a number does not explain the verdict (a parse error, say).
"""

SEQUENCES = _schema(
    {
        "input_ids": pl.List(pl.UInt32),
        "spans": pl.List(pl.Struct({"doc_id": pl.String, "doc_start": pl.Int64, "sequence_start": pl.Int64, "length": pl.Int64})),
    }
)
"""`packed`: token ids of one training sequence, and which tokens of which document they are. Separators lie in no span."""

TABLES: dict[str, str] = {
    "records": "an index of the records: what each is and where it lies, not its bytes",
    "documents": "documents with their text",
    "kept": "who stays after this step, and what their text is by then",
    "decisions": "what a rule said about a document: why it was dropped, edited or carried",
    "overlay": "the documents whose text this step edited, as they read afterwards",
}
"""What the tables that several stages publish hold."""

COLUMNS: dict[str, str] = {
    "doc_id": "name of the document: the same wherever it is built, from the same record",
    "page_id": "name of the page that the document is a version of: the same in every snapshot",
    "source": "source of the recipe that it comes from",
    "domain": "kind of text, for mixing, as the recipe names it",
    "snapshot": "delivery that it came with",
    "url": "its address, if it has one",
    "locator": "where to read the original again: file, offset or row",
    "fetched_at": "when it was fetched, if the source says so",
    "media_type": "of the original, such as text/html",
    "title": "as the original gives it",
    "language": "as the original gives it",
    "license": "as the original or the recipe gives it",
    "meta": "anything else that the source says of it, by key",
    "payload_digest": "SHA-256 of the original's bytes",
    "payload_bytes": "size of the original",
    "count": "how many identical records of the snapshot this one stands for",
    "text": "the text itself",
    "text_digest": "128-bit SHA-256 of the text: equal texts have equal digests",
    "bytes": "size of the text in UTF-8",
    "repeats": "how often the document is seen in this phase of training",
    "phase": "of training, 0 first",
    "rule": "which rule decided: method and signal",
    "action": "drop, edit, carry (an unchanged page of an earlier snapshot) or keep",
    "value": "what the rule measured",
    "threshold": "what the value was held against",
    "partner": "the document that this one repeats",
    "spans": "where, in characters of the text before the edit, and of what type",
    "reason": "in words, where no number explains it",
    "tokens": "how many, by the recipe's tokenizer",
}
"""What the columns that several stages use hold, in a phrase."""


def digest(*parts: str | bytes) -> str:
    """128-bit SHA-256 digest of the parts, as 32 hex digits. Lengths are hashed too, so ("ab", "c") and ("a", "bc") differ."""
    state = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.hexdigest()[:32]


def text_digest(text: str) -> str:
    """128-bit SHA-256 digest of the UTF-8 bytes of `text`, as 32 hex digits: equal to `sha256sum | head -c 32`."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def text_digests(texts: Iterable[str]) -> pl.Series:
    """`text_digest` of every text."""
    return pl.Series("text_digest", [text_digest(text) for text in texts], dtype=pl.String)


def page_id(source: str, address: str) -> str:
    """What a document is a version of: the same in every snapshot. `address` is a canonical URL or a path."""
    return digest("page", source, address)


def document_id(source: str, snapshot: str, *identity: str) -> str:
    """`identity` is (URL, payload digest) or (path, payload digest, part): never an offset, so a record may move."""
    return digest("document", source, snapshot, *identity)


def unit_hash(seed: int, purpose: str, ids: Sequence[str]) -> pl.Series:
    """A uniform number in (0, 1) for every id: a pure function of (seed, purpose, id), so draws do not depend on order.

    Returns
    -------
    Float64 series of len(ids), never exactly 0 or 1.
    """
    prefix = hashlib.blake2b(f"{seed}\x00{purpose}\x00".encode(), digest_size=8)
    values = []
    for identifier in ids:
        state = prefix.copy()
        state.update(identifier.encode())
        values.append((int.from_bytes(state.digest(), "little") >> 11) + 0.5)
    return pl.Series("unit", values, dtype=pl.Float64) / float(1 << 53)


def empty(schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame(schema=schema)


def conform(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """`frame` with exactly the columns of `schema`, in order and dtype; columns it lacks are null."""
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name) for name, dtype in schema.items()
    )
