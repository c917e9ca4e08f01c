"""What the tables, columns and figures of `mixed` mean, for whoever sees them in Dagster."""

from __future__ import annotations

from data4llm_assets.node import Glossary

DOMAIN_TOKENS = Glossary(
    tables={"tokens": "how long every document is"},
    figures={
        "documents": "documents that came in",
        "tokens": "of all documents, each once",
        "bytes": "of all texts",
        "bytes_per_token": "how well the tokenizer fits the text",
        "documents_without_tokens": "documents with nothing to train on",
    },
)
MIXTURE = Glossary(
    tables={
        "repeats": "how often each document is seen in each phase",
        "mixture": "what each domain gives to each phase of training",
    },
    columns={
        "weight": "of the domain, as the recipe says",
        "asked": "tokens: the weight's share of the budget",
        "quota": "tokens: what is left of it under the limits on epochs",
        "given": "tokens: what whole documents come to",
        "available": "tokens that the domain has",
        "documents": "that the domain has",
        "largest": "tokens of its longest document",
        "epochs": "how often the domain is seen: given / available",
        "begin_epoch": "epoch of the domain in which the phase begins",
        "begin_place": "and where in it, 0 to 1",
        "end_epoch": "epoch of the domain in which the phase ends",
        "end_place": "and where in it, 0 to 1",
    },
    figures={
        "budget": "tokens to train on, as the recipe says",
        "quota": "tokens asked of the domains under the limits on epochs",
        "given": "tokens given in whole documents",
        "unspent": "tokens of the budget that the corpus does not have",
        "unspent_share": "their share of the budget",
        "unweighted_domains": "domains to which the recipe gives no weight",
    },
    frames={
        "domains": "weight, quota, tokens given and epochs by domain and phase",
        "epochs": "how often each domain is seen, and by how many tokens over the limit",
    },
)
MIXED = Glossary(
    figures={
        "tokens_given": "tokens to train on from here, repeats counted",
        "copies": "documents seen, repeats counted",
        "tokens": "of all documents that came in, each once",
        "max_repeats": "how often the document seen most is seen",
        "dominance": "largest share of one document in the tokens given",
        "domains_unused": "domains with a weight and 100 or more documents here that give none",
        "unweighted_kept": "documents kept of a domain without weight",
        "empty_documents": "documents kept without tokens",
        "doubled_rows": "rows of a document that stands twice in one phase",
        "changed_texts": "documents whose text is not the one whose tokens were counted",
        "unknown_documents": "documents mixed in that did not pass the steps before",
    },
    frames={
        "domains": "documents and tokens, in and given, by domain",
        "phases": "documents and tokens by phase of training",
    },
)
