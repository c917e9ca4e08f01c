from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl
import pytest

from data4llm_assets.document import SEQUENCES
from data4llm_assets.models.tokenizer import SmolLM2Tokenizer
from data4llm_assets.node import QUALITIES
from data4llm_assets.packed import best_fit, checks, concatenate, sequences
from data4llm_assets.packed.placement import Pieces
from data4llm_assets.packed.stage import Packed
from data4llm_assets.packed.tally import Tally
from mixed.in_memory_work import broken, guards, place

Strategy = Literal["best_fit", "concatenate"]
LENGTH = 32
VOCABULARY, SEPARATOR, PAD = 100, 0, 1
BOTH = pytest.mark.parametrize("strategy", ["best_fit", "concatenate"])


def copies(lengths: list[int], repeats: int = 1) -> pl.DataFrame:
    rows = [(f"d{index}", "web" if index % 2 else "books", length) for index, length in enumerate(lengths)] * repeats
    return pl.DataFrame(rows, schema={"doc_id": pl.String, "domain": pl.String, "length": pl.Int64}, orient="row")


def placed(documents: pl.DataFrame, strategy: Strategy = "best_fit", length: int = LENGTH) -> Pieces:
    method = best_fit if strategy == "best_fit" else concatenate
    numbers = documents["doc_id"].rank("dense").cast(pl.Int64).to_numpy() - 1
    return method.place(documents["length"].to_numpy(), numbers, length, True).ordered()


def failed(
    documents: pl.DataFrame,
    pieces: Pieces,
    strategy: Strategy = "best_fit",
    *,
    tokens: dict[int, int] | None = None,
    overwritten: dict[int, int] | None = None,
    pad: int = PAD,
    length: int = LENGTH,
) -> list[str]:
    """Write sequences as the stage does. `tokens` at these places of the documents; `overwritten` in the first sequence."""
    flat = 2 + np.arange(documents["length"].sum(), dtype=np.uint32) % (VOCABULARY - 2)
    for place_of, token in (tokens or {}).items():
        flat[place_of] = token
    begins = (documents["length"].cum_sum() - documents["length"]).to_numpy()
    tally = Tally(length, VOCABULARY, SEPARATOR, pad)
    tally.place(0, documents, pieces)
    for frame, differing in sequences.written(pieces, flat, begins, documents["doc_id"], length, SEPARATOR, pad):
        if overwritten:
            ids = frame["input_ids"].to_list()
            for place_of, token in overwritten.items():
                ids[0][place_of] = token
            frame = pl.DataFrame({"input_ids": ids, "spans": frame["spans"]}, schema=SEQUENCES)
        tally.write(frame, differing)
    return broken(checks.packed(strategy, length), tally.frames())


@BOTH
def test_every_quality_is_guarded_twice(strategy: Strategy) -> None:
    node = Packed(strategy=strategy).nodes(place("packed", tokenizer=SmolLM2Tokenizer()))[1]
    assert node.name == "packed"
    assert all(guards(node)[quality] >= 2 for quality in QUALITIES)


@BOTH
@pytest.mark.parametrize("pad", [PAD, SEPARATOR])
@pytest.mark.parametrize("count", [1, 10, 4000])
def test_tiny_and_good_partitions_pass(count: int, pad: int, strategy: Strategy) -> None:
    documents = copies([4 + 7 * number % 23 for number in range(count)])
    assert failed(documents, placed(documents, strategy), strategy, pad=pad) == []


@BOTH
def test_an_empty_part_passes(strategy: Strategy) -> None:
    assert broken(checks.packed(strategy, LENGTH), Tally(LENGTH, VOCABULARY, SEPARATOR, PAD).frames()) == []


def test_tokens_that_are_in_no_sequence_are_refused_with_their_domain() -> None:
    documents = copies([10, 10, 10, 10])
    pieces = placed(documents)
    tally = Tally(LENGTH, VOCABULARY, SEPARATOR, PAD)
    tally.place(0, documents, pieces.chosen(pieces.row != 1))
    frames = tally.frames()
    assert broken(checks.packed("best_fit", LENGTH), frames) == ["unexplained_tokens", "stray_separators", "missing_tokens"]
    assert frames["domains"].rows() == [("books", 2, 20, 0), ("web", 2, 20, 10)]


def test_pieces_that_overlap_or_reach_out_are_refused() -> None:
    documents = copies([10, 10])
    pieces = placed(documents)
    assert "overlapping_pieces" in failed(documents, pieces._replace(offset=np.array([0, 5])))
    assert "overlapping_pieces" in failed(documents, pieces._replace(offset=np.array([0, 22])))


def test_two_pieces_of_a_document_in_one_sequence_are_refused() -> None:
    documents = copies([10], repeats=2)
    pieces = placed(documents)._replace(sequence=np.array([0, 0]), offset=np.array([0, 11]))
    assert failed(documents, pieces) == ["documents_met_again"]


def test_a_separator_inside_a_text_is_refused() -> None:
    documents = copies([10, 10])
    assert failed(documents, placed(documents), tokens={3: SEPARATOR}) == ["stray_separators"]


@pytest.mark.parametrize("pad", [PAD, SEPARATOR])
def test_a_separator_that_is_missing_is_refused(pad: int) -> None:
    documents = copies([10, 10])
    assert failed(documents, placed(documents), overwritten={10: 5}, pad=pad) == ["stray_separators"]


def test_ids_beyond_the_vocabulary_are_refused() -> None:
    documents = copies([10, 10])
    assert failed(documents, placed(documents), tokens={3: VOCABULARY}) == ["ids_out_of_vocabulary"]


def test_crumbs_are_seen() -> None:
    documents = copies([2] * 200)
    assert failed(documents, placed(documents)) == ["tokens_per_piece"]
    assert failed(documents[:90], placed(documents[:90])) == []


def test_repeats_that_keep_each_other_out_are_seen_as_padding() -> None:
    documents = copies([20], repeats=1200)
    assert failed(documents, placed(documents, "concatenate"), "concatenate") == ["dominance", "padding_share"]


def test_half_empty_sequences_are_seen() -> None:
    documents = copies([20] * 1200)
    assert failed(documents, placed(documents)) == ["excess"]
