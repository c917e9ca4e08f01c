"""What the two nodes of the grid do with one partition: sign its documents; apply the verdicts over them and take out spans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import polars as pl

from data4llm_assets.deduped.alone import Excising
from data4llm_assets.deduped.deduplication import Deduplication
from data4llm_assets.deduped.tables import FEW, VERDICTS, signature_schema, with_share
from data4llm_assets.document import DECISIONS, DOCUMENTS, KEPT, OVERLAY, conform, text_digests
from data4llm_assets.node import Ref, Work

_TOGETHER = 1 << 26
"""Bytes of text that are edited at once."""


def sign(work: Work, methods: Sequence[Deduplication]) -> None:
    """Write `signatures`: every document measured, batch by batch; texts seen before are remembered."""
    schema = signature_schema(methods)
    small = ["doc_id", "text_digest", *(f"{method.label}_size" for method in methods)]
    seen = [pl.DataFrame(schema=schema).select(small)]
    for rows in work.batches():
        batch = rows.unique("doc_id", keep="first", maintain_order=True)  # after a mixture, a document has a row for each phase
        measured = [_measured(work, method, batch).select(pl.all().name.prefix(f"{method.label}_")) for method in methods]
        whose = batch.select("doc_id", "page_id", "text_digest", "bytes")
        signed = conform(pl.concat([whose, *measured], how="horizontal"), schema)
        work.write("signatures", signed)
        seen.append(signed.select(small))
    documents = pl.concat(seen)
    enough = len(documents) >= FEW
    repeated = 1 - documents["text_digest"].n_unique() / len(documents) if enough else None
    unsigned = sum(documents[f"{method.label}_size"].null_count() for method in methods)
    totals = {"documents": [len(documents)], "unsigned": [unsigned], "repeated_share": [repeated]}
    work.metric("partition", pl.DataFrame(totals, schema_overrides={"repeated_share": pl.Float64}))
    of_texts = [method.label for method in methods if method.of == "text"]
    smallest = [(documents[f"{label}_size"] <= 1).mean() if enough else None for label in of_texts]
    shares = {"method": pl.Series(of_texts, dtype=pl.String), "smallest_share": pl.Series(smallest, dtype=pl.Float64)}
    work.metric("methods", pl.DataFrame(shares))


def _measured(work: Work, method: Deduplication, documents: pl.DataFrame) -> pl.DataFrame:
    if method.of == "url":  # as cheap as looking it up
        return method.signatures(documents.select("url"))
    return work.measure(method, documents, partial(_signed, work, method))


def _signed(work: Work, method: Deduplication, documents: pl.DataFrame) -> pl.DataFrame:
    found = method.signatures(documents)
    work.count(f"hashed_{method.label}", int(found["size"].sum()))
    return found


def settle(work: Work, verdicts: Ref, *, names_partner: bool, compares: bool) -> None:
    """Write `kept` and `decisions`: the documents of the view, less those with a verdict."""
    judged = work.read(verdicts)
    seen = _Seen()
    for batch in work.batches():
        _keep(work, batch, judged)
        seen.add(batch)
    seen.tell(work, judged, names_partner=names_partner, compares=compares)


def settle_edited(work: Work, verdicts: Ref, spans: Ref, method: Excising) -> None:
    """As `settle`, and `overlay`: the texts without the spans; what is left too short is dropped."""
    judged, cuts = work.read(verdicts), work.read(spans)
    cuts = cuts.join(judged, on="doc_id", how="anti", maintain_order="left")
    too_short: list[pl.DataFrame] = []
    seen = _Seen()
    for batch in work.batches():
        overlays = [pl.DataFrame(schema=OVERLAY)]
        for some in _together(batch.join(cuts, on="doc_id", how="semi", maintain_order="left")):
            edited, decided = _edit(work, some, cuts, method)
            short = pl.col("words") < method.min_words
            overlays.append(conform(edited.filter(~short), OVERLAY))
            dropped = edited.filter(short).select("doc_id", value=pl.col("words"), action=pl.lit("drop"))
            told = dropped.with_columns(rule=pl.lit(f"{method.label}.words"), threshold=pl.lit(float(method.min_words)))
            too_short.append(conform(told, VERDICTS))
            work.write("decisions", conform(decided, DECISIONS))
        overlay = pl.concat(overlays)
        work.write("overlay", overlay)
        gone = pl.concat([judged, *too_short])
        _keep(work, batch.update(overlay.drop("text"), on="doc_id", how="left"), gone)
        seen.add(batch)
    seen.tell(work, pl.concat([judged, *too_short]), names_partner=False, compares=False)


def _together(documents: pl.DataFrame) -> Iterator[pl.DataFrame]:
    parts = documents.unique("doc_id", keep="first", maintain_order=True).with_columns(part=pl.col("bytes").cum_sum() // _TOGETHER)
    for _, some in parts.group_by("part", maintain_order=True):
        yield some


def _edit(work: Work, documents: pl.DataFrame, cuts: pl.DataFrame, method: Excising) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The columns of OVERLAY and `words`; and the decisions."""
    from data4llm_assets.deduped.excision import excise

    read = work.texts(work.partition, documents["doc_id"])
    texts = documents.select("doc_id").join(read, on="doc_id", how="left", maintain_order="left")
    edited, told = excise(texts, cuts, method.label)
    edited = edited.with_columns(
        text_digests(edited["text"]), bytes=pl.col("text").str.len_bytes(), words=pl.col("text").str.count_matches(r"\S+")
    )
    count = pl.col("spans").list.len().cast(pl.Float64)
    return edited, told.with_columns(rule=pl.lit(f"{method.label}.repeated"), action=pl.lit("edit"), value=count)


def _keep(work: Work, batch: pl.DataFrame, gone: pl.DataFrame) -> None:
    further = [name for name in batch.columns if name not in DOCUMENTS]
    kept = batch.join(gone, on="doc_id", how="anti", maintain_order="left")
    work.write("kept", kept.select(*(pl.col(name).cast(dtype) for name, dtype in KEPT.items()), *further))


class _Seen:
    """The documents of the partition as they came, for the decisions and the checks."""

    def __init__(self) -> None:
        self._columns = {name: DOCUMENTS[name] for name in ("doc_id", "language", "text_digest", "bytes")}
        self._frames = [pl.DataFrame(schema=self._columns)]

    def add(self, batch: pl.DataFrame) -> None:
        self._frames.append(conform(batch, pl.Schema(self._columns)))

    def tell(self, work: Work, judged: pl.DataFrame, *, names_partner: bool, compares: bool) -> None:
        """Write the decisions of documents that do not stay, and the frames of the checks.

        names_partner : whether every verdict names the document that is repeated.
        compares : whether texts were compared, so that no two that stay are equal.
        """
        seen_once = pl.concat(self._frames).unique("doc_id", keep="first", maintain_order=True)
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
            repeated_texts=pl.lit(len(kept) - kept["text_digest"].n_unique() if compares else None, pl.Int64),
            strangers=pl.lit(len(judged) - len(decisions), pl.Int64),
            unnamed=pl.lit(judged["partner"].null_count() if names_partner else None, pl.Int64),
            length_ratio=pl.lit(_mean_bytes(kept) / max(_mean_bytes(fresh), 1) if len(kept) >= FEW else None, pl.Float64),
        )
        work.metric("partition", totals)


def _longest(documents: pl.DataFrame) -> int:
    return int(documents["bytes"].max() or 0)  # type: ignore[arg-type]


def _mean_bytes(documents: pl.DataFrame) -> float:
    return int(documents["bytes"].sum()) / len(documents)
