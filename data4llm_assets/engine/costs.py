"""What work costs, learned from what it cost before: so much a partition, a row, a megabyte, and the first time in a process.

Pure numbers. Where they come from and what they are added up to is `engine.forecast`. An expectation carries two errors: that of
each partition by itself, which sums forgive, and that which all share (a rate that is wrong, a machine that is slower today).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import exp, hypot, log, log1p, log2, sqrt
from typing import NamedTuple

import numpy as np

CONFIDENT = 1.645
"""Standard deviations either side that hold 90 % of a normal distribution."""
_SMALL = 0.02
"""Below this a cost is mostly noise: relative errors are counted as if it were as much."""
_PRICE_OF_A_RATE = 0.02
"""Sum of squared relative errors that one more rate must save to be believed."""
_PRIOR_SPREAD, _PRIOR_WEIGHT = 0.25, 2.0
"""Relative error of a partition before anything is known of it, and how many observations that counts for."""
_RUN_TO_RUN = 0.18
"""Relative error that an asset's partitions share in one run and not in the next."""
_PER_DOUBLING = 0.15
"""Relative error for each doubling beyond the largest load that was seen."""
MACHINE = 0.1
"""Relative error that all assets of a run share: the machine is slower today, or faster."""
_DOUBTED = 0.25
"""Observations of no difference that stand against a place's own past."""
_ROUNDS = 3
_OUTLIER = 2.0
"""Residuals beyond so many typical ones count less."""


class Load(NamedTuple):
    """rows: of the input that drives the work (documents, mostly), or files where sources are read. bytes: of text or payload."""

    rows: float
    bytes: float


class Seen(NamedTuple):
    """One observation: what some work cost. weight: how much it says of the work to come, 1 at most."""

    cost: float
    load: Load
    first: bool = False
    partition: str = ""
    weight: float = 1.0


class Guess(NamedTuple):
    """An expected cost. own: variance of the error that is this partition's alone. shared: standard deviation of what it has in
    common with all others of its kind."""

    expected: float
    own: float = 0.0
    shared: float = 0.0


class Range(NamedTuple):
    """An expectation, and the interval that holds the truth nine times of ten."""

    expected: float
    low: float
    high: float


@dataclass(frozen=True)
class Rates:
    """What a kind of work costs. spread: relative error of one partition; doubt: of all together."""

    fixed: float
    per_row: float
    per_megabyte: float
    first: float
    spread: float
    doubt: float
    largest: float
    more: dict[str, float] = field(default_factory=dict)
    """Logarithm of how much more than its load says a partition, a shard or a source took before."""

    def guess(self, load: Load, first: float = 0.0, partition: str = "") -> Guess:
        """first: how likely this is the first work of its kind in its process."""
        factor = exp(next((self.more[place] for place in places(partition) if place in self.more), 0.0))
        expected = factor * self._of(load) + first * self.first
        beyond = max(0.0, log2(load.rows / self.largest)) if load.rows and self.largest else 0.0
        own = (self.spread * expected) ** 2 + first * (1 - first) * self.first**2 + (_SMALL / 2) ** 2
        return Guess(expected, own, hypot(self.doubt, _PER_DOUBLING * beyond) * expected)

    def _of(self, load: Load) -> float:
        return self.fixed + self.per_row * load.rows + self.per_megabyte * load.bytes / 1e6


def fit(seen: Sequence[Seen], doubt: float = 0.0) -> Rates:
    """The rates that explain what was seen, none of them negative; of equal explanations the one with fewest rates.

    doubt : relative error for reasons outside of what was seen: it was work of another kind, say.
    """
    features = np.array([[s.load.bytes / 1e6, s.load.rows, 1.0, float(s.first)] for s in seen])
    costs = np.array([s.cost for s in seen])
    weights = np.array([s.weight for s in seen])
    usual, trust = costs, weights
    for _ in range(_ROUNDS):
        # Rates are those of a usual place: what a place takes more or less is left out of them, and outliers count less.
        rates = _rates(features, usual, trust)
        more = _by_place(seen, features @ rates)
        explained = np.array([next((more[place] for place in places(s.partition)), 0.0) for s in seen])
        usual = costs / np.exp(explained)
        left = _errors(features @ rates, usual)
        typical = max(float(np.median(np.abs(left))), 0.05)
        trust = weights * np.minimum(1.0, _OUTLIER * typical / np.maximum(np.abs(left), 1e-9))
    # Rates are taken from the same observations: as many of them say nothing of the error.
    free = max(0.0, float(weights.sum()) - np.count_nonzero(rates))
    squares = float((weights * left**2).sum()) * free / max(float(weights.sum()), 1e-9)
    spread = sqrt((_PRIOR_WEIGHT * _PRIOR_SPREAD**2 + squares) / (_PRIOR_WEIGHT + free))
    shared = sqrt(doubt**2 + _RUN_TO_RUN**2 + spread**2 / max(float(weights.sum()), 1.0))
    per_megabyte, per_row, fixed, first = (float(rate) for rate in rates)
    return Rates(fixed, per_row, per_megabyte, first, spread, shared, max(s.load.rows for s in seen), more)


def within(expected: float, variance: float) -> Range:
    """The interval of a positive quantity: log-normal, so that it never falls below nothing."""
    if expected <= 0:
        return Range(0.0, 0.0, CONFIDENT * sqrt(variance))
    spread = CONFIDENT * sqrt(log1p(variance / expected**2))
    return Range(expected, expected * exp(-spread), expected * exp(spread))


class Sum:
    """Guesses added up: errors of single partitions by their squares, those that a kind of work shares in full."""

    def __init__(self) -> None:
        self.expected = 0.0
        self._own = 0.0
        self._shared: dict[str, float] = {}

    def add(self, kind: str, guess: Guess) -> None:
        self.expected += guess.expected
        self._own += guess.own
        self._shared[kind] = self._shared.get(kind, 0.0) + guess.shared

    def merge(self, other: Sum) -> None:
        self.expected += other.expected
        self._own += other._own
        for kind, shared in other._shared.items():
            self._shared[kind] = self._shared.get(kind, 0.0) + shared

    def scaled(self, factor: float) -> Sum:
        """The same in another unit."""
        found = Sum()
        found.expected, found._own = self.expected * factor, self._own * factor**2
        found._shared = {kind: shared * factor for kind, shared in self._shared.items()}
        return found

    def range(self, machine: float = MACHINE) -> Range:
        variance = self._own + sum(shared**2 for shared in self._shared.values()) + (machine * self.expected) ** 2
        return within(self.expected, variance)


def _rates(features: np.ndarray, costs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Least squares of relative errors over every choice of rates, of those without a negative one the best."""
    scale = np.sqrt(weights) / np.maximum(costs, _SMALL)
    scaled, wanted = features * scale[:, None], costs * scale
    best, found = np.inf, np.zeros(features.shape[1])
    for count in range(1, features.shape[1] + 1):
        for chosen in combinations(range(features.shape[1]), count):
            columns = scaled[:, chosen]
            if count > len(costs) or not columns.any(axis=0).all():
                continue
            solution = np.linalg.lstsq(columns, wanted, rcond=None)[0]
            if (solution < 0).any():
                continue
            error = float(((columns @ solution - wanted) ** 2).sum()) + _PRICE_OF_A_RATE * count
            if error < best - 1e-9:
                best, found = error, np.zeros(features.shape[1])
                found[list(chosen)] = solution
    return found


def _errors(expected: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Logarithm of how much more it was than expected."""
    return np.asarray(np.log((costs + _SMALL) / (expected + _SMALL)))


def places(partition: str) -> tuple[str, ...]:
    """A partition, its shard and its source, the closest first."""
    shard = partition.partition("|")[0]
    return tuple(dict.fromkeys(place for place in (partition, shard, shard.rpartition("-")[0]) if place))


def _by_place(seen: Sequence[Seen], expected: np.ndarray) -> dict[str, float]:
    """What a place's own past adds: all it took over all that was expected of it, believed the more the oftener it was seen."""
    found: dict[str, tuple[float, float, float]] = {}
    for each, usual in zip(seen, expected, strict=True):
        for place in places(each.partition):
            took, due, weight = found.get(place, (0.0, 0.0, 0.0))
            found[place] = took + each.weight * each.cost, due + each.weight * float(usual), weight + each.weight
    return {
        place: weight / (weight + _DOUBTED) * log((took + _SMALL) / (due + _SMALL)) for place, (took, due, weight) in found.items()
    }
