"""What must hold of `selected` and the nodes before it."""

from __future__ import annotations

from data4llm_assets.node import Expectation, between


def relevance() -> tuple[Expectation, ...]:
    return (
        between("abundance", "uncounted_ngrams", 0, 0, "The histogram counts every n-gram of every document."),
        between("articulation", "documents_without_ngrams", 0, 0, "Every document with words has features to be judged by."),
        between("articulation", "words_per_document", 1, 1_000_000, "Documents consist of words.", severity="warning"),
    )


def cutoff() -> tuple[Expectation, ...]:
    return (
        between("abundance", "surplus", 0, 0, "As many documents stay as the recipe's share says, rounded up."),
        between(
            "sanitization", "divergence_change", None, 0.01,
            "What is kept is no farther from the target than the whole corpus was (Kullback-Leibler, nats).", severity="warning",
        ),
        between(
            "inclusiveness", "share", 0.01, None,
            "No domain vanishes: at least one document in a hundred of each stays.", severity="warning", frame="domains",
        ),
    )  # fmt: skip


def selected() -> tuple[Expectation, ...]:
    return (
        between("inclusiveness", "without_verdict", 0, 0, "Every document was judged by the cutoff of the whole corpus."),
        between("sanitization", "kept_below_cutoff", 0, 0, "Nothing stays that is too short or below the cutoff."),
        between(
            "articulation", "length_ratio", 0.5, 2.0,
            "Documents that stay are about as long as those that could have: the draw looks at content, not at length.",
            severity="warning",
        ),
    )  # fmt: skip
