"""What the figures of `extracted_text` mean, for whoever sees them in Dagster."""

from __future__ import annotations

from data4llm_assets.node import Glossary

GLOSSARY = Glossary(
    figures={
        "records": "records that came in",
        "documents": "records that gave a text",
        "empty": "records without any text",
        "failed": "records that a parser could not read, or crashed or hung on",
        "beyond_limits": "records larger or deeper than the limits of the parsers",
        "unsupported": "records of a media type that the recipe does not extract",
        "lost": "records whose original is gone or changed",
        "empty_share": "share of records without any text",
        "failed_share": "share of records that a parser could not read, or beyond its limits",
        "unsupported_share": "share of records of a media type that the recipe does not extract",
        "lost_share": "share of records whose original is gone or changed",
        "bytes": "of all texts in UTF-8",
        "mean_bytes": "mean size of a text",
        "replacement_share": "share of texts with undecodable characters (U+FFFD)",
        "html_share_left": "share of web pages with markup left in their text",
        "control_share": "share of texts with control characters",
        "faulty_markup": "texts whose markup had errors that the parser got over",
        "doubtful_share": "share of web pages whose text is too short for the page, mostly links, or the phrases of menus",
        "languages": "different languages that the originals name",
        "titled_share": "share of texts with a title",
    },
    frames={
        "domains": "texts by domain",
        "engines": "texts of web pages by the engine that made them",
        "page_types": "texts of web pages by the type of page that `auto` took them for",
        "media_types": "records in and texts out by media type",
    },
)
