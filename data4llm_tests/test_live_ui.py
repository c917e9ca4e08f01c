"""What a person sees and does in Dagster's web interface, in headless Chromium: graph, launchpad, backfill, checks, plots, lineage.

Every step leaves a screenshot in $DATA4LLM_SCREENSHOTS, or `.screenshots` in the checkout; `make screenshots` takes those of the
README from there. Nothing is waited for by the clock: each wait is for what a person would wait to see.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from data4llm_assets.commands.health import SYSTEM_PROGRAMS
from data4llm_assets.node import QUALITIES, STAGES
from live_dagster import Live

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.long
FOLDER = Path(os.environ.get("DATA4LLM_SCREENSHOTS") or Path(__file__).parents[1] / ".screenshots")
SIZE, SCALE = {"width": 1750, "height": 1000}, 0.8
"""Pictures of 1,400 x 800 pixels. In a narrower window the whole graph is painted without the names of its assets."""
SOON, A_RUN, A_BACKFILL = 30_000, 120_000, 240_000
"""Milliseconds: for a page, for a run, for the daemon's next tick and runs side by side."""
GROUPS = [f"{place}_{stage}" for place, stage in enumerate(STAGES, 1)]
EXPANDED = "expanded=" + ",".join(f"global@global:{group}" for group in GROUPS)
Shoot = Callable[[str], None]


@pytest.fixture(scope="session", autouse=True)
def chromium() -> str:
    """The browser's program. Asked for before the servers start, which nobody needs without it."""
    names, _ = SYSTEM_PROGRAMS["chromium"]
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        message = f"no {', '.join(names)}: the browser tests need one (`make system` installs it on Debian and Ubuntu)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture(scope="module")
def page(chromium: str) -> Iterator[Page]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=SOON)
    # Containers often run as root, where Chromium's sandbox cannot start, and have a small /dev/shm. It only sees loopback here.
    flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page(viewport=SIZE, device_scale_factor=SCALE, timezone_id="UTC", locale="en-GB")
        page.set_default_timeout(SOON)
        yield page
        browser.close()


@pytest.fixture
def shoot(page: Page, request: pytest.FixtureRequest) -> Iterator[Shoot]:
    def take(name: str) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")

    failed = request.session.testsfailed
    yield take
    if request.session.testsfailed > failed:
        take(f"failed_{request.node.name}")


def shown(page: Page | Locator, text: str | re.Pattern[str], *, exact: bool = True) -> Locator:
    """Where a text is seen. Dagster keeps hidden copies of labels to measure them."""
    return page.get_by_text(text, exact=exact).filter(visible=True)


def asset(live: Live, name: str, view: str) -> str:
    return f"{live.url}/assets/micro/{name}?view={view}"


def loaded(page: Page) -> None:
    """Wait until every asset of a graph says how it stands."""
    from playwright.sync_api import expect

    expect(shown(page, re.compile("^Loading"))).to_have_count(0)


def launch(page: Page, live: Live, name: str, shard: str | None) -> None:
    """The dialog behind "Materialize…": one shard, or all of them, of the first snapshot."""
    page.goto(asset(live, name, "overview"))
    page.get_by_role("button", name="Materialize").first.click()
    dialog = page.get_by_role("dialog")
    empty = shown(dialog, "Select a partition or create one")
    for dimension in (shard, "first"):
        if dimension is None:
            dialog.get_by_role("button", name="All", exact=True).first.click()
        else:
            empty.first.click()
            shown(page, dimension).last.click()
            page.keyboard.press("Escape")


def reload_definitions(page: Page, live: Live) -> None:
    page.goto(f"{live.url}/asset-groups")
    page.get_by_role("button", name="Reload definitions").click()
    shown(page, re.compile("Definitions reloaded"), exact=False).first.wait_for(timeout=A_RUN)


def test_the_graph_shows_every_stage_in_its_group_and_what_each_asset_is(page: Page, live: Live, shoot: Shoot) -> None:
    from playwright.sync_api import expect

    page.goto(f"{live.url}/asset-groups")
    for group in GROUPS:
        expect(shown(page, group).first).to_be_visible()
    # "Expand all groups"; its menu is behind a click on the background.
    page.keyboard.press("Alt+e")
    for stage in STAGES:
        expect(shown(page, stage).first).to_be_visible()
    shoot("graph_overview")
    page.goto(f"{live.url}/asset-groups~/micro%2Fduplicates?{EXPANDED}")
    page.get_by_text("Hide navigation").filter(visible=True).first.click()
    expect(shown(page, re.compile("^Which documents repeat an earlier one"), exact=False).first).to_be_visible()
    expect(shown(page, re.compile("Documents sharing a band are candidates"), exact=False).first).to_be_visible()
    expect(shown(page, "arXiv 2406.17557").first).to_be_visible()
    expect(page.get_by_text("Passed").filter(visible=True).first).to_be_visible()
    loaded(page)
    shoot("graph")
    page.goto(f"{live.url}/assets")
    for node in live.corpus().state.graph.nodes.values():
        expect(shown(page, re.compile(re.escape(node.description[:30])), exact=False).first).to_be_visible()
    loaded(page)
    shoot("catalog")


def test_a_partition_is_materialized_from_the_launchpad(page: Page, live: Live, shoot: Shoot) -> None:
    launch(page, live, "deduped", "docs-0")
    shoot("launchpad")
    page.get_by_role("dialog").get_by_role("button", name="Launch 1 run").click()
    shown(page, "View").first.click()
    shown(page, "Success").first.wait_for(timeout=A_RUN)
    shown(page, re.compile("partition: docs-0.first"), exact=False).first.wait_for()
    shoot("run")


def test_a_backfill_of_one_stage_completes(page: Page, live: Live, shoot: Shoot) -> None:
    from playwright.sync_api import expect

    launch(page, live, "filtered", None)
    page.get_by_role("dialog").get_by_role("button", name="Launch").click()
    shown(page, "View").first.click()
    shown(page, "100% completed").first.wait_for(timeout=A_BACKFILL)
    # The status, and the column of partitions.
    shown(page, "Succeeded").nth(1).wait_for(timeout=A_RUN)
    shoot("backfill")
    page.goto(asset(live, "filtered", "checks"))
    expect(shown(page, "Succeeded")).to_have_count(len(QUALITIES))


def test_numbers_are_plotted_over_partitions(page: Page, live: Live, shoot: Shoot) -> None:
    from playwright.sync_api import expect

    page.goto(asset(live, "filtered", "overview"))
    expect(shown(page, re.compile("^Documents that pass the recipe's rules"), exact=False).first).to_be_visible()
    expect(shown(page, "128-bit SHA-256 of the text: equal texts have equal digests").first).to_be_visible()
    shoot("asset")
    page.get_by_role("button", name="Plots").first.click()
    expect(page.locator("canvas").nth(8)).to_be_attached()
    for figure in ("documents_in", "retention", "mean_word_length"):
        expect(shown(page, figure).last).to_be_visible()
    page.get_by_role("button", name="Plots").first.scroll_into_view_if_needed()
    page.locator("canvas").nth(2).scroll_into_view_if_needed()
    shoot("plots")


def test_lineage_of_one_asset_shows_what_it_reads_and_who_reads_it(page: Page, live: Live, shoot: Shoot) -> None:
    from playwright.sync_api import expect

    page.goto(asset(live, "deduped", "lineage"))
    for name in ("extracted_text", "duplicates", "deduped", "filtered"):
        expect(shown(page, name).first).to_be_visible()
    loaded(page)
    shoot("lineage")


def test_a_refused_partition_shows_its_numbers_and_what_was_current_stays(page: Page, live: Live, shoot: Shoot) -> None:
    from playwright.sync_api import expect

    recipe = live.folder / "recipe.yaml"
    good = recipe.read_text()
    before = live.corpus().state.entry("filtered", "docs-0|first")
    assert "docs: {min: 0.2, max: 0.99}" in good
    try:
        recipe.write_text(good.replace("docs: {min: 0.2, max: 0.99}", "docs: {min: 0.95, max: 1.0}"))
        reload_definitions(page, live)
        launch(page, live, "filtered", "docs-0")
        page.get_by_role("dialog").get_by_role("button", name="Launch 1 run").click()
        shown(page, "View").first.click()
        shown(page, "Failure").first.wait_for(timeout=A_RUN)
        shoot("refused_run")
        page.goto(asset(live, "filtered", "checks") + "&checkDetail=abundance")
        for quality in QUALITIES:
            expect(shown(page, quality).first).to_be_visible()
        told = shown(page, re.compile(r"retention is 0\.\d+, outside 0\.95 to 1"), exact=False).first
        expect(told).to_contain_text("Between 95% and 100% of the documents of docs should survive this step")
        expect(shown(page, "Enough unique text comes through, and every document is accounted for.").first).to_be_visible()
        expect(shown(page, "Failed").first).to_be_visible()
        expect(shown(page, "Succeeded")).to_have_count(3)
        shoot("refused")
        page.goto(asset(live, "filtered", "partitions"))
        expect(shown(page, "Failed (1)").first).to_be_visible()
        for dimension in ("docs-0", "first"):
            shown(page, dimension).first.click()
        # What was made before the refusal still stands as the latest materialization.
        expect(shown(page, "documents_out").first).to_be_visible()
        shoot("refused_partition")
        assert live.corpus().state.entry("filtered", "docs-0|first") == before
    finally:
        recipe.write_text(good)
    assert live.corpus().plan().current
