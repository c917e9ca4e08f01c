"""What a site asks of robots (RFC 9309), read by Protego, and what its `tdmrep.json` reserves. Pure: bytes in, answers out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from protego import Protego

LARGEST = 500 << 10
"""Bytes of robots.txt that are read: RFC 9309, section 2.5."""
MOST_SITEMAPS = 1000
_USER_AGENT = re.compile(r"\s*user(?:-?| )agent\s*[:\s]\s*([^#]*)", re.I)
_SOMEBODY_ELSE = "User-agent: -"
_MOST_RESERVATIONS = 1000


class Robots:
    """The rules of one site for one robot."""

    def __init__(self, content: bytes, robot: str) -> None:
        """`robot` is the product's name, as in `User-agent: name`. No content takes: what cannot be read rules nothing."""
        text = content[:LARGEST].decode("utf-8-sig", "replace").replace("\0", "")
        if len(content) > LARGEST:
            # The last line is cut off, and half a rule may say the opposite.
            text = text.rpartition("\n")[0]
        self._robot = robot
        self._rules = Protego.parse("\n".join(_concerning(text, robot.lower())))
        self.sitemaps = tuple(dict.fromkeys(self._rules.sitemaps))[:MOST_SITEMAPS]

    def allows(self, url: str) -> bool:
        return bool(self._rules.can_fetch(url, self._robot))

    @property
    def delay(self) -> float | None:
        """Seconds that it asks for between requests, by `Crawl-delay` or by `Request-rate`."""
        rate = self._rules.request_rate(self._robot)
        told = [self._rules.crawl_delay(self._robot), rate.seconds / rate.requests if rate else None]
        return max((seconds for seconds in told if seconds is not None), default=None)


def _concerning(text: str, robot: str) -> Iterator[str]:
    """The lines of robots.txt, those that name other robots folded into one for each group.

    Every rule is kept once for every robot its group names: thousands of both would take hours.
    """
    folded = False
    for line in text.splitlines():
        named = _USER_AGENT.match(line)
        if named is None:
            folded = False
            yield line
        elif "*" in named[1] or (named[1].strip().lower() or "-") in robot:
            yield line
        elif not folded:
            folded = True
            yield _SOMEBODY_ELSE


class Reservation(NamedTuple):
    """One rule of `tdmrep.json`: whether rights over text and data mining are reserved for some paths, and on what terms."""

    location: str
    reserved: bool
    policy: str


def reservations(content: bytes) -> tuple[Reservation, ...]:
    """The rules of a site's `/.well-known/tdmrep.json` (W3C community report, TDM Reservation Protocol); none if it is not one."""
    try:
        rows = json.loads(content)
    except (ValueError, RecursionError):
        return ()
    found = [_reservation(row) for row in rows[:_MOST_RESERVATIONS]] if isinstance(rows, list) else []
    return tuple(rule for rule in found if rule is not None)


def reservation_of(path: str, rules: tuple[Reservation, ...]) -> Reservation | None:
    """The first rule whose location holds the path."""
    return next((rule for rule in rules if _holds(rule.location, path)), None)


def _reservation(row: Any) -> Reservation | None:
    if not isinstance(row, dict) or not isinstance(row.get("location"), str) or row.get("tdm-reservation") not in (0, 1, "0", "1"):
        return None
    policy = row.get("tdm-policy")
    return Reservation(row["location"], int(row["tdm-reservation"]) == 1, policy if isinstance(policy, str) else "")


def _holds(location: str, path: str) -> bool:
    """Whether a pattern as in robots.txt (`*` for anything, `$` for the end) begins the path. Linear, whatever the pattern."""
    anchored = location.endswith("$")
    first, *others = location.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    if not others:
        return not anchored or path == first
    position = len(first)
    for piece in others[:-1]:
        found = path.find(piece, position)
        if found < 0:
            return False
        position = found + len(piece)
    last = others[-1]
    return path.endswith(last) and len(path) - len(last) >= position if anchored else path.find(last, position) >= 0
