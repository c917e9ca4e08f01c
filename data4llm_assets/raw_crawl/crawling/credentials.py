"""Headers that are credentials: read from the environment, told to a site, and kept nowhere, not even where a site repeats them."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from urllib.parse import quote

from data4llm_assets.node import LandingFailed
from data4llm_assets.raw_crawl import http_payload
from data4llm_assets.raw_crawl.crawling.connection import Exchange

_SHORTEST = 4
"""Characters: what is shorter stands everywhere by chance."""


class Secrets:
    """Values of headers that no file may hold, and what they look like where a server repeats them."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.headers = dict(values)
        plain = {value for each in values.values() for value in (each, each.rpartition(" ")[2]) if len(value) >= _SHORTEST}
        for value in list(plain):
            try:
                decoded = base64.b64decode(value, validate=True).decode()
            except ValueError:
                continue
            plain |= {part for part in (decoded, decoded.partition(":")[2]) if len(part) >= _SHORTEST}
        self._traces = [trace.encode() for value in plain for trace in {value, quote(value), quote(value, safe="")}]

    def repeated(self, exchange: Exchange, largest: int) -> bool:
        """Whether a server sent back what it was told in confidence."""
        if not self._traces:
            return False
        try:
            payload = http_payload.decoded(exchange.body, exchange.header("content-encoding"), largest)
        except http_payload.TooLarge:
            payload = b""
        return any(trace in part for trace in self._traces for part in (exchange.head, exchange.body, payload))


def from_environment(variables: Mapping[str, str]) -> Secrets:
    """The values of headers, given by the names of the variables that hold them.

    Raises
    ------
    LandingFailed
        If a variable is not set, or holds what cannot be a header. The value is not told.
    """
    values = {}
    for name, variable in variables.items():
        value = os.environ.get(variable)
        if not value:
            msg = f"{name}: the environment has no {variable}; set it to the header's value"
            raise LandingFailed(msg)
        if re.fullmatch(r"[!-~](?:[ -~]*[!-~])?", value) is None:
            msg = f"{name}: what {variable} holds cannot stand in a header: one line of printable ASCII characters, please"
            raise LandingFailed(msg)
        values[name] = value
    return Secrets(values)
