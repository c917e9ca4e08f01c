"""What the figures of `raw_crawl` mean, for whoever sees them in Dagster."""

from __future__ import annotations

from data4llm_assets.node import Glossary

GLOSSARY = Glossary(
    figures={
        "files": "files listed for this shard when the snapshot arrived",
        "seen": "records read from them, bad ones too",
        "records": "records in the index",
        "repeats": "records that were there before, identical: counted, not listed twice",
        "quarantined": "bad records, each with its reason among the decisions",
        "vanished": "files that were listed, and are gone, changed or empty now",
        "skipped": "things met that are no records, such as a WARC's requests",
        "bytes": "of all originals in the index",
        "strays": "records whose locator leads to another file than they were read from",
        "unexplained": "records read that are neither in the index, nor repeats, nor quarantined",
        "quarantined_share": "share of what was read that is bad",
        "repeats_share": "share of what was read that is an exact repeat",
        "repaired_share": "share of what was read whose characters had to be repaired",
        "mean_bytes": "mean size of an original",
        "pages_share": "pages by records: 1 if every record is a page of its own",
        "licensed_share": "share of records that name a licence",
        "secret_urls_share": "share of URLs with a password, token or session in them",
        "same_payload_share": "share of records with the commonest content",
    },
    frames={
        "media_types": "records by media type",
        "licenses": "records by licence",
        "skipped": "what was passed over, by kind",
    },
)
