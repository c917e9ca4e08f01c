"""What the figures of `synthesized` mean, for whoever sees them in Dagster."""

from __future__ import annotations

from data4llm_assets.node import Glossary

GLOSSARY = Glossary(
    tables={"documents": "the new documents, those that a gate refused too"},
    figures={
        "chosen": "documents to write from",
        "generated": "answers of the model",
        "accepted": "answers that passed every gate and are published",
        "accept_rate": "their share of the answers",
        "unanswered_share": "share of the questions that the model refused to answer",
        "silent_styles": "styles that were tried five times or more and yielded nothing",
        "largest_style_share": "share of the commonest style in what is published",
        "least_distinct_ngrams": "share of different word 4-grams in the most repetitive text published",
        "empty": "texts published that are empty",
        "orphans": "texts published without a parent in this partition",
        "relicensed": "texts published under another licence than their parent's",
        "people_bytes": "bytes that people wrote, repeats counted",
        "synthetic_bytes": "bytes that a model wrote",
        "share": "share of the model in both",
    },
    frames={"styles": "answers and texts published by style"},
)
