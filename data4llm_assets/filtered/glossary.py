"""What the figures of `filtered` mean, for whoever sees them in Dagster."""

from __future__ import annotations

from data4llm_assets.node import Glossary

GLOSSARY = Glossary(
    figures={
        "documents": "that came in",
        "kept": "documents that stay",
        "share_kept": "share of the documents that stays",
        "languages": "different languages of what stays",
        "language_bits": "how mixed they are: entropy of their shares in bits, 0 for a single one",
        "languages_lost": "admitted languages with 50 or more documents of which none is left",
        "language_shift": "how far the languages' shares moved: half the sum of differences, 0 to 1",
        "edited_away": "share of the characters that edits took",
        "legible": "share of what stays that is made of readable words",
        "mean_word_length": "of what stays, in characters",
        "email_share": "share of what stays with something like an e-mail address that is no replacement",
    },
    frames={
        "rules": "documents that each rule looked at, and changed or dropped",
        "languages": "documents in and kept by language",
    },
)
