"""What must hold of synthetic text before it is published, as data."""

from __future__ import annotations

from data4llm_assets.node import Expectation, between


def expectations(share: float) -> tuple[Expectation, ...]:
    """For the step's metric frame `partition`, and `styles` (one row per style of each method)."""
    return (
        between(
            "inclusiveness",
            "silent_styles",
            0,
            0,
            "Every style should yield at least one accepted document; the model cannot write the others.",
            severity="warning",
        ),
        between(
            "inclusiveness",
            "largest_style_share",
            None,
            0.8,
            "No style should make up more than four fifths of the synthetic text of several styles.",
            severity="warning",
        ),
        between("abundance", "unanswered_share", None, 0.05, "The model refused more than a twentieth of what it was asked."),
        between(
            "abundance",
            "accept_rate",
            0.02,
            None,
            "Fewer than one answer in fifty passed the gates: the generations are wasted.",
        ),
        between(
            "articulation",
            "accept_rate",
            0.15,
            None,
            "Fewer than 15 % of the answers passed the gates: the model is too weak for these prompts.",
            severity="warning",
        ),
        between("articulation", "least_distinct_ngrams", 0.5, None, "A published text repeats more than half of its word 4-grams."),
        between("articulation", "empty", 0, 0, "A published text is empty."),
        between("sanitization", "share", None, share, "Synthetic text takes more of the partition than the recipe's cap allows."),
        between("sanitization", "orphans", 0, 0, "Every synthetic document names a parent that stands in this partition."),
        between("sanitization", "relicensed", 0, 0, "Every synthetic document bears its parent's licence."),
    )
