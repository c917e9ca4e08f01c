"""numba's compiler, started: most of a second, which else the first partition that needs it would be charged with."""

from __future__ import annotations


def start() -> None:
    """Import numba and call a compiled function, which sets up what all of them need."""
    import numba

    numba.njit(cache=True)(_nothing)(1)


def _nothing(value: int) -> int:
    return value
