"""A store that dies at its n-th change, as a process does that is killed there: for drills that try every n."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from data4llm_assets.engine.store import Store


class Killed(BaseException):
    """No error that anything may handle."""


class Mortal(Store):
    """Counts what changes it, and dies before the change number `dies_at`; of several deletions, in the middle."""

    def __init__(self, uri: str, dies_at: int | None = None, *, of_any_format: bool = False) -> None:
        super().__init__(uri, of_any_format=of_any_format)
        self.changes, self._dies_at, self._dead = 0, dies_at, False

    def put(self, path: str, data: bytes) -> None:
        self._change()
        super().put(path, data)

    def create(self, path: str, data: bytes) -> bool:
        self._change()
        return super().create(path, data)

    def adopt(self, file: Path, path: str) -> None:
        self._change()
        super().adopt(file, path)

    def delete(self, paths: Iterable[str]) -> None:
        for path in paths:
            self._change()
            super().delete([path])

    def _change(self) -> None:
        # Whoever is killed cleans nothing up, either.
        if self._dead or self.changes == self._dies_at:
            self._dead = True
            raise Killed
        self.changes += 1


def every_death(uri: str, act: Callable[[Store], object], *, at_most: int = 1000) -> Iterable[int]:
    """Let `act` die at its first change, its second, …, until it lives: yields after each death, with its number.

    What is done between two deaths must put the store back, or `act` must go on from where it died.
    """
    for number in range(at_most):
        store = Mortal(uri, number)
        try:
            act(store)
        except Killed:
            yield number
        else:
            return
    msg = f"still dying after {at_most} changes"
    raise AssertionError(msg)
