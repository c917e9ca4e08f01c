"""First come, first kept: a document is dropped if and only if it matches an earlier document that was kept.

One step of the fold over the snapshots in order of arrival. Documents that a method holds equal collapse to the first of them;
then every document that remains is compared with its candidates, earliest first, and no further than its verdict needs. Pure:
the texts to verify on come through a function, and neither memory nor the number of splits can change a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numba import njit

from data4llm_assets.deduped.budget import require
from data4llm_assets.deduped.candidates import Entries, Meetings, meetings, next_candidates
from data4llm_assets.deduped.components import unite
from data4llm_assets.deduped.flat import unlist
from data4llm_assets.deduped.matching import Matching
from data4llm_assets.deduped.tables import COUNTS, DROPS, KeepRule
from data4llm_assets.deduped.verify import Fetch, Verifier

UNKNOWN, KEPT, DROPPED = 0, 1, 2
IDENTITY = "identity.doc_id"
"""Rule of a document that two shards of a snapshot hold: it is one document."""
_PAIRS_AT_ONCE = 1 << 21
_ENTRY_BYTES = 48
_DOCUMENT_BYTES = 128
_METHOD_BYTES = 24
"""Resident for every document, and for each method of it."""
_GROWTH = 4


@dataclass(frozen=True)
class Step:
    """What one snapshot adds to what was kept before it.

    earlier : kept documents of earlier snapshots, (arrival: UInt32, page: UInt64, text: UInt64), the last two as hashes, and
        `<label>_key: UInt64`, `<label>_size: UInt32` for each method.
    new : documents of this snapshot in their total order: the same columns, `doc_id`, and `<label>_buckets: List(UInt64)`.
    gone : `judged_before` of documents of earlier snapshots that were not kept.
    entries : the bucket entries of `earlier` under a method, in order; may be asked for again and again.
    fetch : texts of documents, earlier ones first.
    memory : bytes.
    rule : `components` drops all but the first of what is connected by matches, and so compares with dropped ones, too.
    """

    methods: Sequence[Matching]
    earlier: pl.DataFrame
    new: pl.DataFrame
    gone: np.ndarray
    entries: Callable[[Matching], Iterable[Entries]]
    fetch: Fetch
    memory: int
    rule: KeepRule = "first_kept"


def judged_before(page: np.ndarray, text: np.ndarray) -> np.ndarray:
    """One number (uint64) for a page with a text, of the hashes of both: by it an exact repeat is known again."""
    return page * np.uint64(0x9E3779B97F4A7C15) ^ text


def bucket_entries(buckets: pl.Series, first: int = 0) -> Entries:
    """Entries of documents `first`, `first` + 1, ...: every bucket key with its document."""
    keys, offsets = unlist(buckets)
    return keys, np.repeat(np.arange(first, first + len(buckets), dtype=np.uint32), np.diff(offsets))


def decide(step: Step) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Verdicts over the new documents.

    Returns
    -------
    The dropped ones (`DROPS`, in order of position), and one row of `COUNTS`.
    """
    both = pl.concat([step.earlier, step.new.select(step.earlier.columns)])
    before, total = len(step.earlier), len(both)
    _require_memory(step, both)
    parent, cause = np.arange(total), np.full(total, -1, np.int16)
    parent[before:] = before + step.new.with_row_index("row").select(pl.col("row").first().over("doc_id")).to_series().to_numpy()
    sizes = (both[f"{method.label}_size"].to_numpy() for method in step.methods)
    verifiers = [Verifier(method, size, step.fetch, step.memory // 8) for method, size in zip(step.methods, sizes, strict=True)]
    for number, verifier in enumerate(verifiers):
        _collapse(both, before, parent, cause, number, verifier)
        verifier.forget()

    status = np.full(total, UNKNOWN, np.uint8)
    status[:before] = KEPT
    status[parent != np.arange(total)] = DROPPED
    found = [_meetings(step, method, parent) for method in step.methods]
    partner, value = np.where(parent == np.arange(total), -1, parent), np.ones(total)
    if step.rule == "components":
        compared = unite(verifiers, found, status, partner, value, cause)
    else:
        compared = _resolve(verifiers, found, before, status, partner, value, cause)

    # Whoever collapsed to a document that was itself dropped shares its verdict; a chain is as long as the list of methods.
    for _ in range(len(step.methods) + 1):
        orphans = np.flatnonzero((status == DROPPED) & (status[partner] == DROPPED))
        models = partner[orphans]
        partner[orphans], value[orphans], cause[orphans] = partner[models], value[models], cause[models]
    skipped = sum((meeting.skipped for meeting in found if meeting), np.zeros(total - before, np.int64))
    drops = _drops(step, both, status, partner, value, cause)
    margins = drops["value"] - drops["threshold"]
    counts = {
        "documents": len(step.new),
        "kept": (status[before:] == KEPT).sum(),
        "dropped": (drops["action"] == "drop").sum(),
        "carried": (drops["action"] == "carry").sum(),
        "compared": compared,
        "skipped": skipped.sum(),
        "kept_after_skipping": ((status[before:] == KEPT) & (skipped > 0)).sum(),
        "orphans": (status[partner[status == DROPPED]] != KEPT).sum(),
        "chained": (margins < 0).sum(),
        "margin": margins.min() if step.rule == "first_kept" else None,
    }
    return drops, pl.DataFrame({name: [value] for name, value in counts.items()}, schema=COUNTS, strict=False)


def _require_memory(step: Step, both: pl.DataFrame) -> None:
    """What cannot be split: some numbers for every document, the buckets of the new ones, two documents while they are compared."""
    buckets = sum(int(step.new[f"{method.label}_buckets"].list.len().sum() or 0) for method in step.methods)
    largest = max((int(both[f"{method.label}_size"].max() or 0) * method.weight for method in step.methods), default=0)  # type: ignore[arg-type]
    each = _DOCUMENT_BYTES + _METHOD_BYTES * len(step.methods)
    what = f"deduplicating {len(step.new):,} documents against {len(step.earlier):,} kept before"
    require(what, len(both) * each + buckets * 8 + 4 * largest, step.memory)


def _collapse(both: pl.DataFrame, before: int, parent: np.ndarray, cause: np.ndarray, number: int, verifier: Verifier) -> None:
    """Hang documents under the first one of equal key, once verified; equal digests of the whole text need no second look."""
    standing = pl.Series(np.flatnonzero(parent == np.arange(len(parent))))
    pending = both.select(key=f"{verifier.method.label}_key", text="text").with_row_index("node")[standing]
    wanted = pending.filter(pl.col("node") >= before).select(pl.col("key").unique())
    pending = pending.join(wanted, on="key", how="semi", maintain_order="left")
    while True:
        pending = pending.with_columns(pl.col("node", "text").first().over("key").name.prefix("first_"))
        followers = pending.filter(pl.col("node") != pl.col("first_node"))
        if followers.is_empty():
            return
        node, first = followers["node"].to_numpy(), followers["first_node"].to_numpy()
        same = followers.select(pl.col("text") == pl.col("first_text")).to_series().to_numpy() & (node >= before)
        doubtful = np.flatnonzero(~same & (node >= before))  # two kept ones are known to differ
        same[doubtful] = verifier.similarities(first[doubtful], node[doubtful]) >= 1
        parent[node[same]], cause[node[same]] = first[same], number
        pending = followers.filter(pl.Series(~same)).select("node", "key", "text")


def _meetings(step: Step, method: Matching, parent: np.ndarray) -> Meetings | None:
    if not method.comparisons:
        return None
    before = len(step.earlier)
    keys, nodes = bucket_entries(step.new[f"{method.label}_buckets"], before)
    standing = parent[nodes] == nodes
    keys, nodes = keys[standing], nodes[standing]
    splits = 1
    while len(keys) * _ENTRY_BYTES > splits * max(step.memory // 4, _ENTRY_BYTES):
        splits *= 2
    return meetings(
        (keys, nodes),
        lambda: step.entries(method),
        new=before,
        documents=len(parent),
        compare=method.comparisons,
        splits=splits,
    )


def _resolve(
    verifiers: Sequence[Verifier],
    found: Sequence[Meetings | None],
    before: int,
    status: np.ndarray,
    partner: np.ndarray,
    value: np.ndarray,
    cause: np.ndarray,
) -> int:
    """Compare and decide in rounds; every round a document without a verdict sees four times as many candidates as before.

    Methods are asked in order, candidates earliest first, so the partner of a dropped document is the earliest kept match of the
    first method that has one. Most documents of a large cluster match its first document, and ask for no second.

    Returns
    -------
    How many pairs were compared.
    """
    numbers = [number for number, meeting in enumerate(found) if meeting is not None]
    compared, count = 0, 1
    waiting = np.flatnonzero(status == UNKNOWN)
    at, cursors = np.zeros(len(waiting), np.int64), np.full(len(waiting), -1, np.int64)
    matches, likeness = np.zeros((0, 3), np.int64), np.zeros(0)
    while len(waiting):
        dropped, rows, similarities = status == DROPPED, [matches], [likeness]
        for place, number in enumerate(numbers):
            verifier, meeting = verifiers[number], found[number]
            assert meeting is not None
            asking, batch = np.flatnonzero(at == place), max(_PAIRS_AT_ONCE // count, 1)
            for some in np.split(asking, range(batch, len(asking), batch)):
                cursor = cursors[some]
                documents, candidates, more = next_candidates(
                    waiting[some], cursor, count, before, dropped, verifier.sizes, verifier.method.threshold,
                    meeting.leaders, meeting.bounds, meeting.buckets, meeting.starts,
                )  # fmt: skip
                cursors[some] = np.where(more, cursor, -1)
                at[some[~more]] = place + 1
                similar = verifier.similarities(candidates, documents)
                match = similar >= verifier.method.threshold
                rows.append(np.stack([documents[match], np.full(match.sum(), number), candidates[match]], axis=1))
                similarities.append(similar[match])
                compared += len(similar)
        matches, likeness = np.concatenate(rows), np.concatenate(similarities)
        order = np.lexsort((matches[:, 2], matches[:, 1], matches[:, 0]))
        matches, likeness = matches[order], likeness[order]
        begins, ends = (np.searchsorted(matches[:, 0], waiting, side=side) for side in ("left", "right"))
        by = _verdicts(waiting, at == len(numbers), begins, ends, matches[:, 2].copy(), status)
        node, row = waiting[by >= 0], by[by >= 0]
        partner[node], value[node], cause[node] = matches[row, 2], likeness[row], matches[row, 1]
        still = status[waiting] == UNKNOWN
        waiting, at, cursors = waiting[still], at[still], cursors[still]
        useful = (status[matches[:, 0]] == UNKNOWN) & (status[matches[:, 2]] != DROPPED)
        matches, likeness, count = matches[useful], likeness[useful], count * _GROWTH
    return compared


@njit(cache=True, nogil=True)
def _verdicts(
    waiting: np.ndarray, done: np.ndarray, begins: np.ndarray, ends: np.ndarray, candidates: np.ndarray, status: np.ndarray
) -> np.ndarray:
    """Settle documents in order, as far as the matches known so far allow; the match each was dropped for, or -1."""
    by = np.full(len(waiting), -1, np.int64)
    for i in range(len(waiting)):
        verdict = KEPT if done[i] else UNKNOWN
        for row in range(begins[i], ends[i]):
            if status[candidates[row]] == KEPT:
                verdict, by[i] = DROPPED, row
                break
            if status[candidates[row]] == UNKNOWN:
                verdict = UNKNOWN
                break
        status[waiting[i]] = verdict
    return by


def _drops(
    step: Step, both: pl.DataFrame, status: np.ndarray, partner: np.ndarray, value: np.ndarray, cause: np.ndarray
) -> pl.DataFrame:
    before = len(step.earlier)
    nodes = np.flatnonzero(status == DROPPED)
    partners = partner[nodes]
    page, text = both["page"].to_numpy(), both["text"].to_numpy()
    arrival = both["arrival"].to_numpy()
    of_partner = (arrival[partners] < arrival[nodes]) & (page[nodes] == page[partners]) & (text[nodes] == text[partners])
    # A page that was dropped and comes again unchanged is dropped again, but no new loss.
    carried = (of_partner & (value[nodes] >= 1)) | np.isin(judged_before(page[nodes], text[nodes]), step.gone)
    rules = pl.DataFrame(
        {
            "cause": list(range(-1, len(step.methods))),
            "rule": [IDENTITY, *(method.rule for method in step.methods)],
            "threshold": [None, *(method.threshold for method in step.methods)],
        },
        schema={"cause": pl.Int16, "rule": pl.String, "threshold": pl.Float64},
    )
    frame = pl.DataFrame(
        {
            "position": nodes - before,
            "cause": cause[nodes],
            "action": np.where(carried, "carry", "drop"),
            "value": value[nodes],
            "partner": (np.cumsum(status == KEPT) - 1)[partners],
        }
    )
    frame = frame.join(rules, on="cause", how="left", maintain_order="left")
    value_ = pl.when(pl.col("cause") >= 0).then("value").alias("value")
    return frame.with_columns(value_).select(pl.col(name).cast(dtype) for name, dtype in DROPS.items())
