"""What the tables, columns and figures of `deduped` mean, for whoever sees them in Dagster."""

from __future__ import annotations

from collections.abc import Sequence

from data4llm_assets.deduped.alone import Alone
from data4llm_assets.deduped.blooming import Blooming
from data4llm_assets.deduped.deduplication import Deduplication
from data4llm_assets.deduped.windows import Windowed
from data4llm_assets.node import Glossary

_SIGNATURE = {
    "key": "hash of all that is compared: equal for equal texts",
    "size": "how much there is to compare, such as shingles; 0 or 1 if there is next to nothing",
    "buckets": "hashes: documents that share one are compared in full",
    "low": "lower halves of the 128-bit digests of what is compared",
    "high": "upper halves of the same digests",
    "places": "where in the text that stands",
}
"""Columns that methods measure; in the table the method's label stands before them."""
_VERDICTS = {"verdicts": "the documents that do not stay, and why"}
_BY = {"sources": "documents in, dropped and kept by source", "snapshots": "the same by snapshot, in order of arrival"}
_COUNTS = {
    "documents": "documents that came in",
    "dropped": "documents that repeat an earlier one",
    "carried": "documents that are an unchanged page of an earlier snapshot",
    "kept_share": "share of new documents that stay",
}


def signatures(methods: Sequence[Deduplication]) -> Glossary:
    columns = {f"{each.label}_{name}": _SIGNATURE.get(name, "measured") for each in methods for name in each.signature}
    return Glossary(
        tables={"signatures": "what is compared of every document"},
        columns=columns,
        figures={
            "documents": "documents that came in",
            "unsigned": "documents without a signature: they would be kept unseen",
            "repeated_share": "share of texts that repeat another one of the partition exactly",
        },
        frames={"methods": "share of texts with next to nothing to compare, by method"},
    )


COMPARED = Glossary(
    tables={**_VERDICTS, "clusters": "how many kept documents stand for so many documents"},
    columns={"documents": "that one kept document stands for, itself included", "clusters": "how many kept documents do"},
    figures={
        **_COUNTS,
        "kept": "documents that stay",
        "largest_cluster": "documents that the most repeated one stands for, itself included",
        "largest_cluster_share": "their share of all documents",
        "compared": "pairs of documents compared in full",
        "skipped": "comparisons left out because a bucket was full",
        "kept_after_skipping": "documents that stay though some comparison was left out",
        "unsure_share": "their share of what stays",
        "margin": "how far the closest call lay above its threshold",
        "versions": "documents that gave way to another version of their page",
        "chained": "documents dropped that are like the kept one only by way of others",
        "orphans": "documents dropped for one that is not kept itself",
        "repeated_texts": "kept documents with a text that another kept one has",
    },
    frames={
        **_BY,
        "detection": "edits planted into the corpus' texts: share found, beside theory, by similarity",
        "audit": "dropped documents compared again with their partners, by snapshot",
    },
)
"""`duplicates`, of methods that compare documents."""

_WINDOWED = {
    "windows": "windows of units compared",
    "repeated": "windows that are repeats",
    "left_over": "difference between the windows that stay and those that should",
}
_REMEMBERED = {
    "capacity_needed": "capacity that is enough for the fullest filters",
    "false_positives": "rate of false positives that the fullest filters have reached",
}


def judged(method: Alone) -> Glossary:
    """`duplicates`, of a method that stands alone."""
    own = _WINDOWED if isinstance(method, Windowed) else _REMEMBERED if isinstance(method, Blooming) else {}
    return Glossary(
        tables={**_VERDICTS, "spans": "what is taken out of texts that stay"},
        columns={
            "start": "first byte of the span in the text before this step",
            "end": "byte after the last one of the span",
        },
        figures={
            **_COUNTS,
            "edited": "documents that lost the text they repeat, and stay",
            "bytes": "of text before this step",
            "removed": "bytes taken out of texts that stay",
            "removed_share": "share of the bytes that was taken out",
            **own,
        },
        frames=_BY,
    )


SETTLED = Glossary(
    figures={
        "carried": _COUNTS["carried"],
        "kept_share": _COUNTS["kept_share"],
        "languages_lost": "languages of which no new document is left",
        "length_ratio": "mean length of kept documents by that of new ones",
        "longest_ratio": "length of the longest kept document by that of the longest new one",
        "repeated_texts": "kept documents with a text that another kept one has",
        "strangers": "verdicts about documents that the partition does not hold",
        "unnamed": "dropped documents without the name of the one they repeat",
    },
    frames={"languages": "documents in, dropped and kept by language"},
)
"""The step itself."""
