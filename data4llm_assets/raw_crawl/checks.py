"""What must hold of an index before anything is built on it."""

from __future__ import annotations

from data4llm_assets.node import Expectation, between


def index(quarantine: float) -> tuple[Expectation, ...]:
    """Checks of `raw_crawl`. `quarantine` is the largest share of what was read that may be bad. Shares of a handful are null."""
    return (
        between(
            "inclusiveness", "unexplained", 0, 0, "Everything read is in the index, a repeat of something there, or quarantined."
        ),
        between(
            "inclusiveness",
            "vanished",
            0,
            0,
            "Files that were listed have gone, changed or are empty: list the snapshot anew if that is right.",
            severity="warning",
        ),
        between(
            "inclusiveness",
            "strays",
            0,
            0,
            "Every locator leads into the file its record was read from: else nobody finds the original again, or takes it down.",
        ),
        between(
            "inclusiveness",
            "pages_share",
            0.2,
            1,
            "Most records should be pages of their own: if not, the column mapped as id or url is no name of a page.",
            severity="warning",
        ),
        between(
            "abundance",
            "quarantined_share",
            0,
            quarantine,
            "More of what was read is bad than the recipe allows (raw_crawl.quarantine).",
        ),
        between(
            "abundance",
            "repeats_share",
            0,
            0.5,
            "More than half of the records are exact repeats: is a file delivered twice?",
            severity="warning",
        ),
        between(
            "articulation",
            "mean_bytes",
            32,
            None,
            "Records are shorter than a sentence on average: is the right column mapped as text?",
        ),
        Expectation(
            "articulation",
            "ExpectColumnValuesToMatchRegex",
            {"column": "media_type", "regex": r"^[a-z]+/[a-z0-9.+-]+$"},
            "Every record has a media type, or nothing can extract its text.",
            frame="media_types",
        ),
        between(
            "sanitization",
            "repaired_share",
            0,
            0.2,
            "Many records held NULs, lone surrogates or invalid UTF-8: the source was written with the wrong encoding.",
        ),
        between(
            "sanitization",
            "same_payload_share",
            0,
            0.2,
            "A fifth of the records hold the very same bytes: an error, consent or login page may have come in place of the pages.",
            severity="warning",
        ),
        between(
            "sanitization",
            "secret_urls_share",
            0,
            0.01,
            "URLs carry passwords, access tokens or sessions, and would hand them on to whoever reads the corpus.",
            severity="warning",
        ),
        between(
            "sanitization",
            "licensed_share",
            0.9,
            1,
            "Records come without a licence: say `license` in the recipe's source, NOASSERTION where nobody knows.",
            severity="warning",
        ),
    )
