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
    """Whatever the method: what a draw must never do is refused, what it may do but rarely should is a warning."""
    return (
        between("inclusiveness", "without_verdict", 0, 0, "Every document was judged by the cutoff of the whole corpus."),
        between(
            "inclusiveness", "kept_share", 0.01, None,
            "No domain vanishes from the partition: of 100 or more documents at least one in a hundred stays.",
            severity="warning", frame="domains",
        ),
        between(
            "inclusiveness", "kept_share", 0.01, None,
            "No language vanishes from the partition: a target in one language may drive out all others.",
            severity="warning", frame="languages",
        ),
        between("sanitization", "kept_below_cutoff", 0, 0, "Nothing stays that is too short or below the cutoff."),
        between("sanitization", "kept_without_score", 0, 0, "Nothing stays that was never scored: its quality is unverified."),
        between(
            "sanitization", "score_gain", -0.3, None,
            "What stays should score no worse than what could have stayed: else the weights are upside down.", severity="warning",
        ),
        between(
            "sanitization", "licensed_change", -0.05, None,
            "Documents with a known licence should stay as often as others: else the target favours text that nobody may use.",
            severity="warning",
        ),
        between(
            "articulation", "impossible_lengths", 0, 0,
            "No document that stays has more words than bytes: its verdict was made for another text.",
        ),
        between(
            "articulation", "length_ratio", 0.5, 2.0,
            "Documents that stay are about as long as those that could have: the draw looks at content, not at length.",
            severity="warning",
        ),
        between(
            "articulation", "bytes_per_word", 1.5, 20,
            "What stays should be made of words: fewer bytes a word are lone symbols, more are encoded data.", severity="warning",
        ),
    )  # fmt: skip
