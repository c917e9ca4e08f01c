"""What the checks of `packed` look at: where the pieces lie, and what the sequences hold once they are written.

Figures of few sequences or pieces say nothing, and are null.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl

from data4llm_assets.packed.placement import Numbers, Pieces

ENOUGH_SEQUENCES = 1000
"""Fewer cannot be full, and hold few documents, of which one is always large."""
ENOUGH_PIECES = 100
DOMAINS = pl.Schema({"domain": pl.String, "copies": pl.Int64, "tokens": pl.Int64, "missing_tokens": pl.Int64})
_COUNTS = (
    "pieces", "cut_documents", "needlessly_cut", "documents_met_again", "overlapping_pieces", "broken_tokens",
    "stray_separators", "ids_out_of_vocabulary",
)  # fmt: skip


class Tally:
    """Counts of one part, phase by phase."""

    def __init__(self, sequence_length: int, vocabulary: int, separator: int, pad: int) -> None:
        self._sequence_length, self._vocabulary, self._separator, self._pad = sequence_length, vocabulary, separator, pad
        self._counts: Counter[str] = Counter(dict.fromkeys(_COUNTS, 0))
        self._least = 0
        self.lengths: list[tuple[int, int, int, int, int]] = []
        """(phase, sequences, tokens, separators, padding) of each phase, in the order they were placed."""
        self._domains = [pl.DataFrame(schema=DOMAINS)]
        self._documents = [pl.DataFrame(schema={"doc_id": pl.String, "length": pl.Int64})]

    def place(self, phase: int, copies: pl.DataFrame, pieces: Pieces) -> None:
        """Count where one phase's copies (doc_id, domain, length) went. `pieces`: in order of sequence and offset."""
        counts, length = self._counts, self._sequence_length
        wanted = copies["length"].to_numpy()
        spread = np.bincount(pieces.row, minlength=len(wanted))
        used, closed = int((pieces.length + pieces.closed).sum()), int(pieces.closed.sum())
        padding = length * pieces.sequences() - used
        counts["pieces"] += len(pieces.row)
        counts["cut_documents"] += int((spread > 1).sum())
        counts["needlessly_cut"] += int((spread > -(-wanted // length)).sum())
        counts["documents_met_again"] += _met_again(pieces, copies["doc_id"])
        counts["overlapping_pieces"] += _overlapping(pieces, length)
        # The separators that have a place: taken off what is found in the sequences as they are written.
        counts["stray_separators"] -= closed + (padding if self._pad == self._separator else 0)
        self._least += -(-used // length)
        self.lengths.append((phase, pieces.sequences(), int(pieces.length.sum()), closed, padding))
        placed = np.zeros(len(wanted), np.int64)
        np.add.at(placed, pieces.row, pieces.length)
        missing = copies.with_columns(missing_tokens=pl.col("length") - pl.Series(placed))
        sums = pl.len().cast(pl.Int64).alias("copies"), pl.col("length").sum().alias("tokens"), pl.col("missing_tokens").sum()
        self._domains.append(missing.group_by("domain").agg(*sums))
        self._documents.append(copies.select("doc_id", "length"))

    def write(self, sequences: pl.DataFrame, broken_tokens: int) -> None:
        """Look into some sequences (`document.SEQUENCES`) of a phase that was placed."""
        ids = sequences["input_ids"].explode()
        self._counts["broken_tokens"] += broken_tokens
        self._counts["stray_separators"] += int((ids == self._separator).sum())
        self._counts["ids_out_of_vocabulary"] += int((ids >= self._vocabulary).sum())

    def frames(self) -> dict[str, pl.DataFrame]:
        """The metric frames.

        partition: one row. documents (copies), pieces, sequences, tokens, separators, padding; cut_documents; needlessly_cut: into
        more pieces than their length needs; documents_met_again: pieces beside another of their document; overlapping_pieces: that
        reach into the next one or out of their sequence; broken_tokens: that do not read back; stray_separators: ids of the
        separator that end no document and fill no sequence, less those that are missing; ids_out_of_vocabulary;
        unexplained_tokens; excess: sequences beyond the fewest that hold as much, as a share; padding_share; dominance: largest
        share of one document, copies together; tokens_per_piece.
        domains: (domain, copies, tokens, missing_tokens), `missing_tokens` being in no piece, below 0 if in several.
        """
        sequences, written, separators, padding = (sum(each[column] for each in self.lengths) for column in (1, 2, 3, 4))
        domains = pl.concat(self._domains).group_by("domain").sum().sort("domain")
        copies, tokens, capacity = int(domains["copies"].sum()), int(domains["tokens"].sum()), sequences * self._sequence_length
        row = {
            **self._counts,
            "sequences": sequences,
            "separators": separators,
            "padding": padding,
            "documents": copies,
            "tokens": tokens,
            "unexplained_tokens": capacity - tokens - separators - padding,
        }
        ratios: dict[str, float | None] = dict.fromkeys(("excess", "padding_share", "dominance", "tokens_per_piece"))
        if sequences >= ENOUGH_SEQUENCES:
            largest = pl.concat(self._documents).group_by("doc_id").agg(pl.col("length").sum())["length"].to_numpy().max()
            ratios["excess"] = sequences / self._least - 1
            ratios["padding_share"] = padding / capacity
            ratios["dominance"] = float(largest) / tokens
        if row["pieces"] >= ENOUGH_PIECES:
            ratios["tokens_per_piece"] = written / row["pieces"]
        columns = {name: pl.lit(value, pl.Float64) for name, value in ratios.items()}
        return {"partition": pl.DataFrame([row]).with_columns(**columns), "domains": domains}


def _met_again(pieces: Pieces, doc_ids: pl.Series) -> int:
    numbers: Numbers = doc_ids.rank("dense").cast(pl.Int64).to_numpy()
    meetings = pieces.sequence * (len(numbers) + 1) + numbers[pieces.row]
    return len(meetings) - len(np.unique(meetings))


def _overlapping(pieces: Pieces, sequence_length: int) -> int:
    ends = pieces.offset + pieces.length + pieces.closed
    room = np.full(len(ends), sequence_length, np.int64)
    followed = pieces.sequence[1:] == pieces.sequence[:-1]
    room[:-1][followed] = pieces.offset[1:][followed]
    return int((ends > room).sum())
