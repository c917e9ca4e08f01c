"""Where fetched records land: which file of a snapshot a page lies in. Shared by the kinds of source that fetch."""

from __future__ import annotations

from data4llm_assets.document import digest


def file_of(url: str, files: int) -> str:
    """The landing file of a page, `pages-03.warc.gz`: the same in every snapshot.

    Files go to shards by their names, and what was measured is remembered by shard: so a page that stays the same from crawl to
    crawl must stay in a file of the same name.
    """
    return f"pages-{int(digest('landing', url)[:8], 16) % files:02d}.warc.gz"
