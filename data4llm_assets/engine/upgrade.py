"""Bring a store of an older format up to the present one: nothing is made anew, and documents and digests stay what they are.

In an order that any interruption leaves readable, by the old program until the marker is written and by this one after it: new
manifests beside the old ones, then references to them, then the marker, and at last what only the old program needed is deleted.
Whatever was done already is found done, so an upgrade that was cut off is ended by the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from data4llm_assets.engine.digest import canonical, json_digest
from data4llm_assets.engine.register import Register
from data4llm_assets.engine.roots import roots
from data4llm_assets.engine.state import manifest_path
from data4llm_assets.engine.store import FORMAT, MARKER, NewerStore, Store, format_of

Change = Callable[[dict[str, Any]], dict[str, Any]]
"""From the ingredients of a fingerprint in one format to those in the next."""


class Upgrade(NamedTuple):
    """before, after: formats. manifests, folds, references: counted as they stood. unusable: manifests that are made anew, since
    their ingredients are not those they are named by."""

    before: int
    after: int
    manifests: int
    folds: int
    references: int
    unusable: tuple[str, ...] = ()


def _to_2(ingredients: dict[str, Any]) -> dict[str, Any]:
    """Format 2 marks the store with its format, and manifests may say what was accepted; measures are keyed as they were."""
    return {**ingredients, "format": 2}


CHANGES: Mapping[int, Change] = {1: _to_2}
"""By the format they begin from."""


def upgrade(uri: str, *, apply: bool) -> Upgrade:
    """Count what there is to do, and do it if asked. Nothing else may run on the store meanwhile.

    Raises
    ------
    store.NewerStore
        If the store's format is newer than this program's.
    """
    store = Store(uri, of_any_format=True)
    began = format_of(store)
    if began is None or began == FORMAT:
        if apply and began == FORMAT:
            _clear(store)
        return Upgrade(FORMAT, FORMAT, 0, 0, 0)
    if began > FORMAT:
        raise NewerStore(uri, began)
    names, unusable = _renamed(store, _changes_from(began))
    told = Upgrade(
        began,
        FORMAT,
        sum(1 for name in names.values() if not name.is_fold),
        sum(1 for name in names.values() if name.is_fold),
        sum(1 for _ in _outdated(store, names)),
        tuple(unusable),
    )
    if apply:
        _write_manifests(store, names)
        while moved := list(_outdated(store, names)):
            for register, name, value in moved:
                entry = register.current(name)
                if entry.value == value:
                    register.publish(name, entry.generation, {**value, "fingerprint": names[value["fingerprint"]].after})
        store.put_json(MARKER, {"format": FORMAT})
        _clear(store)
    return told


class _Name(NamedTuple):
    """What a manifest is called in the new format."""

    after: str
    is_fold: bool
    change: Change


def _changes_from(began: int) -> dict[int, Change]:
    """One change from every older format to the present one: a store that was cut off may hold several."""
    found: dict[int, Change] = {}
    for number in range(began, FORMAT):

        def through(ingredients: dict[str, Any], first: int = number) -> dict[str, Any]:
            for each in range(first, FORMAT):
                ingredients = CHANGES[each](ingredients)
            return ingredients

        found[number] = through
    return found


def _renamed(store: Store, changes: Mapping[int, Change]) -> tuple[dict[str, _Name], list[str]]:
    """New names by old fingerprints, and the paths of manifests that cannot be renamed."""
    names: dict[str, _Name] = {}
    unusable = []
    for path, manifest in _manifests(store):
        if manifest["format"] not in changes:
            continue
        change = changes[manifest["format"]]
        if json_digest(manifest["ingredients"]) != manifest["fingerprint"] or manifest_path(manifest["fingerprint"]) != path:
            unusable.append(path)
            continue
        after = json_digest(change(manifest["ingredients"]))
        names[manifest["fingerprint"]] = _Name(after, "digest" not in manifest, change)
    return names, unusable


def _write_manifests(store: Store, names: Mapping[str, _Name]) -> None:
    for before, name in names.items():
        manifest = store.get_json(manifest_path(before))
        if manifest is not None:
            changed = {"format": FORMAT, "fingerprint": name.after, "ingredients": name.change(manifest["ingredients"])}
            store.create(manifest_path(name.after), canonical({**manifest, **changed}))


def _outdated(store: Store, names: Mapping[str, _Name]) -> Iterator[tuple[Register, str, Any]]:
    """(register, name, value) of every current reference to a manifest that has a new name."""
    for corpus in store.folders("corpora/"):
        for folder in store.folders(f"corpora/{corpus}/"):
            if folder in ("snapshots", "releases"):
                continue
            register = Register(store, f"corpora/{corpus}/{folder}")
            for name, entry in register.entries().items():
                if entry.value is not None and entry.value["fingerprint"] in names:
                    yield register, name, entry.value


def _clear(store: Store) -> None:
    """Delete manifests of older formats but those that releases name: a release is never rewritten, nor what it names."""
    keep = {manifest_path(each) for each in roots(store).fingerprints}
    store.delete([path for path, manifest in _manifests(store) if manifest["format"] < FORMAT and path not in keep])


def _manifests(store: Store) -> Iterator[tuple[str, Any]]:
    for path, _, _ in store.objects("manifests/"):
        if (manifest := store.get_json(path)) is not None:
            yield path, manifest
