"""Which remembered measures and intermediate results the present methods would ask for, by what current manifests are made of.

A measure is unused if its method is in use, but only with another version, library, model or parameter. One of a method that no
current manifest names is kept: a step may measure with methods of its own, which it names nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from data4llm_assets.engine.digest import canonical
from data4llm_assets.engine.measures import TOLD
from data4llm_assets.engine.state import manifest_path
from data4llm_assets.engine.store import Store

_MADE_OF = ("function", "version", "settings", "methods")


class Used:
    def __init__(self, store: Store, fingerprints: Iterable[str]) -> None:
        """fingerprints: of everything that is current, in any corpus."""
        self._store = store
        self._made: dict[bytes, Mapping[str, Any]] = {}
        self._methods: dict[str, list[tuple[Mapping[str, Any], Mapping[str, Any]]]] = {}
        for fingerprint in fingerprints:
            manifest = store.get_json(manifest_path(fingerprint))
            if manifest is not None:
                made = {name: manifest["ingredients"].get(name) for name in _MADE_OF}
                self._made[canonical(made)] = made
        for each in self._made.values():
            for _, method in each["methods"]:
                identity = {name: value for name, value in method.items() if name not in ("method", "parameters")}
                self._methods.setdefault(method["class"], []).append((identity, method["parameters"]))

    def fold(self, manifest: Mapping[str, Any]) -> bool:
        """Whether a step that is current would look up this intermediate result (`Work.remember`)."""
        fold = manifest["ingredients"]
        function, methods = (
            fold["function"].rpartition("/")[0],
            [{**method, "parameters": given} for method, given in fold["methods"]],
        )
        return any(
            (made["function"], made["version"]) == (function, fold["version"])
            and _within(fold["settings"].items(), made["settings"])
            and [method for _, method in made["methods"]][: len(methods)] == methods
            for made in self._made.values()
        )

    def measure(self, told: Mapping[str, Any]) -> bool:
        """Whether anything current would look up what was measured so (`measures.measure_ingredients`), or may."""
        known = self._methods.get(told["identity"]["class"])
        if known is None:
            return True
        wanted = told["parameters"].items()
        return any(identity == told["identity"] and _within(wanted, given) for identity, given in known)

    def unused_measures(self) -> Iterator[str]:
        """Paths of everything under the measures that nothing current would look up."""
        paths = sorted(path for path, _, _ in self._store.objects("measures/"))
        for key, each in groupby(paths, lambda path: path.split("/")[1]):
            told = self._store.get_json(f"measures/{key}/{TOLD}")
            # One that a store of an older format left does not say what it is, until it is appended to.
            if told is not None and not self.measure(told):
                yield from each


def _within(wanted: Iterable[tuple[str, Any]], given: Mapping[str, Any]) -> bool:
    return all(name in given and given[name] == value for name, value in wanted)
