"""What must hold of `filtered`, over the metric frames of `tally`."""

from __future__ import annotations

from data4llm_assets.node import Expectation, between


def filtered() -> tuple[Expectation, ...]:
    """Expectations of the step, whatever its rules."""
    return (
        between(
            "inclusiveness", "languages_lost", 0, 0,
            "No language that the recipe admits may lose all of 50 or more documents: rules made for one language fail others.",
        ),
        between(
            "inclusiveness", "language_shift", None, 0.3,
            "The mixture of admitted languages should not move much: a rule then measures language, not quality.",
            severity="warning",
        ),
        between("abundance", "share_kept", 0.01, None, "Of 50 or more documents at least one in a hundred should stay."),
        between("abundance", "edited_away", None, 0.05, "Edits should take addresses, not text: at most 5 % of the characters."),
        between(
            "articulation", "legible", 0.95, None,
            "What stays should be made of words (at most 20 characters on average) and be readable (no wrong charset).",
        ),
        between(
            "articulation", "mean_word_length", 1, 12,
            "Words should be 1 to 12 characters long on average; more is data, not prose.", severity="warning",
        ),
        between(
            "sanitization", "left", 0, 0,
            "Searched once more, the text that stays should hold nothing this edit replaces.", frame="rules",
        ),
        between(
            "sanitization", "email_share", None, 0.05,
            "Few documents that stay should hold anything like an e-mail address that is no replacement.", severity="warning",
        ),
    )  # fmt: skip
