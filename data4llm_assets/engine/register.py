"""What is current: named values, each change a new generation that exactly one writer can create.

A register is a folder of `<name>.<generation>.json`. The highest generation counts. Publishing creates the next one exclusively,
so of two runs that saw the same generation one wins and the other learns that it lost; a crash leaves the last one readable.

Looking has two prices. One listing tells how far every name has come: `refresh`. One request tells whether a name went on from
where it was seen: `look`. Values never change under a generation, so each is read at most once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from data4llm_assets.engine.digest import canonical
from data4llm_assets.engine.store import Store

_LISTED_ANEW = 3600.0
"""Seconds after which a listing is too old to go on from: `gc` removes what was superseded a day ago, and with it the steps from
one generation to the next."""


@dataclass(frozen=True)
class Entry:
    generation: int
    value: Any


_NEVER = Entry(0, None)


class Register:
    """Values by name under one folder of the store, as last seen. Removing a name publishes None."""

    def __init__(self, store: Store, folder: str) -> None:
        self._store, self.folder = store, folder
        self._generations: dict[str, int] | None = None
        self._listed = 0.0
        self._read: dict[str, Entry] = {}

    def refresh(self) -> None:
        """See anew how far every name has come; the listing waits until something is asked."""
        self._generations = None

    def generations(self) -> dict[str, int]:
        """The generation of every name, as last seen: one listing after a `refresh`."""
        if self._generations is None:
            self._listed = time.monotonic()
            found: dict[str, int] = {}
            for path, _, _ in self._store.objects(self.folder + "/"):
                name, _, rest = path.removeprefix(self.folder + "/").rpartition(".json")[0].rpartition(".")
                if rest.isdigit() and "/" not in name:
                    found[name] = max(found.get(name, 0), int(rest))
            self._generations = found
        return self._generations

    def entry(self, name: str) -> Entry:
        """The value of one name, as last seen; generation 0 and None if it never had one."""
        generation = self.generations().get(name, 0)
        if generation == 0:
            return _NEVER
        if (known := self._read.get(name)) is None or known.generation != generation:
            self._fetch([name])
        return self._read.get(name, _NEVER)

    def entries(self) -> dict[str, Entry]:
        """All values, as last seen."""
        generations = self.generations()
        self._fetch([name for name, each in generations.items() if name not in self._read or self._read[name].generation != each])
        return {name: self._read[name] for name in sorted(self.generations()) if name in self._read}

    def look(self, names: Iterable[str]) -> bool:
        """See whether these names went on, without a listing; True if one did."""
        if time.monotonic() - self._listed > _LISTED_ANEW:
            self.refresh()
        generations, moved, asked = self.generations(), False, list(names)
        while asked:
            # What comes next stands under a name that is known: most often there is nothing.
            found = self._store.get_all(self._path(name, generations.get(name, 0) + 1) for name in asked)
            asked = [name for name, data in zip(asked, found, strict=True) if data is not None]
            for name, data in zip(asked, (data for data in found if data is not None), strict=True):
                generations[name] = generations.get(name, 0) + 1
                self._read[name] = Entry(generations[name], json.loads(data))
                moved = True
        return moved

    def current(self, name: str) -> Entry:
        """The value of one name, as it is now."""
        self.look([name])
        return self.entry(name)

    def publish(self, name: str, seen: int, value: Any) -> bool:
        """Make `value` current if generation `seen` still is; False if another writer was first."""
        data = canonical(value)
        if not self._store.create(self._path(name, seen + 1), data):
            return False
        if self._generations is not None and self._generations.get(name, 0) <= seen:
            self._generations[name] = seen + 1
            self._read[name] = Entry(seen + 1, json.loads(data))
        return True

    def _fetch(self, names: list[str]) -> None:
        while names:
            generations = self.generations()
            names = [name for name in names if name in generations]
            found = self._store.get_all([self._path(name, generations[name]) for name in names])
            for name, data in zip(names, found, strict=True):
                if data is not None:
                    self._read[name] = Entry(generations[name], json.loads(data))
            names = [name for name, data in zip(names, found, strict=True) if data is None]
            if names:
                # Superseded and collected since it was listed.
                self.refresh()

    def _path(self, name: str, generation: int) -> str:
        return f"{self.folder}/{name}.{generation}.json"


class Held(Register):
    """Values that never change, as a register: what a release froze."""

    def __init__(self, store: Store, folder: str, values: Mapping[str, Any]) -> None:
        super().__init__(store, folder)
        self._generations = dict.fromkeys(values, 1)
        self._read = {name: Entry(1, value) for name, value in values.items()}

    def refresh(self) -> None:
        pass

    def look(self, names: Iterable[str]) -> bool:
        return False

    def publish(self, name: str, seen: int, value: Any) -> bool:
        return False
