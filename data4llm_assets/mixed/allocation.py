"""The allocation: count tokens by domain, cut each domain's tape to its quotas, give every document its repeats.

Here: what the three nodes of `mixed` do. Not here: the arithmetic (`quotas.py`, `tape.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import polars as pl

from data4llm_assets import document
from data4llm_assets.mixed import tally, tape
from data4llm_assets.mixed.quotas import exact, largest_remainder, quotas
from data4llm_assets.models.tokenizer import TokenizerModel, tokens
from data4llm_assets.node import Partition, Ref, Work

TOKENS = pl.Schema({"doc_id": pl.String, "domain": pl.String, "text_digest": pl.String, "tokens": pl.Int64})
REPEATS = pl.Schema({"doc_id": pl.String, "repeats": pl.Int64, "phase": pl.Int64})
MIXTURE = pl.Schema(
    {
        "domain": pl.String(),
        "phase": pl.Int64(),
        "weight": pl.Float64(),
        "asked": pl.Int64(),
        "quota": pl.Int64(),
        "given": pl.Int64(),
        "available": pl.Int64(),
        "documents": pl.Int64(),
        "largest": pl.Int64(),
        "epochs": pl.Float64(),
        "begin_epoch": pl.Int64(),
        "begin_place": pl.Float64(),
        "end_epoch": pl.Int64(),
        "end_place": pl.Float64(),
    }
)
"""In tokens: `asked` is the weight's share of the budget, `quota` what is left of it under the limits on epochs, `given` what whole
documents come to. `epochs` is `given / available`. The phase is the stretch of tape from (begin_epoch, begin_place) to (end_epoch,
end_place)."""


class Plan(NamedTuple):
    """What the recipe asks for, as exact numbers."""

    budgets: Sequence[int]
    weights: Sequence[Mapping[str, float]]
    max_epochs: Mapping[str, float]
    """The most epochs of a domain; "" stands for those not named."""

    def weighted(self) -> frozenset[str]:
        """The domains that have a weight above zero in some phase."""
        return frozenset(domain for weights in self.weights for domain, weight in weights.items() if weight > 0)

    def limit(self, domain: str, available: int) -> int:
        """The most tokens that a domain may give."""
        return int(available * exact(self.max_epochs.get(domain, self.max_epochs[""])))


def count(work: Work, *, tokenizer: TokenizerModel) -> None:
    documents = total = size = empty = 0
    for batch in work.batches():
        batch = batch.unique("doc_id", maintain_order=True)
        ids = work.measure(tokenizer, batch, lambda unknown: tokens(unknown, work.model(tokenizer)))
        rows = batch.select("doc_id", "domain", "text_digest").with_columns(tokens=ids["tokens"].list.len().cast(pl.Int64))
        work.write("tokens", document.conform(rows, TOKENS))
        documents += rows.height
        total += int(rows["tokens"].sum())
        size += int(batch["bytes"].sum())
        empty += rows.filter(tokens=0).height
    row = pl.DataFrame({"documents": [documents], "tokens": [total], "bytes": [size], "documents_without_tokens": [empty]})
    work.metric("partition", row.with_columns(bytes_per_token=pl.lit(size / total if total else None, pl.Float64)))


def mix(work: Work, *, plan: Plan, seed: int, counted: str) -> None:
    """Three passes over (doc_id, tokens): histogram of places, the bins that cuts fall in, repeats."""
    source = Ref(counted, "tokens")
    counts = tape.histogram(frame for _, frame in _placed(work, source, seed))
    domains = counts.group_by("domain").agg(pl.col("tokens", "documents").sum(), pl.col("largest").max()).sort("domain")
    available = dict(domains.select("domain", "tokens").iter_rows())
    absent = sorted(domain for domain in plan.weighted() if not available.get(domain))
    if absent and available:
        msg = f"mixed: no tokens of the weighted domain {', '.join(absent)}; the corpus has {', '.join(sorted(available))}"
        raise ValueError(msg)
    weights = [{domain: exact(phase.get(domain, 0.0)) for domain in available} for phase in plan.weights]
    asked = [largest_remainder(budget, phase) for budget, phase in zip(plan.budgets, weights, strict=True)]
    limits = {domain: plan.limit(domain, amount) for domain, amount in available.items()}
    given = quotas(plan.budgets, weights, limits)
    cuts = _cuts(counts, given, lambda: (frame for _, frame in _placed(work, source, seed)))
    spent: dict[tuple[str, int], int] = {}
    for partition, frame in _placed(work, source, seed):
        repeats = _repeats(frame, cuts)
        work.write_for(partition.key, "repeats", document.conform(repeats, REPEATS))
        sums = repeats.group_by("domain", "phase").agg((pl.col("repeats") * pl.col("tokens")).sum())
        for domain, phase, amount in sums.iter_rows():
            spent[domain, phase] = spent.get((domain, phase), 0) + amount
    rows = []
    for domain, total, documents, largest in domains.iter_rows():
        for phase, (begin, end) in enumerate(pairwise(cuts[domain])):
            amount, weight = spent.get((domain, phase), 0), float(weights[phase][domain])
            numbers = (asked[phase][domain], given[phase][domain], amount, total, documents, largest)
            rows.append((domain, phase, weight, *numbers, amount / total if total else 0.0, *begin, *end))
    mixture = pl.DataFrame(rows, schema=MIXTURE, orient="row")
    work.write("mixture", mixture)
    _report(work, mixture, plan, limits)


def apply(work: Work, *, mixture: str, counted: str, weighted: frozenset[str]) -> None:
    repeats, measured = work.read(Ref(mixture, "repeats")), work.read(Ref(counted, "tokens"))
    counted_texts = measured.select("doc_id", "tokens", measured="text_digest")
    standing, given = [pl.DataFrame(schema=tally.STANDING)], [pl.DataFrame(schema=tally.GIVEN)]
    changed = 0
    for batch in work.batches():
        batch = batch.select("doc_id", "domain", "text_digest", "bytes").unique("doc_id", maintain_order=True)
        batch = batch.join(counted_texts, on="doc_id", how="left", maintain_order="left")
        kept = batch.join(repeats, on="doc_id", how="inner", maintain_order="left")
        work.write("kept", document.conform(kept, document.MIXED))
        work.write("decisions", _decisions(batch.join(repeats, on="doc_id", how="anti", maintain_order="left"), weighted))
        standing.append(document.conform(batch, tally.STANDING))
        given.append(document.conform(kept, tally.GIVEN))
        changed += batch.filter(pl.col("text_digest").ne_missing(pl.col("measured"))).height
    every, stays = pl.concat(standing), pl.concat(given)
    unknown = repeats["doc_id"].n_unique() - stays["doc_id"].n_unique()
    work.metric("partition", tally.totals(every, stays, weighted).with_columns(
        tokens=pl.lit(int(measured["tokens"].sum())), changed_texts=pl.lit(changed), unknown_documents=pl.lit(unknown)
    ))  # fmt: skip
    work.metric("domains", tally.domains(every, stays))
    work.metric("phases", tally.phases(stays))


def places(doc_ids: pl.Series, seed: int) -> pl.Series:
    """Place of each document on its domain's tape."""
    return document.unit_hash(seed, "mixed", doc_ids.to_list()).alias("place")


def _placed(work: Work, source: Ref, seed: int) -> Iterator[tuple[Partition, pl.DataFrame]]:
    for partition, frame in work.read_all(source):
        yield partition, frame.select("doc_id", "domain", "tokens").with_columns(places(frame["doc_id"], seed))


def _cuts(
    counts: pl.DataFrame, given: Sequence[Mapping[str, int]], placed: Callable[[], Iterable[pl.DataFrame]]
) -> dict[str, list[tape.Cut]]:
    """Where each domain's phases begin and end: one cut more than there are phases."""
    own = {domain: counts.filter(domain=domain) for domain in counts["domain"].unique().sort()}
    ends = {domain: [0, *accumulate(phase[domain] for phase in given)] for domain in own}
    located = {domain: tape.bins_of(own[domain], ends[domain]) for domain in own}
    pairs = {(domain, place.bin) for domain, places in located.items() for place in places if place.bin is not None}
    wanted = pl.DataFrame(sorted(pairs), schema={"domain": pl.String, "bin": pl.Int32}, orient="row")
    members = [pl.DataFrame(schema={"domain": pl.String, "place": pl.Float64, "tokens": pl.Int64, "bin": pl.Int32})]
    if wanted.height:
        binned = (frame.select("domain", "place", "tokens", tape.BIN) for frame in placed())
        members += [frame.join(wanted, on=["domain", "bin"], how="semi") for frame in binned]
    inside = pl.concat(members)
    return {domain: [tape.cut(inside.filter(domain=domain), place) for place in places] for domain, places in located.items()}


def _repeats(placed: pl.DataFrame, cuts: Mapping[str, Sequence[tape.Cut]]) -> pl.DataFrame:
    """One row for each document and phase it is seen in, in the order of the documents."""
    found = [pl.DataFrame(schema={**placed.schema, "row": pl.UInt32, "repeats": pl.Int64, "phase": pl.Int64})]
    numbered = placed.with_columns(row=pl.int_range(pl.len(), dtype=pl.UInt32))
    for domain in placed["domain"].unique().sort():
        own = numbered.filter(domain=domain)
        for phase, (begin, end) in enumerate(pairwise(cuts[domain])):
            stretch = own.with_columns(tape.copies(begin, end), phase=pl.lit(phase, pl.Int64))
            found.append(stretch.filter(pl.col("repeats") > 0))
    return pl.concat(found).sort("row", "phase")


def _decisions(left_out: pl.DataFrame, weighted: frozenset[str]) -> pl.DataFrame:
    spent = pl.lit("the quota of its domain was reached before its turn")
    reason = pl.when(pl.col("domain").is_in(list(weighted))).then(spent).otherwise(pl.lit("its domain has no weight"))
    rows = left_out.select(
        "doc_id", rule=pl.lit("mixed.budget"), action=pl.lit("drop"), value=pl.col("tokens").cast(pl.Float64), reason=reason
    )
    return document.conform(rows, document.DECISIONS)


def _report(work: Work, mixture: pl.DataFrame, plan: Plan, limits: Mapping[str, int]) -> None:
    budget, quota, given = sum(plan.budgets), int(mixture["quota"].sum()), int(mixture["given"].sum())
    unweighted = len(set(mixture["domain"]) - plan.weighted())
    row = {"budget": budget, "quota": quota, "given": given, "unspent": budget - quota, "unweighted_domains": unweighted}
    share = (budget - quota) / budget if mixture.height else None
    work.metric("partition", pl.DataFrame([row]).with_columns(unspent_share=pl.lit(share, pl.Float64)))
    error = (pl.col("given") - pl.col("quota")).abs() / pl.col("largest")
    actual = pl.col("given") / pl.col("given").sum().over("phase")
    named = mixture.filter(pl.col("weight") > 0).select(
        "domain", "phase", "weight", "quota", "given", "epochs", error_documents=error, share_error=actual - pl.col("weight")
    )
    work.metric("domains", named.fill_nan(None))
    repeated = mixture.group_by("domain").agg(pl.col("quota").sum(), pl.col("epochs").sum()).sort("domain")
    excess = pl.Series("over_limit", [tokens - limits[domain] for domain, tokens, _ in repeated.iter_rows()], dtype=pl.Int64)
    work.metric("epochs", repeated.with_columns(excess))
