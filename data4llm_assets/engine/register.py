"""What is current: named values, each change a new generation that exactly one writer can create.

A register is a folder of `<name>.<generation>.json`. The highest generation counts. Publishing creates the next one exclusively,
so of two runs that saw the same generation one wins and the other learns that it lost; a crash leaves the last one readable.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from data4llm_assets.engine.digest import canonical
from data4llm_assets.engine.store import Store


@dataclass(frozen=True)
class Entry:
    generation: int
    value: Any


class Register:
    """Values by name under one folder of the store. Removing a name publishes None."""

    def __init__(self, store: Store, folder: str) -> None:
        self._store, self.folder = store, folder

    def generations(self) -> dict[str, int]:
        """The current generation of every name, from one listing."""
        found: dict[str, int] = {}
        for path, _, _ in self._store.objects(self.folder + "/"):
            name, _, rest = path.removeprefix(self.folder + "/").rpartition(".json")[0].rpartition(".")
            if rest.isdigit() and "/" not in name:
                found[name] = max(found.get(name, 0), int(rest))
        return found

    def entries(self, known: dict[str, Entry] | None = None) -> dict[str, Entry]:
        """All current values. `known` saves reading again what has not moved since it was read."""
        known = known or {}
        return {
            name: known[name]
            if name in known and known[name].generation == generation
            else Entry(generation, self._read(name, generation))
            for name, generation in sorted(self.generations().items())
        }

    def current(self, name: str) -> Entry:
        """The current value of one name; generation 0 and None if it never had one."""
        generation = self.generations().get(name, 0)
        return Entry(generation, self._read(name, generation) if generation else None)

    def publish(self, name: str, seen: int, value: Any) -> bool:
        """Make `value` current if generation `seen` still is; False if another writer was first."""
        return self._store.create(f"{self.folder}/{name}.{seen + 1}.json", canonical(value))

    def _read(self, name: str, generation: int) -> Any:
        data = self._store.get(f"{self.folder}/{name}.{generation}.json")
        return None if data is None else json.loads(data)
