"""Quotas: how many tokens of each domain each phase of training gets. Exact integers, by largest remainder.

Water-filling: a domain that cannot give what its weight asks gives all it may, and the others share what is left in proportion to
their weights, until nobody is asked too much. What no domain can give stays unspent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction


def exact(number: float) -> Fraction:
    """The decimal fraction that a recipe wrote: 0.1 is one tenth."""
    return Fraction(repr(number))


def largest_remainder(total: int, weights: Mapping[str, Fraction]) -> dict[str, int]:
    """`total` split in proportion to `weights`, in whole numbers that sum to `total` exactly.

    Everyone gets the whole part of his share, and one more in order of the largest fractional part, ties by name. All zeros if the
    weights are.
    """
    whole = sum(weights.values(), Fraction())
    if not whole:
        return dict.fromkeys(weights, 0)
    shares = {name: total * weight / whole for name, weight in weights.items()}
    given = {name: int(share) for name, share in shares.items()}
    order = sorted(weights, key=lambda name: (given[name] - shares[name], name))
    for name in order[: total - sum(given.values())]:
        given[name] += 1
    return given


def quotas(budgets: Sequence[int], weights: Sequence[Mapping[str, Fraction]], limits: Mapping[str, int]) -> list[dict[str, int]]:
    """Tokens for each phase and domain.

    Parameters
    ----------
    budgets : tokens of each phase.
    weights : weights of each phase, by domain.
    limits : the most tokens that a domain may give over all phases together; what binds is shared over the phases in proportion to
        what each would have had.
    """
    bound: list[dict[str, int]] = [{} for _ in budgets]
    while True:
        given = []
        for budget, wanted, fixed in zip(budgets, weights, bound, strict=True):
            free = {domain: weight for domain, weight in wanted.items() if domain not in fixed}
            given.append(fixed | largest_remainder(budget - sum(fixed.values()), free))
        asked = {domain: sum(phase.get(domain, 0) for phase in given) for domain in limits}
        exceeded = [domain for domain in limits if asked[domain] > limits[domain]]
        if not exceeded:
            return given
        for domain in exceeded:
            demand = {f"{phase:06}": Fraction(tokens.get(domain, 0)) for phase, tokens in enumerate(given)}
            for fixed, tokens in zip(bound, largest_remainder(limits[domain], demand).values(), strict=True):
                fixed[domain] = tokens
