"""What the tables, columns and figures of `selected` mean, for whoever sees them in Dagster."""

from __future__ import annotations

from data4llm_assets.node import Glossary

RELEVANCE = Glossary(
    tables={"ngrams": "hashed features of every document", "histogram": "how often each feature occurs in a domain"},
    columns={
        "words": "length of the document",
        "buckets": "its hashed features, ascending, repeats included",
        "bucket": "a hashed feature",
        "count": "how often it occurs",
    },
    figures={
        "documents": "documents that came in",
        "words": "of all documents",
        "words_per_document": "mean length",
        "ngrams": "features of all documents: words and pairs of words",
        "documents_without_ngrams": "documents with words, but no features",
        "uncounted_ngrams": "features that the histogram lacks",
    },
)
CUTOFF = Glossary(
    tables={"verdicts": "score of every document, and whether it stays", "cutoff": "the one cutoff of the corpus"},
    columns={
        "words": "length of the document",
        "score": "how much likelier the target is to say this than the corpus, in nats",
        "key": "score plus seeded noise; null if the document is too short to be drawn",
        "cutoff": "documents with a key at or above it stay",
        "kept": "whether it stays; in `cutoff`, how many stay",
        "documents": "of the whole corpus",
        "eligible": "documents that are long enough to be drawn",
    },
    figures={
        "cutoff": "documents with a key at or above it stay; nats",
        "documents": "of the whole corpus",
        "eligible": "documents that are long enough to be drawn",
        "kept": "documents that stay",
        "surplus": "documents that stay beyond the recipe's share",
        "divergence_before": "how far the corpus is from the target (Kullback-Leibler, nats)",
        "divergence_after": "how far what stays is from it",
        "divergence_change": "after less before: below 0 if the selection came closer",
    },
    frames={"domains": "documents in and kept by domain"},
)
SELECTED = Glossary(
    figures={
        "without_verdict": "documents that the cutoff did not judge",
        "kept_below_cutoff": "documents that stay though too short or below the cutoff",
        "kept_without_score": "documents that stay and were never scored",
        "impossible_lengths": "documents with more words than bytes: judged by another text",
        "words": "of documents that are long enough",
        "words_kept": "of documents that stay",
        "length_ratio": "mean length of what stays by that of what could have",
        "bytes_per_word": "of what stays",
        "score_gain": "how much better what stays scores than what could have, in standard deviations",
        "licensed_change": "share with a licence of what stays, less that of all",
    },
    frames={
        "domains": "documents in and kept by domain",
        "languages": "documents in and kept by language",
    },
)
