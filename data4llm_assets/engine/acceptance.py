"""Accept what an older version made: where the ingredients of a partition differ from those of what is current by a version alone.

A version is that of a method, of a step, of a source's reader, or of a library that one of them uses. What is accepted is written
down where it stands: in the manifest, in the reference, and so in plans, in Dagster and in releases.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

Accepted = Mapping[str, str]
"""Versions that are as good as the present ones, by name: of a method, a step, a source's kind or a library."""


class NothingToAccept(ValueError):
    """No partition differs from what is current by the version that is to be accepted, and by nothing else."""


class Version(NamedTuple):
    name: str
    before: str
    now: str


def parse(given: Iterable[str]) -> dict[str, str]:
    """`minhash=1` and the like. Raises NothingToAccept if one is not of that form."""
    found: dict[str, str] = {}
    for each in given:
        name, equals, version = each.partition("=")
        if not (name and equals and version):
            msg = f"--accept says what and which older version of it, like minhash=1, not {each!r}"
            raise NothingToAccept(msg)
        found[name] = version
    return found


def only(before: Mapping[str, Any], now: Mapping[str, Any], node: str, accept: Accepted) -> list[Version]:
    """The versions by which two lists of ingredients differ, if they are all accepted and nothing else differs; else none."""
    found = list(_differences((), before, now))
    versions = [_version(path, old, new, before, node) for path, old, new in found]
    accepted = [each for each in versions if each is not None and accept.get(each.name) == each.before]
    return sorted(set(accepted)) if len(accepted) == len(found) else []


def moved(before: Mapping[str, Any], now: Mapping[str, Any], node: str) -> list[Version]:
    """Every version that differs, whatever else does."""
    versions = (_version(path, old, new, before, node) for path, old, new in _differences((), before, now))
    return sorted({each for each in versions if each is not None})


def told(accepted: Iterable[Mapping[str, str]]) -> list[str]:
    """What stands in a manifest or a reference, as a person reads it."""
    return [f"{each['name']} {each['version']} for {each['as']}" for each in accepted]


def _version(path: tuple[Any, ...], old: Any, new: Any, before: Mapping[str, Any], node: str) -> Version | None:
    """The version that a difference is one of, if it is."""
    if not (isinstance(old, str) and isinstance(new, str)):
        return None
    match path:
        case ("version",):
            return Version(node, old, new)
        case ("methods", int(place), 1, "version"):
            return Version(before["methods"][place][1]["method"], old, new)
        case ("settings", "reader", "version"):
            return Version(str(before["settings"].get("kind")), old, new)
        case (*_, "libraries", name):
            return Version(str(name), old, new)
    return None


def _differences(path: tuple[Any, ...], old: Any, new: Any) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """(path, old, new) of every leaf of two JSON values that differs; what one of them lacks is None there."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*old, *new)):
            yield from _differences((*path, key), old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differences((*path, place), one, other)
    elif old != new:
        yield path, old, new
