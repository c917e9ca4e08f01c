"""What must hold of `packed` and the nodes around it."""

from __future__ import annotations

from typing import Literal

from data4llm_assets.node import Expectation, between


def tokenized() -> tuple[Expectation, ...]:
    return (
        between("sanitization", "separators_in_text", 0, 0, "No text forges a separator: what it spells out is ordinary tokens."),
        between("sanitization", "ids_out_of_vocabulary", 0, 0, "Every token id lies within the tokenizer's vocabulary."),
        between("articulation", "bytes_per_token", 1.0, 20.0, "The tokenizer fits the text: no token for every byte, no blobs."),
        between(
            "inclusiveness", "documents_without_tokens", 0, 0, "Every document that was mixed in has tokens.", severity="warning"
        ),
    )  # fmt: skip


def packed(strategy: Literal["best_fit", "concatenate"]) -> tuple[Expectation, ...]:
    always = (
        between("abundance", "unexplained_tokens", 0, 0, "Tokens, separators and padding make up the sequences exactly."),
        between("articulation", "broken_tokens", 0, 0, "Every span reads back as the tokens of its document."),
        between("sanitization", "documents_met_again", 0, 0, "No sequence holds two pieces of one document."),
        between(
            "inclusiveness", "dominance", 0.0, 0.5, "No single document makes up half of the part's tokens.", severity="warning"
        ),
    )  # fmt: skip
    if strategy == "concatenate":
        return always
    return (
        *always,
        between("articulation", "needlessly_cut", 0, 0, "Only documents longer than a sequence are cut."),
        between("abundance", "excess", 0.0, 0.05, "There are hardly more sequences than the tokens need.", severity="warning"),
    )


def training_order() -> tuple[Expectation, ...]:
    return (
        between("abundance", "unexplained_tokens", 0, 0, "Every token that was sent to a part is in a sequence, none twice."),
        between("inclusiveness", "unordered_sequences", 0, 0, "Every sequence has its place in training."),
        between("articulation", "phase_inversions", 0, 0, "Phases follow one another."),
    )
