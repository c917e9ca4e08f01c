"""What the two nodes of the grid do with one partition: sign its documents, apply the verdicts over them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import polars as pl

from data4llm_assets.deduped.matching import Matching
from data4llm_assets.deduped.tables import FEW, signature_schema, with_share
from data4llm_assets.document import DECISIONS, DOCUMENTS, KEPT, conform
from data4llm_assets.node import Ref, Work


def sign(work: Work, methods: Sequence[Matching]) -> None:
    """Write `signatures`: every document measured, batch by batch; texts seen before are remembered."""
    schema = signature_schema(methods)
    small = [name for name in schema if not name.endswith("_buckets")]
    seen = [pl.DataFrame(schema=schema).select(small)]
    for rows in work.batches():
        batch = rows.unique("doc_id", keep="first", maintain_order=True)  # after a mixture, a document has a row for each phase
        measured = [
            work.measure(method, batch, partial(_signed, work, method)).select(pl.all().name.prefix(f"{method.label}_"))
            for method in methods
        ]
        signed = conform(pl.concat([batch.select("doc_id", "page_id", "text_digest"), *measured], how="horizontal"), schema)
        work.write("signatures", signed)
        seen.append(signed.select(small))
    documents = pl.concat(seen)
    enough = len(documents) >= FEW
    repeated = 1 - documents["text_digest"].n_unique() / len(documents) if enough else None
    unsigned = sum(documents[f"{method.label}_key"].null_count() for method in methods)
    totals = {"documents": [len(documents)], "unsigned": [unsigned], "repeated_share": [repeated]}
    work.metric("partition", pl.DataFrame(totals, schema_overrides={"repeated_share": pl.Float64}))
    smallest = [(documents[f"{method.label}_size"] <= 1).mean() if enough else None for method in methods]
    labels = [method.label for method in methods]
    work.metric("methods", pl.DataFrame({"method": labels, "smallest_share": pl.Series(smallest, dtype=pl.Float64)}))


def _signed(work: Work, method: Matching, documents: pl.DataFrame) -> pl.DataFrame:
    found = method.signatures(documents)
    work.count(f"hashed_{method.label}", int(found["size"].sum()))
    return found


def settle(work: Work, verdicts: Ref) -> None:
    """Write `kept` and `decisions`: the documents of the view, less those with a verdict."""
    judged = work.read(verdicts)
    seen = [pl.DataFrame(schema={name: DOCUMENTS[name] for name in ("doc_id", "language", "text_digest", "bytes")})]
    for batch in work.batches():
        further = [name for name in batch.columns if name not in DOCUMENTS]
        kept = batch.join(judged, on="doc_id", how="anti", maintain_order="left")
        work.write("kept", kept.select(*(pl.col(name).cast(dtype) for name, dtype in KEPT.items()), *further))
        seen.append(conform(batch, seen[0].schema))
    seen_once = pl.concat(seen).unique("doc_id", keep="first", maintain_order=True)
    documents = seen_once.join(judged.select("doc_id", "action"), on="doc_id", how="left", maintain_order="left")
    decisions = judged.join(documents, on="doc_id", how="semi", maintain_order="left")
    work.write("decisions", conform(decisions, DECISIONS))
    kept, fresh = documents.filter(pl.col("action").is_null()), documents.filter(pl.col("action").ne_missing("carry"))
    counted = {
        "documents": pl.len().cast(pl.Int64),
        "carried": (pl.col("action") == "carry").sum().cast(pl.Int64),
        "dropped": (pl.col("action") == "drop").sum().cast(pl.Int64),
    }
    languages = documents.group_by("language").agg(**counted).sort("language")
    work.metric("languages", with_share(languages))
    new = pl.col("documents") - pl.col("carried")
    lost = languages.filter(new >= FEW, new == pl.col("dropped"))
    totals = with_share(documents.select(**counted)).with_columns(
        languages_lost=pl.lit(len(lost), pl.Int64),
        longest_ratio=pl.lit(_longest(kept) / max(_longest(fresh), 1) if len(fresh) >= FEW else None, pl.Float64),
        repeated_texts=pl.lit(len(kept) - kept["text_digest"].n_unique(), pl.Int64),
        strangers=pl.lit(len(judged) - len(decisions), pl.Int64),
        unnamed=pl.lit(judged["partner"].null_count(), pl.Int64),
        length_ratio=pl.lit(_mean_bytes(kept) / max(_mean_bytes(fresh), 1) if len(kept) >= FEW else None, pl.Float64),
    )
    work.metric("partition", totals)


def _longest(documents: pl.DataFrame) -> int:
    return max(documents["bytes"].to_list(), default=0)


def _mean_bytes(documents: pl.DataFrame) -> float:
    return int(documents["bytes"].sum()) / len(documents)
