"""Crawls as deliveries of a corpus: frozen, built, withdrawn, through the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data4llm_assets.corpus import Corpus
from data4llm_assets.engine.snapshots import SnapshotError
from raw_crawl.crawl_site import Site, page, response, site, validated

TEXT = "The {} of this page is a sentence that says what it is about, at some length, so that it is text. "


def corpus(served: Site, store: Path, **keys: Any) -> Corpus:
    source = {
        **{"kind": "crawl", "domain": "web", "license": "CC0-1.0", "shards": 2, "files": 4, "seeds": [f"{served.url}/"]},
        **{"private_addresses": "allow", "pace": {"delay": 0}, "retries": {"times": 0}, **keys},
    }
    steps = [{"stage": "raw_crawl"}, {"stage": "extracted_text"}]
    return Corpus({"corpus": "crawled", "sources": {"web": source}, "steps": steps}, store)


def world() -> dict[str, Any]:
    links = "".join(f"<a href='/{name}'>{name}</a>" for name in "abcdef")
    pages = {
        f"/{name}": validated(f"<html><body><p>{TEXT.format(name)}</p></body></html>".encode(), f'"{name}"') for name in "abcdef"
    }
    return {"/": response(f"<html><body><p>{TEXT.format('front')}</p>{links}</body></html>".encode()), **pages}


def documents(built: Corpus, snapshot: str) -> dict[str, str]:
    """Text by path."""
    frame = built.read("extracted_text", snapshot=snapshot, columns=["url", "text"])
    return {str(url).rpartition("/")[2]: text for url, text in frame.iter_rows()}


def test_an_unchanged_page_outlives_the_snapshot_that_fetched_it(tmp_path: Path) -> None:
    with site(world()) as served:
        built = corpus(served, tmp_path)
        assert built.build().ok
        served.answers["/a"] = validated(f"<html><p>{TEXT.format('a, edited')}</p></html>".encode(), '"a2"')
        del served.answers["/b"]
        built.snapshots.add("second", built.recipe.sources)
        asked = len(served.requests)
        assert built.build().ok
        assert len(served.requests) == asked
        first, second = documents(built, "first"), documents(built, "second")
        assert set(first) == {"", *"abcdef"}
        assert set(second) == {"", *"acdef"}
        assert {path for path in second if first[path] != second[path]} == {"a"}
        pages = built.read("raw_crawl", table="records", columns=["page_id", "url", "locator", "snapshot"])
        assert pages.group_by("url").agg(pl.col("page_id").n_unique())["page_id"].unique().to_list() == [1]
        assert pages["locator"].str.starts_with("pages-").all()
        built.snapshots.remove("first")
        assert built.build().ok
        assert documents(built, "second") == second
        assert built.plan().current


def test_a_withdrawn_first_snapshot_still_lends_its_pages_to_the_next_crawl(tmp_path: Path) -> None:
    with site(world()) as served:
        built = corpus(served, tmp_path)
        built.deliver()
        built.snapshots.add("second", built.recipe.sources)
        built.snapshots.remove("first")
        third = built.snapshots.add("third", built.recipe.sources)
        assert third["arrival"] == 3
        assert built.build().ok
        assert documents(built, "third") == documents(built, "second")
        landing = tmp_path / "landing" / "crawled" / "web"
        assert all(b"not-modified" not in file.read_bytes() for file in landing.rglob("*.sqlite"))


def test_a_code_or_policy_change_reads_again_and_fetches_nothing(tmp_path: Path) -> None:
    with site(world()) as served:
        assert corpus(served, tmp_path).build().ok
        asked = len(served.requests)
        again = corpus(served, tmp_path, honour=["noindex"], user_agent="renamed", retries={"times": 1})
        assert again.build().ok
        again.snapshots.add("first", again.recipe.sources, relist=True)
        assert again.build().ok
        assert len(served.requests) == asked


def test_keys_that_act_through_the_landing_make_no_partition_again(tmp_path: Path) -> None:
    with site({"/": page(text=TEXT)}) as served:
        assert corpus(served, tmp_path).build().ok
        more = corpus(served, tmp_path, scope={"exclude": ["x"]}, pace={"delay": 9}, max_pages=7, files=5, contact="a@b.example")
        assert more.plan().current
        assert not corpus(served, tmp_path, honour=[]).plan().current


def test_a_crawl_that_fails_freezes_nothing_and_says_which_source(tmp_path: Path) -> None:
    with site({}) as served:
        built = corpus(served, tmp_path)
        with pytest.raises(SnapshotError, match=r"(?s)source 'web': not one page could be fetched: .*status 404"):
            built.deliver()
        assert built.snapshots.all() == {}
        served.answers["/"] = page(text=TEXT)
        # What was said then may be otherwise now: it is asked again.
        assert built.build().ok


def test_a_page_whose_original_is_gone_is_told_page_by_page(tmp_path: Path) -> None:
    with site(world()) as served:
        built = corpus(served, tmp_path)
        built.deliver()
        built.snapshots.add("second", built.recipe.sources)
        for file in (tmp_path / "landing" / "crawled" / "web" / "first").glob("pages-*"):
            file.unlink()
        built.build()
    told = built.decisions("raw_crawl", rule="raw_crawl.revisit")
    assert told.height == 7
    assert told["partition"].str.ends_with("|second").all()
    assert told["reason"].str.starts_with("the earlier page that this record refers to is not there: pages-").all()
