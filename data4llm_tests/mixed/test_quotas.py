from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.mixed.quotas import exact, largest_remainder, quotas

WEIGHTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 20).map(lambda n: Fraction(n, 7)), min_size=1)


def test_decimals_are_taken_at_their_word():
    assert exact(0.1) + exact(0.2) == exact(0.3)
    assert exact(1e-8) == Fraction(1, 10**8)


@pytest.mark.parametrize(
    ("total", "weights", "expected"),
    [
        (10, {"a": 0.5, "b": 0.5}, {"a": 5, "b": 5}),
        (100, {"a": 0.333, "b": 0.333, "c": 0.334}, {"a": 33, "b": 33, "c": 34}),
        (1, {"b": 0.5, "a": 0.5}, {"a": 1, "b": 0}),
        (7, {"a": 0.0, "b": 1.0}, {"a": 0, "b": 7}),
        (5, {"a": 0.0}, {"a": 0}),
    ],
)
def test_largest_remainder_gives_one_more_to_the_largest_fraction(total, weights, expected):
    assert largest_remainder(total, {name: exact(weight) for name, weight in weights.items()}) == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**12), WEIGHTS)
def test_largest_remainder_is_exact_and_within_one(total, weights):
    given = largest_remainder(total, weights)
    whole = sum(weights.values())
    assert sum(given.values()) == (total if whole else 0)
    assert all(abs(given[name] - total * weight / whole) < 1 for name, weight in weights.items() if whole)


def test_what_a_domain_cannot_give_the_others_share():
    weights = {"a": Fraction(1, 2), "b": Fraction(1, 4), "c": Fraction(1, 4)}
    assert quotas([100], [weights], {"a": 20, "b": 1000, "c": 1000}) == [{"a": 20, "b": 40, "c": 40}]
    # Water-filling goes on: what b is asked for after a was bound is too much in turn.
    assert quotas([100], [weights], {"a": 20, "b": 30, "c": 1000}) == [{"a": 20, "b": 30, "c": 50}]


def test_what_no_domain_can_give_stays_unspent():
    weights = {"a": Fraction(1, 2), "b": Fraction(1, 2)}
    assert quotas([100], [weights], {"a": 20, "b": 30}) == [{"a": 20, "b": 30}]


def test_a_limit_over_two_phases_is_shared_by_what_each_would_have_had():
    phases = [{"a": exact(0.75), "b": exact(0.25)}, {"a": exact(0.25), "b": exact(0.75)}]
    assert quotas([100, 100], phases, {"a": 40, "b": 1000}) == [{"a": 30, "b": 70}, {"a": 10, "b": 90}]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 500), WEIGHTS), min_size=1, max_size=3),
    st.lists(st.integers(0, 300), min_size=6, max_size=6),
)
def test_quotas_stay_under_limits_and_leave_nothing_that_could_be_given(phases, caps):
    limits = dict(zip("abcdef", caps, strict=True))
    weights = [{name: weight.get(name, Fraction()) for name in limits} for _, weight in phases]
    budgets = [budget for budget, _ in phases]
    given = quotas(budgets, weights, limits)
    for domain, limit in limits.items():
        assert sum(phase[domain] for phase in given) <= limit
    for budget, phase, wanted in zip(budgets, given, weights, strict=True):
        assert sum(phase.values()) <= budget
        free = [name for name in limits if wanted[name] and sum(each[name] for each in given) < limits[name]]
        assert sum(phase.values()) == budget or not free
