"""The cost model on made-up numbers."""

from __future__ import annotations

import pytest

from data4llm_assets.engine.costs import Guess, Load, Seen, Sum, fit, places, within


def test_rates_are_found_again() -> None:
    seen = [Seen(0.5 + 0.01 * rows, Load(rows, 0)) for rows in (10, 100, 400, 1000)]
    rates = fit(seen)
    assert (rates.fixed, rates.per_row, rates.per_megabyte) == pytest.approx((0.5, 0.01, 0.0), abs=1e-3)
    assert rates.guess(Load(200, 0)).expected == pytest.approx(2.5, rel=0.01)


def test_the_first_time_in_a_process_is_told_apart() -> None:
    seen = [Seen(2.0 + 0.01 * rows, Load(rows, 0), first=True) for rows in (100, 200)]
    rates = fit([*seen, *(Seen(0.01 * rows, Load(rows, 0)) for rows in (100, 300, 500))])
    assert rates.first == pytest.approx(2.0, rel=0.02)
    assert rates.guess(Load(100, 0), first=1.0).expected == pytest.approx(3.0, rel=0.02)
    assert rates.guess(Load(100, 0)).expected == pytest.approx(1.0, rel=0.02)


def test_no_rate_is_negative() -> None:
    rates = fit([Seen(1.0, Load(100, 0)), Seen(0.5, Load(200, 0)), Seen(0.2, Load(400, 0))])
    assert min(rates.fixed, rates.per_row, rates.per_megabyte, rates.first) >= 0


def test_a_partition_that_took_more_is_expected_to_again_and_so_is_its_shard() -> None:
    seen = [Seen(1.0, Load(100, 0), partition=f"web-{n}|first") for n in range(5)]
    rates = fit([*seen, Seen(4.0, Load(100, 0), partition="books-0|first"), Seen(4.0, Load(100, 0), partition="books-0|second")])
    usual = rates.guess(Load(100, 0), partition="web-1|first").expected
    assert usual == pytest.approx(1.0, rel=0.2)
    assert rates.guess(Load(100, 0), partition="books-0|first").expected > 2.5 * usual
    assert rates.guess(Load(100, 0), partition="books-0|third").expected > 2.5 * usual


def test_of_one_observation_the_same_is_expected_again() -> None:
    assert fit([Seen(3.0, Load(100, 0))]).guess(Load(100, 0)).expected == pytest.approx(3.0)


def test_an_interval_narrows_with_what_is_known_and_widens_beyond_it() -> None:
    few, many = (fit([Seen(1.0, Load(100, 0))] * count) for count in (1, 30))
    assert width(few.guess(Load(100, 0))) > width(many.guess(Load(100, 0)))
    assert width(many.guess(Load(6400, 0))) > 1.5 * width(many.guess(Load(100, 0)))
    assert width(fit([Seen(1.0, Load(100, 0))] * 30, doubt=1.0).guess(Load(100, 0))) > 3 * width(many.guess(Load(100, 0)))


def test_a_sum_forgives_errors_of_its_own_and_keeps_shared_ones() -> None:
    alone, together = Sum(), Sum()
    for _ in range(100):
        alone.add("a", Guess(1.0, own=0.25))
        together.add("a", Guess(1.0, shared=0.5))
    assert alone.range(machine=0.0) == pytest.approx(within(100.0, 25.0))
    assert together.range(machine=0.0) == pytest.approx(within(100.0, 2500.0))


def test_shared_errors_of_two_kinds_are_independent_of_each_other() -> None:
    found = Sum()
    found.add("a", Guess(50.0, shared=3.0))
    found.add("b", Guess(50.0, shared=4.0))
    assert found.range(machine=0.0) == pytest.approx(within(100.0, 25.0))
    assert found.scaled(2.0).range(machine=0.0) == pytest.approx(within(200.0, 100.0))


def test_an_interval_is_never_below_nothing() -> None:
    low = within(1.0, 100.0).low
    assert 0 < low < 0.1
    assert within(0.0, 0.0) == (0.0, 0.0, 0.0)


def test_a_place_is_a_partition_a_shard_and_a_source() -> None:
    assert places("my-web-3|first") == ("my-web-3|first", "my-web-3", "my-web")
    assert places("") == ()


def width(guess: Guess) -> float:
    found = Sum()
    found.add("work", guess)
    told = found.range()
    return (told.high - told.low) / told.expected
