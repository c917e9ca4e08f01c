"""What must hold of extracted text before anything is decided on it."""

from __future__ import annotations

from data4llm_assets.node import Expectation, between


def documents() -> tuple[Expectation, ...]:
    """Checks of `extracted_text`. Shares and means over a handful of documents are null."""
    return (
        between("inclusiveness", "lost_share", 0, 0.01, "Records that were indexed are gone or changed: list the snapshot anew."),
        between(
            "inclusiveness",
            "unsupported_share",
            0,
            0.2,
            "Many records have a media type that the recipe does not extract.",
            severity="warning",
        ),
        between("abundance", "empty_share", 0, 0.5, "Most pages gave no text at all: is this the right method for them?"),
        between("abundance", "empty_share", 0, 0.2, "Many pages gave no text at all.", severity="warning"),
        between("abundance", "mean_bytes", 64, None, "The texts are shorter than a sentence on average: extraction has lost them."),
        between(
            "articulation",
            "replacement_share",
            0,
            0.05,
            "Many texts hold undecodable characters (U+FFFD): their charset was mistaken.",
        ),
        between(
            "articulation", "replacement_share", 0, 0.01, "Some texts hold undecodable characters (U+FFFD).", severity="warning"
        ),
        between(
            "articulation", "failed_share", 0, 0.05, "Parsers failed on many documents, or many are beyond the parsers' limits."
        ),
        between(
            "articulation",
            "doubtful_share",
            0,
            0.2,
            "Many texts of web pages fail the checks of `auto`: too short for their page, mostly links, or the phrases of menus.",
            severity="warning",
        ),
        between("sanitization", "html_share_left", 0, 0.1, "Markup was left in the text of many web pages."),
        between("sanitization", "control_share", 0, 0.05, "Many texts hold control characters: they may not be text."),
    )
