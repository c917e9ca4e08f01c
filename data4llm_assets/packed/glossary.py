"""What the tables, columns and figures of `packed` mean, for whoever sees them in Dagster."""

from __future__ import annotations

from data4llm_assets.node import Glossary

_LENGTHS = {
    "sequences": "to train on",
    "tokens": "of documents, without separators and padding",
    "separators": "tokens between documents",
    "padding": "tokens that fill sequences up",
}

TOKENIZED = Glossary(
    tables={"documents": "token ids of every copy of every document", "totals": "tokens by phase and domain"},
    columns={
        "repeat": "which copy of the document in this phase, 0 first",
        "tokens": "token ids of the copy",
        "copies": "documents, repeats counted",
    },
    figures={
        "documents": "documents that came in, each once",
        "copies": "documents, repeats counted",
        "tokens": "of all documents, each once",
        "tokens_with_repeats": "tokens to train on",
        "bytes_per_token": "how well the tokenizer fits the text",
        "documents_without_tokens": "documents with nothing to train on",
        "separators_in_text": "separator ids that a text spelled out",
        "ids_out_of_vocabulary": "token ids that the tokenizer does not have",
    },
)
PACKED = Glossary(
    tables={"sequences": "what is trained on", "lengths": "what a part holds of each phase"},
    columns={
        "input_ids": "token ids of one training sequence",
        "spans": "which of them are which tokens of which document; separators lie in no span",
        **_LENGTHS,
    },
    figures={
        "documents": "documents packed here, repeats counted",
        **_LENGTHS,
        "padding_share": "share of padding in all tokens written",
        "excess": "sequences beyond the fewest that could hold as much, as a share",
        "pieces": "stretches of documents in sequences",
        "tokens_per_piece": "mean length of a piece",
        "cut_documents": "documents in more than one piece",
        "needlessly_cut": "documents in more pieces than their length needs",
        "documents_met_again": "pieces that share a sequence with another piece of their document",
        "overlapping_pieces": "pieces that reach into the next one or out of their sequence",
        "broken_tokens": "tokens that do not read back as those of their document",
        "stray_separators": "separators that end no document",
        "ids_out_of_vocabulary": "token ids that the tokenizer does not have",
        "unexplained_tokens": "tokens written that are neither text, nor separator, nor padding",
        "dominance": "largest share of one document in the tokens",
    },
    frames={"domains": "copies and tokens by domain"},
)
TRAINING_ORDER = Glossary(
    tables={"order": "which sequence comes when"},
    columns={
        "position": "place in training, 0 first",
        "part": "the part that holds the sequence",
        "row": "its row in that part",
    },
    figures={
        **_LENGTHS,
        "tokens_sent": "tokens that were sent to the parts",
        "unexplained_tokens": "tokens written that are neither text, nor separator, nor padding",
        "unordered_sequences": "sequences without a place in training",
        "phase_inversions": "places where an earlier phase follows a later one",
    },
    frames={"phases": "sequences and tokens by phase of training"},
)
