"""The packing: token ids sent to parts, packed into sequences there, put in one order.

Here: what the three nodes of `packed` do. Not here: where a piece goes (`best_fit.py`, `concatenate.py`).
"""

from __future__ import annotations

from typing import Literal

import polars as pl

from data4llm_assets import document
from data4llm_assets.models.tokenizer import TokenizerModel, tokens
from data4llm_assets.node import Ref, Work

DOCUMENTS = pl.Schema(
    {"doc_id": pl.String(), "repeat": pl.Int64(), "domain": pl.String(), "phase": pl.Int64(), "tokens": pl.List(pl.UInt32)}
)
"""One row for each copy of a document; `repeat` counts from 0 within a phase."""

TOTALS = pl.Schema({"phase": pl.Int64, "domain": pl.String, "copies": pl.Int64, "tokens": pl.Int64})
ORDER = pl.Schema({"position": pl.Int64, "part": pl.Int64, "row": pl.Int64, "phase": pl.Int64})
"""Sequence `row` of part `part` is trained on at `position`, 0 first."""

LENGTHS = pl.Schema({"phase": pl.Int64, "sequences": pl.Int64, "tokens": pl.Int64, "separators": pl.Int64, "padding": pl.Int64})
"""What a part holds of each phase; its sequences lie in order of phase."""


def tokenize(work: Work, *, tokenizer: TokenizerModel, kept: Ref, parts: int, seed: int) -> None:
    model = work.model(tokenizer)
    # A document may be seen in several phases: who is seen how often comes from the kept table, texts from the view.
    standing = work.read(kept)
    once = {name: pl.lit(value, pl.Int64) for name, value in {"repeats": 1, "phase": 0}.items() if name not in standing.columns}
    seen = standing.with_columns(**once).select("doc_id", "repeats", "phase")
    totals = [pl.DataFrame(schema=TOTALS)]
    row = dict.fromkeys(("documents", "tokens", "documents_without_tokens", "separators_in_text", "ids_out_of_vocabulary"), 0)
    size = 0
    for batch in work.batches():
        batch = batch.select("doc_id", "domain", "text_digest", "bytes").unique("doc_id", maintain_order=True)
        ids = work.measure(tokenizer, batch, lambda unknown: tokens(unknown, model))["tokens"]
        rows = batch.select("doc_id", "domain", length=ids.list.len().cast(pl.Int64), row=pl.int_range(pl.len()))
        size += int(batch["bytes"].sum())
        row["documents"] += rows.height
        row["tokens"] += int(rows["length"].sum())
        row["documents_without_tokens"] += rows.filter(length=0).height
        row["separators_in_text"] += int((ids.explode() == model.separator).sum())
        row["ids_out_of_vocabulary"] += int((ids.list.max() >= model.vocabulary).sum())
        copies = rows.filter(pl.col("length") > 0).join(seen, on="doc_id", how="inner", maintain_order="left")
        copies = copies.with_columns(repeat=pl.int_ranges("repeats")).explode("repeat")
        copies = copies.with_columns(part_of(copies, parts, seed))
        for part in copies["part"].unique().sort():
            sent = copies.filter(part=part)
            sent = sent.with_columns(tokens=ids.gather(sent["row"]))  # not before: each step above would copy all tokens
            work.write_for(f"part-{part}", "documents", document.conform(sent, DOCUMENTS))
        counted = copies.group_by("phase", "domain").agg(copies=pl.len().cast(pl.Int64), tokens=pl.col("length").sum())
        totals.append(document.conform(counted, TOTALS))
    sums = pl.concat(totals).group_by("phase", "domain").sum().sort("phase", "domain")
    work.write("totals", sums)
    row |= {"copies": int(sums["copies"].sum()), "tokens_with_repeats": int(sums["tokens"].sum())}
    fit = pl.lit(size / row["tokens"] if row["tokens"] else None, pl.Float64)
    work.metric("partition", pl.DataFrame([row]).with_columns(bytes_per_token=fit))


def part_of(copies: pl.DataFrame, parts: int, seed: int) -> pl.Series:
    """The part of each (doc_id, repeat, phase): from a hashed start one part further each repeat, so repeats meet late."""
    start = (document.unit_hash(seed, "packed", copies["doc_id"].to_list()) * parts).cast(pl.Int64)
    return ((start + copies["repeat"] + copies["phase"]) % parts).alias("part")


def pack(
    work: Work,
    *,
    tokenizer: TokenizerModel,
    tokenized: str,
    strategy: Literal["best_fit", "concatenate"],
    sequence_length: int,
    separator: bool,
    seed: int,
) -> None:
    from data4llm_assets.packed import best_fit, concatenate, sequences
    from data4llm_assets.packed.tally import Tally

    model = work.model(tokenizer)
    table = pl.concat([pl.DataFrame(schema=DOCUMENTS), *(frame for _, frame in work.read_all(Ref(tokenized, "documents")))])
    copies = _in_seeded_order(table.drop("tokens"), table["tokens"].list.len().cast(pl.Int64), seed)
    flat = table["tokens"].rechunk().to_arrow().flatten().to_numpy(zero_copy_only=False)
    del table
    place = best_fit.place if strategy == "best_fit" else concatenate.place
    tally = Tally(sequence_length, model.vocabulary, model.separator, model.pad)
    for phase in copies["phase"].unique().sort():
        own = copies.filter(phase=phase)
        counts, begins = own["length"].to_numpy(), own["begin"].to_numpy()
        numbers = own["doc_id"].rank("dense").cast(pl.Int64).to_numpy() - 1
        pieces = place(counts, numbers, sequence_length, separator).ordered()
        tally.place(int(phase), own, pieces)
        made = sequences.written(pieces, flat, begins, own["doc_id"], sequence_length, model.separator, model.pad)
        for frame, broken in made:
            work.write("sequences", frame)
            tally.write(frame, broken)
    work.write("lengths", pl.DataFrame(tally.lengths, schema=LENGTHS, orient="row"))
    work.count("training_tokens", sum(tokens + separators for _, _, tokens, separators, _ in tally.lengths))
    for name, rows in tally.frames().items():
        work.metric(name, rows)


def _in_seeded_order(copies: pl.DataFrame, lengths: pl.Series, seed: int) -> pl.DataFrame:
    """Copies with their length and where their tokens begin, so that a sequence mixes sources however the corpus is sharded."""
    names = copies.select(pl.concat_str("doc_id", pl.col("repeat").cast(pl.String), separator="/")).to_series().to_list()
    unit = document.unit_hash(seed, "packed order", names)
    placed = copies.with_columns(unit, length=lengths, begin=lengths.cum_sum() - lengths)
    return placed.sort("phase", "unit", "doc_id", "repeat").drop("unit")


def order_training(work: Work, *, packed: str, tokenized: str, sequence_length: int, seed: int) -> None:
    from data4llm_assets.packed import order

    stretches = []
    counts = pl.DataFrame(schema=LENGTHS)
    for partition, frame in work.read_all(Ref(packed, "lengths")):
        first = 0
        for phase, rows in frame.select("phase", "sequences").iter_rows():
            stretches.append((phase, int(partition.key.rpartition("-")[2]), first, rows))
            first += rows
        counts = pl.concat([counts, frame])
    ordered = inversions = 0
    latest = -1
    for frame in order.permuted(stretches, seed):
        work.write("order", frame)
        ordered += frame.height
        phases = pl.concat([pl.Series([latest], dtype=pl.Int64), frame["phase"]])
        inversions += int((phases.diff() < 0).sum())
        latest = int(phases[-1])
    sent = sum(int(frame["tokens"].sum()) for _, frame in work.read_all(Ref(tokenized, "totals")))
    sums = {name: int(counts[name].sum()) for name in ("sequences", "tokens", "separators", "padding")}
    row = sums | {"tokens_sent": sent, "unordered_sequences": sums["sequences"] - ordered, "phase_inversions": inversions}
    row["unexplained_tokens"] = sums["sequences"] * sequence_length - sent - sums["separators"] - sums["padding"]
    work.metric("partition", pl.DataFrame([row]))
    work.metric("phases", counts.group_by("phase").sum().sort("phase"))
