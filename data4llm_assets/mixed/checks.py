"""What must hold of `mixed` and the nodes before it."""

from __future__ import annotations

import math
from collections.abc import Iterable

from data4llm_assets.node import Expectation, between


def domain_tokens() -> tuple[Expectation, ...]:
    return (
        between("articulation", "bytes_per_token", 1.0, 20.0, "The tokenizer fits the text: no token for every byte, no blobs."),
        between(
            "abundance", "documents_without_tokens", 0, 0, "Every document has tokens to train on.", severity="warning",
        ),
    )  # fmt: skip


def mixture() -> tuple[Expectation, ...]:
    return (
        between(
            "abundance", "unspent_share", 0.0, 0.01,
            "The corpus has the tokens that the budget asks for, under the limits on epochs.", severity="warning",
        ),
        between(
            "abundance", "error_documents", 0.0, 1.0, "Each domain's tokens are within one document of its quota.", frame="domains"
        ),
        between("sanitization", "over_limit", None, 0, "No domain is repeated more often than the recipe allows.", frame="epochs"),
        between(
            "inclusiveness", "share_error", -0.02, 0.02, "Each domain has the share of tokens that its weight asks for.",
            severity="warning", frame="domains",
        ),
        between(
            "inclusiveness", "unweighted_domains", 0, 0, "Every domain of the corpus has a weight: none is forgotten.",
            severity="warning",
        ),
    )  # fmt: skip


def mixed(limits: Iterable[float], phases: int) -> tuple[Expectation, ...]:
    """`limits`: the most epochs of each domain. `phases`: how many the recipe has."""
    return (
        between("abundance", "max_repeats", 1, math.ceil(max(limits)), "No document is seen more often than the recipe allows."),
        between("sanitization", "changed_texts", 0, 0, "What is mixed is the text whose tokens were counted."),
        between("sanitization", "unknown_documents", 0, 0, "Nobody is mixed in who did not pass the steps before."),
        between("sanitization", "unweighted_kept", 0, 0, "Nothing is mixed in of a domain to which the recipe gives no weight."),
        between("articulation", "doubled_rows", 0, 0, "A document stands once in a phase: copies are counted, not listed."),
        between("articulation", "phase", 0, phases - 1, "Every document is given to a phase that the recipe has.", frame="phases"),
        between("articulation", "empty_documents", 0, 0, "Every document that stays has tokens.", severity="warning"),
        between(
            "articulation", "length_ratio", 0.5, 2.0,
            "Documents that stay should be about as long as all of their domain: the budget takes them as they come.",
            severity="warning", frame="domains",
        ),
        between(
            "inclusiveness", "dominance", 0.0, 0.5, "No single document makes up half of what this shard gives.", severity="warning"
        ),
        between(
            "inclusiveness", "domains_unused", 0, 0,
            "Of 100 or more documents of a domain with a weight some should be seen: the budget may not reach this shard.",
            severity="warning",
        ),
    )  # fmt: skip
