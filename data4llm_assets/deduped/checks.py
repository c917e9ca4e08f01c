"""What must hold of signatures, of the corpus-wide verdicts, and of a deduplicated partition.

Frames: `partitions.py` and `snapshots.py` write them. Shares of few documents are null, and pass.
"""

from __future__ import annotations

from data4llm_assets.deduped.tables import TOLERANCE
from data4llm_assets.node import Expectation, between


def signatures() -> tuple[Expectation, ...]:
    return (
        between(
            "inclusiveness", "unsigned", 0, 0,
            "A document without a signature would be kept unseen, however often it repeats.",
        ),
        between(
            "abundance", "repeated_share", 0, 0.9,
            "Nine in ten texts of a partition repeat others of it: a template, or one file delivered many times.",
            severity="warning",
        ),
        between(
            "articulation", "smallest_share", 0, 0.5,
            "Half of the documents are too short to be compared: the extraction lost their text.",
            severity="warning", frame="methods",
        ),
    )  # fmt: skip


def duplicates() -> tuple[Expectation, ...]:
    return (
        between("sanitization", "repeated_texts", 0, 0, "Two kept documents have the same text."),
        between(
            "sanitization", "orphans", 0, 0,
            "A document was dropped for one that is not kept either: its text would be lost.",
        ),
        between("sanitization", "margin", 0, 1, "A document was dropped for a similarity below the threshold."),
        between(
            "sanitization", "verified_precision", 1, 1,
            "Compared again word by word, a dropped document is less similar to its partner than the threshold asks.",
            frame="audit",
        ),
        between(
            "sanitization", "difference", -TOLERANCE, TOLERANCE,
            "Edits planted into texts of the corpus are found more or less often than theory says: the hashes are at fault.",
            frame="detection",
        ),
        between(
            "abundance", "kept_share", 0.02, 1,
            "Nearly everything was dropped as a duplicate: the threshold or the shingles do not fit this text.",
        ),
        between(
            "abundance", "unsure_share", 0, 0.05,
            "Many documents stay though not compared with all of a full bucket: raise `compare` or use more `rows`.",
            severity="warning",
        ),
        between(
            "articulation", "largest_cluster_share", 0, 0.25,
            "One document stands for a quarter of the corpus: boilerplate that survived the extraction hides the content.",
            severity="warning",
        ),
        between(
            "inclusiveness", "kept_share", 0.001, 1,
            "A source is all but wiped out by deduplication.",
            frame="sources",
        ),
    )  # fmt: skip


def alone() -> tuple[Expectation, ...]:
    """Of every method that stands alone."""
    return (
        between(
            "abundance", "kept_share", 0.02, 1,
            "Nearly every document was dropped as a repetition: the parameters do not fit this text.",
        ),
        between(
            "articulation", "removed_share", 0, 0.6,
            "Most of the text was taken out as repeated: what is left can hardly be read.",
        ),
        between("inclusiveness", "kept_share", 0.001, 1, "A source is all but wiped out by deduplication.", frame="sources"),
        between(
            "inclusiveness", "removed_share", 0, 0.8,
            "A source lost most of its text to others.", severity="warning", frame="sources",
        ),
    )  # fmt: skip


def deduped() -> tuple[Expectation, ...]:
    return (
        between("sanitization", "repeated_texts", 0, 0, "Two kept documents of the partition have the same text."),
        between(
            "sanitization", "strangers", 0, 0,
            "A verdict names a document that the partition does not hold: it was made from other signatures.",
        ),
        between("sanitization", "unnamed", 0, 0, "A document was dropped without naming the one it repeats."),
        between(
            "abundance", "kept_share", 0.01, 1,
            "The partition lost nearly all of its new documents: another one delivers the same.",
            severity="warning",
        ),
        between(
            "articulation", "length_ratio", 0.2, 5,
            "Kept documents are far shorter or longer than what came in: whole kinds of text were held equal.",
            severity="warning",
        ),
        between(
            "articulation", "longest_ratio", 0.1, 1,
            "None of the longest documents was kept: long texts were held equal for what they share, not for what they say.",
            severity="warning",
        ),
        between("inclusiveness", "languages_lost", 0, 0, "A language lost every new document: it is no longer in the partition."),
        between(
            "inclusiveness", "kept_share", 0.05, 1,
            "A language lost nearly all of its new documents: its script may not be cut into words as it should.",
            severity="warning", frame="languages",
        ),
    )  # fmt: skip
