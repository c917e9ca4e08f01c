from __future__ import annotations

import polars as pl
import pytest

from data4llm_assets.mixed import checks, tally
from data4llm_assets.mixed.stage import Mixed
from data4llm_assets.node import QUALITIES
from mixed.in_memory_work import broken, guards, place


def given(count: int, tokens: int = 10, domain: str = "web", repeats: int = 1, phase: int = 0, first: int = 0) -> pl.DataFrame:
    rows = [(f"d{first + number}", domain, tokens, repeats, phase) for number in range(count)]
    return pl.DataFrame(rows, schema=tally.GIVEN, orient="row")


def standing(*frames: pl.DataFrame) -> pl.DataFrame:
    return pl.concat(frames).unique("doc_id", maintain_order=True).select(tally.STANDING.names())


def failed(before: pl.DataFrame, stays: pl.DataFrame, *, limits: tuple[float, ...] = (4.0,), phases: int = 2) -> list[str]:
    totals = tally.totals(before, stays, ("web", "books")).with_columns(changed_texts=0, unknown_documents=0)
    frames = {"partition": totals, "domains": tally.domains(before, stays), "phases": tally.phases(stays)}
    return broken(checks.mixed(limits, phases), frames)


def test_every_quality_is_guarded_twice() -> None:
    node = Mixed(budget=1, weights={"web": 1.0}).nodes(place("mixed"))[-1]
    assert all(guards(node)[quality] >= 2 for quality in QUALITIES)


@pytest.mark.parametrize("count", [0, 1, 99, 300])
def test_empty_tiny_and_good_partitions_pass(count: int) -> None:
    stays = given(count)
    assert failed(standing(stays, given(50, first=count)), stays) == []


def test_a_document_listed_twice_in_a_phase_is_refused() -> None:
    stays = pl.concat([given(3), given(1)])
    assert failed(standing(stays), stays) == ["doubled_rows"]
    two_phases = pl.concat([given(3), given(3, phase=1)])
    assert failed(standing(two_phases), two_phases) == []


@pytest.mark.parametrize("phase", [-1, 2])
def test_a_phase_that_the_recipe_does_not_have_is_refused(phase: int) -> None:
    stays = given(3, phase=phase)
    assert failed(standing(stays), stays) == ["phase"]


def test_repeats_beyond_the_limit_are_refused() -> None:
    stays = given(3, repeats=5)
    assert failed(standing(stays), stays) == ["max_repeats"]


def test_documents_of_a_domain_without_weight_are_refused() -> None:
    stays = pl.concat([given(3), given(1, domain="code", first=3)])
    assert failed(standing(stays), stays) == ["unweighted_kept"]


def test_documents_of_one_length_are_seen() -> None:
    stays = given(100, tokens=10)
    assert failed(standing(stays, given(100, tokens=100, first=100)), stays) == ["length_ratio"]


def test_one_document_that_is_half_of_everything_is_seen() -> None:
    stays = pl.concat([given(100), given(1, tokens=2000, first=100)])
    assert failed(standing(stays), stays) == ["dominance"]


def test_a_domain_that_the_budget_does_not_reach_is_seen() -> None:
    books = given(100, domain="books")
    stays = given(5, first=100)
    assert failed(standing(books, stays), stays) == ["domains_unused"]
    assert failed(standing(books[:99], stays), stays) == []
    assert failed(standing(given(100, domain="code"), stays), stays) == []


def test_documents_without_tokens_are_seen() -> None:
    stays = given(3, tokens=0)
    assert failed(standing(stays), stays) == ["empty_documents"]


def test_frames_tell_what_was_given_by_domain_and_phase() -> None:
    stays = pl.concat([given(2, repeats=2), given(1, phase=1)])
    before = standing(stays, given(2, first=2), given(1, domain="books", tokens=7, first=9))
    assert tally.domains(before, stays).rows() == [("books", 1, 0, 7, 0, 0.0, None), ("web", 4, 2, 40, 50, 1.25, None)]
    assert tally.phases(stays).rows() == [(0, 2, 4, 40), (1, 1, 1, 10)]
