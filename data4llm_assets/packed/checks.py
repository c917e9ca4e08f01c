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


def packed(strategy: Literal["best_fit", "concatenate"], sequence_length: int) -> tuple[Expectation, ...]:
    always = (
        between("abundance", "unexplained_tokens", 0, 0, "Tokens, separators and padding make up the sequences exactly."),
        between("articulation", "broken_tokens", 0, 0, "Every span reads back as the tokens of its document."),
        between("articulation", "overlapping_pieces", 0, 0, "No document reaches into the next one or out of its sequence."),
        between(
            "articulation", "tokens_per_piece", min(16, sequence_length // 8), None,
            "Sequences should be made of documents, not of crumbs that are over before anything is learnt.", severity="warning",
        ),
        between("sanitization", "documents_met_again", 0, 0, "No sequence holds two pieces of one document."),
        between(
            "sanitization", "stray_separators", 0, 0,
            "Every separator ends a document, and no text holds one: one document could pass for several.",
        ),
        between("sanitization", "ids_out_of_vocabulary", 0, 0, "Every token id in the sequences is one that the tokenizer has."),
        between(
            "inclusiveness", "missing_tokens", 0, 0, "Every domain has all the tokens in sequences that were sent here, once each.",
            frame="domains",
        ),
        between(
            "inclusiveness", "dominance", 0.0, 0.5, "No single document makes up half of the part's tokens.", severity="warning"
        ),
    )  # fmt: skip
    if strategy == "concatenate":
        return (
            *always,
            between(
                "abundance", "padding_share", 0.0, 0.05,
                "Hardly any training should go into padding: repeats of a few documents keep each other out of sequences.",
                severity="warning",
            ),
        )  # fmt: skip
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
