"""Memory that a corpus-wide node declares: what does not fit says how much it needs, before it starts."""

from __future__ import annotations


class NotEnoughMemory(RuntimeError):
    """The recipe's `compute.memory` is too small for what must be held at once."""

    def __init__(self, what: str, needed: int, given: int) -> None:
        self.needed, self.given = needed, given
        super().__init__(f"{what} needs {-(-needed // 10**6):,} MB, and the recipe's compute.memory is {given // 10**6:,} MB")


def require(what: str, needed: int, given: int) -> None:
    """Raise NotEnoughMemory if `needed` bytes are more than `given`."""
    if needed > given:
        raise NotEnoughMemory(what, needed, given)
