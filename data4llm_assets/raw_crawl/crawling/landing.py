"""One delivery of a crawl: what is left of an earlier try, the crawl itself, and whether it is good enough to be frozen."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
import threading
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from data4llm_assets.node import Delivery, LandingFailed
from data4llm_assets.raw_crawl.address import request_url
from data4llm_assets.raw_crawl.crawling.addresses import Resolve
from data4llm_assets.raw_crawl.crawling.crawler import LOG, Crawler
from data4llm_assets.raw_crawl.crawling.credentials import from_environment
from data4llm_assets.raw_crawl.crawling.harvest import site_of
from data4llm_assets.raw_crawl.crawling.journal import REPORT, Earlier, Journal, Outcome
from data4llm_assets.raw_crawl.crawling.politeness import Clock, WallClock
from data4llm_assets.raw_crawl.crawling.scope import Boundary
from data4llm_assets.raw_crawl.crawling.serving import served

if TYPE_CHECKING:
    from data4llm_assets.raw_crawl.crawl import Crawl

_FINISHED = "finished"
_TRIED = ("page", "revisit", "sitemap", "redirect", "status", "media_type", "too_large", "empty", "failed")


def land(section: Crawl, delivery: Delivery, *, clock: Clock | None = None, resolve: Resolve | None = None) -> None:
    """Fetch what the snapshot's folder lacks: all of it, what a kill left, what the recipe gained since, or nothing.

    clock, resolve: others than the machine's, to measure with.

    Raises
    ------
    LandingFailed
        If nothing, or too little, could be fetched. What was fetched stays, and the next try goes on.
    """
    secrets = from_environment(section.headers_env)
    delivery.folder.mkdir(parents=True, exist_ok=True)
    try:
        journal = Journal(delivery.folder)
    except sqlite3.DatabaseError as error:
        msg = f"the journal in {delivery.folder} cannot be read ({error}): delete that folder to crawl anew"
        raise LandingFailed(msg) from None
    try:
        covered = coverage(section)
        if journal.fact(_FINISHED) == covered:
            return
        _prepare(section, journal)
        earlier = Earlier(delivery.earlier)
        clock = clock or WallClock()
        began = clock.now()
        try:
            with served(section.serve, delivery) as places:
                _complete(Crawler(section, delivery.folder, journal, earlier, places, secrets, clock, resolve).run())
        except OSError as error:
            told = error.strerror or type(error).__name__
            msg = f"{delivery.folder}: {told}; what is whole stays, and the next try goes on from it"
            raise LandingFailed(msg) from error
        finally:
            earlier.close()
        journal.report(delivery.folder / REPORT)
        told = summary(journal.counts())
        LOG.info("%s: %s, %.1f s", delivery.folder.parent.name, told, clock.now() - began)
        _judge(section, journal, told)
        journal.state(_FINISHED, covered)
        journal.commit({})
    finally:
        journal.close()


def coverage(section: Crawl) -> str:
    """A digest of what makes a crawl reach further: a crawl is finished for what the recipe said when it was."""
    reach = section.model_dump(mode="json", include={"seeds", "sitemaps", "scope", "max_pages", "private_addresses"})
    return hashlib.sha256(json.dumps(reach, sort_keys=True).encode()).hexdigest()[:32]


def summary(counts: dict[str, int]) -> str:
    """Outcomes in words: `312 pages (11 new, 301 as before), 3 robots, 2 failed`."""
    new, before = counts.get("page", 0), counts.get("revisit", 0)
    others = [f"{number:,} {outcome.replace('_', ' ')}" for outcome, number in counts.items() if outcome not in ("page", "revisit")]
    return ", ".join([f"{new + before:,} pages ({new:,} new, {before:,} as before)", *others])


def _prepare(section: Crawl, journal: Journal) -> None:
    """Seeds and sitemaps, and what an earlier try, or a narrower scope, left undone."""
    seeds = [url for seed in section.seeds if (url := request_url(seed)) is not None]
    boundary = Boundary(section.scope, seeds)
    for seed in seeds:
        url = boundary.normal(seed)
        if url is not None:
            objection = boundary.objection(url)
            journal.add(url, site_of(url), "page", 0, 0, "seed", None if objection is None else ("scope", objection))
    for number, sitemap in enumerate(section.sitemaps.urls, start=1):
        url = request_url(sitemap)
        if url is None:
            msg = f"sitemap {number} is no http or https URL with a host"
            raise LandingFailed(msg)
        journal.add(url, site_of(url), "sitemap", 0, 0, "sitemaps")
    counts = journal.counts()
    again: list[Outcome] = ["failed"]
    if section.private_addresses == "allow":
        again.append("address")
    if not counts.get("page", 0) + counts.get("revisit", 0):
        # Not one page: what was said may have been a passing mistake of the site's, or one that the recipe has mended.
        again += ["status", "redirect", "media_type", "too_large", "empty", "robots", "address"]
        journal.forget_sites()
    for outcome in dict.fromkeys(again):
        for item in journal.again(outcome):
            journal.reopen(item)
    for item in journal.again("scope"):
        if item.kind == "page" and boundary.objection(item.url, item.depth) is None:
            journal.reopen(item)


def _judge(section: Crawl, journal: Journal, told: str) -> None:
    counts = journal.counts()
    tried, failed = sum(counts.get(outcome, 0) for outcome in _TRIED), counts.get("failed", 0)
    landed = counts.get("page", 0) + counts.get("revisit", 0)
    reasons = "".join(f"\n  {number:,} × {reason}" for reason, number in journal.commonest_reasons(5))
    where = f"\nEvery URL and what came of it: {REPORT} in the landing."
    if not landed:
        msg = f"not one page could be fetched: {told}{reasons}{where}"
        raise LandingFailed(msg)
    if failed > section.failures * tried:
        msg = (
            f"{failed:,} of {tried:,} URLs failed, more than `failures: {section.failures:g}` allows; nothing is frozen, what was "
            f"fetched stays, and the next try goes on from here: {told}{reasons}{where}"
        )
        raise LandingFailed(msg)


def _complete(crawl: Coroutine[Any, Any, None]) -> None:
    """Run to the end, also where a loop runs already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(crawl)
        return
    problems: list[BaseException] = []

    def beside() -> None:
        try:
            asyncio.run(crawl)
        except BaseException as problem:
            problems.append(problem)

    thread = threading.Thread(target=beside, name="crawl")
    thread.start()
    thread.join()
    if problems:
        raise problems[0]
