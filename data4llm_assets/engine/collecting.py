"""While garbage is deleted, nothing is published: a lease in the store that the collector holds and publishers respect.

Whoever publishes first makes what it will name look new (a file just written, a manifest written again), then looks for a lease;
whoever collects first takes the lease, then looks at what is old and unnamed. So of the two, one sees the other.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from data4llm_assets.engine.digest import canonical
from data4llm_assets.engine.store import Store

LEASE = "collecting.json"
VALID = 300.0
"""Seconds after which a lease that nobody renewed counts for nothing: its collector was killed."""
_PAUSE = 0.2


class Collecting(RuntimeError):
    """Another collection of garbage is under way, or this one was held up for too long."""


@contextmanager
def lease(store: Store) -> Iterator[Callable[[], None]]:
    """Keep publishers waiting. Gives what renews the lease, to be called before each batch of deletions.

    Raises
    ------
    Collecting
        If another collector holds the lease, or has taken this one over.
    """
    owner = f"{os.uname().nodename}:{os.getpid()}:{os.urandom(4).hex()}"

    def written() -> bytes:
        return canonical({"owner": owner, "at": round(time.time(), 3)})

    if not store.create(LEASE, written()):
        if _held(store):
            msg = f"another collection is under way, or was killed less than {VALID / 60:.0f} minutes ago: try again later"
            raise Collecting(msg)
        store.put(LEASE, written())

    def renew() -> None:
        found = store.get_json(LEASE)
        if found is None or found["owner"] != owner or time.time() - found["at"] > VALID / 2:
            msg = "held up for so long that publishers wait no longer: stopped, with some of it deleted. Collect again"
            raise Collecting(msg)
        store.put(LEASE, written())

    try:
        yield renew
    finally:
        found = store.get_json(LEASE)
        if found is not None and found["owner"] == owner:
            store.delete([LEASE])


def stand_aside(store: Store) -> bool:
    """Wait while garbage is deleted; whether there was anything to wait for."""
    waited = False
    while _held(store):
        waited = True
        time.sleep(_PAUSE)
    return waited


def _held(store: Store) -> bool:
    found = store.get_json(LEASE)
    return found is not None and time.time() - found["at"] < VALID
