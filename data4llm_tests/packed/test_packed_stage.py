from __future__ import annotations

import random

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from data4llm_assets import document
from data4llm_assets.mixed.stage import Mixed
from data4llm_assets.models.tokenizer import SmolLM2Tokenizer
from data4llm_assets.node import Ref
from data4llm_assets.packed.packing import part_of
from data4llm_assets.packed.stage import Packed
from mixed.in_memory_work import INPUT, Corpus, corpus, place

SMOL = SmolLM2Tokenizer()
HERE = place("packed", tokenizer=SMOL)
WORDS = ["the", "time", "of", "man", "is", "not", "a", "house", "with", "one", "more", "good", "word", "<|endoftext|>", "2024"]


def texts():
    generator = random.Random(2)

    def rows(name, domain, count):
        words = (generator.choices(WORDS, k=generator.randint(1, 60)) for _ in range(count))
        return [(f"{name}{index:02}", domain, " ".join(each)) for index, each in enumerate(words)]

    return {"books-0|1": rows("b", "books", 12), "web-0|1": rows("w", "web", 25), "web-1|1": rows("x", "web", 25)}


def packed(given=None, before=None, **keys) -> tuple[Corpus, Packed]:
    section = Packed(**{"sequence_length": 64, **keys})
    made = corpus(given or texts())
    made.parts = section.parts
    made.build(section, HERE if before is None else made.build(before, place("mixed", tokenizer=SMOL), "packed"))
    return made, section


def read_back(made):
    """Tokens of every document as the spans have them, put together from start to end; copies stay apart by part and order."""
    found = {}
    for row in made.table("packed", "sequences").iter_rows(named=True):
        for span in row["spans"]:
            ids = row["input_ids"][span["sequence_start"] : span["sequence_start"] + span["length"]]
            found.setdefault(span["doc_id"], []).append((span["doc_start"], ids))
    return found


@pytest.mark.parametrize("strategy", ["best_fit", "concatenate"])
def test_spans_read_back_the_tokens_of_every_document(strategy):
    made, section = packed(strategy=strategy)
    model = SMOL.load()
    spans = read_back(made)
    documents = made.table("input", "documents")
    assert set(spans) == set(documents["doc_id"])
    for name, text in documents.select("doc_id", "text").iter_rows():
        ids, _ = model.encode_batch([text])
        assert [token for _, piece in sorted(spans[name]) for token in piece] == ids.tolist()
    assert made.failed(section, HERE) == []
    assert made.table("packed", "sequences").schema == document.SEQUENCES


def test_every_sequence_is_full_and_what_lies_in_no_span_is_separator_or_padding():
    made, _ = packed()
    sequences = made.table("packed", "sequences")
    assert set(sequences["input_ids"].list.len()) == {64}
    covered = sequences["spans"].explode().struct.field("length").sum()
    separators = sequences.select(pl.col("input_ids").list.count_matches(0).sum()).item()
    assert covered + separators == 64 * sequences.height
    assert made.metric("training_order")["unexplained_tokens"] == 0


def test_repeats_are_accounted_for_and_phases_kept_apart():
    phases = [{"share": 0.75}, {"share": 0.25}]
    before = Mixed(budget=9000, weights={"web": 0.6, "books": 0.4}, phases=phases, max_epochs=50)
    made, section = packed(before=before, parts=3)
    mixed = made.table("mixed", "kept").join(made.table("domain_tokens", "tokens"), on="doc_id")
    wanted = mixed.group_by("phase").agg(tokens=(pl.col("repeats") * pl.col("tokens")).sum()).sort("phase")
    assert made.table("packed", "lengths").group_by("phase").agg(pl.col("tokens").sum()).sort("phase").equals(wanted)
    row = made.metric("training_order")
    assert row["tokens"] + row["separators"] + row["padding"] == 64 * row["sequences"]
    for spans in made.table("packed", "sequences")["spans"]:
        names = [span["doc_id"] for span in spans]
        assert len(set(names)) == len(names)
    order = made.table("training_order", "order")
    assert order["position"].to_list() == list(range(row["sequences"]))
    assert order["phase"].is_sorted()
    assert made.failed(section, made_place(made)) == []


def made_place(made):
    return place("packed", view=INPUT.then(kept=Ref("mixed", "kept")), tokenizer=SMOL)


def test_tokens_counted_before_are_not_tokenized_again():
    before = Mixed(budget=1000, weights={"web": 0.5, "books": 0.5})
    made, _ = packed(before=before)
    assert made.computed == made.table("input", "documents")["text_digest"].n_unique()


def test_repeats_of_a_document_go_to_different_parts():
    copies = pl.DataFrame({"doc_id": ["a"] * 4, "repeat": range(4), "phase": [0] * 4})
    assert sorted(part_of(copies, 4, 1)) == [0, 1, 2, 3]
    assert sorted(part_of(copies, 2, 1)) == [0, 0, 1, 1]


def test_documents_spread_over_parts():
    ids = [document.digest(str(index)) for index in range(4000)]
    copies = pl.DataFrame({"doc_id": ids, "repeat": 0, "phase": 0})
    # 1,000 expected, standard deviation 27.
    assert np.bincount(part_of(copies, 4, 1)).min() > 890


def test_result_does_not_depend_on_how_the_corpus_is_cut_into_shards():
    whole = {"all": [row for rows in texts().values() for row in rows]}
    one, other = packed()[0], packed(whole)[0]
    assert one.table("packed", "sequences").equals(other.table("packed", "sequences"))
    assert one.table("training_order", "order").equals(other.table("training_order", "order"))


def test_empty_texts_are_counted_and_left_out():
    made, section = packed({"web-0|1": [("a", "web", ""), ("b", "web", "some words")]})
    assert set(read_back(made)) == {"b"}
    assert made.failed(section, HERE) == ["documents_without_tokens"]


def test_an_empty_corpus_packs_nothing():
    made, section = packed({"web-0|1": []})
    assert made.table("packed", "sequences").height == 0
    assert made.table("training_order", "order").height == 0
    assert made.failed(section, HERE) == []


def test_trial_shows_tokens_and_sequences():
    class Shelf:
        def model(self, method):
            return method.load()

    row = corpus({"x": [("a", "web", "the " * 100)]}).tables["input", "documents", "x"]
    size, needed = Packed(sequence_length=64).trial(HERE, row, Shelf()).verdicts
    assert (size.value, needed.value, needed.action) == (101.0, 2.0, "keep")


@pytest.mark.parametrize("wrong", [{"strategy": "first_fit"}, {"parts": 0}, {"sequence_length": 1}, {"typo": 1}])
def test_wrong_recipes_are_refused(wrong):
    with pytest.raises(ValidationError):
        Packed(**wrong)
