"""Where an index or an archive lies: a folder, an http(s) URL, a bucket. How places are joined, and shown without credentials."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from data4llm_assets.node import LandingFailed

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_HOST = re.compile(r"([^:@]*|\[[^]]*\])(:\d*)?")
_PLAIN = "/-._~!$&'()*+,;=:@"


def filled_in(place: str) -> str:
    """`place` with every `${NAME}` taken from the environment, so that a recipe need not hold a credential.

    Raises
    ------
    LandingFailed
        If a variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        if not os.environ.get(match[1]):
            msg = f"{shown(place)} needs the environment variable {match[1]}, which is not set"
            raise LandingFailed(msg)
        return os.environ[match[1]]

    return _VARIABLE.sub(value, place)


def shown(place: str) -> str:
    """`place` for messages and for comparison: without user, password, query and fragment, where credentials are."""
    if "://" not in place:
        return place
    scheme, _, rest = place.partition("://")
    # Not parsed as a URL: what is malformed must not be shown whole.
    host, slash, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    host = host.rpartition("@")[2]
    # What looks like no host may be half a password.
    return f"{scheme}://{host}{slash}{path}" if _HOST.fullmatch(host) else f"{scheme}://…"


def remote(place: str) -> bool:
    return "://" in place


def beside(place: str, name: str) -> str:
    """The place of a file `name` in the folder of `place`. Raises ValueError if `name` leads out of it."""
    parts = urlsplit(place)
    if parts.scheme in ("http", "https"):
        return joined(parts._replace(path=parts.path.rpartition("/")[0]).geturl(), name)
    return joined(place.rpartition("/")[0] or ".", name)


def joined(base: str, name: str) -> str:
    """The place of `name` beneath `base`. What signs a base, its query, signs what lies beneath it.

    Raises
    ------
    ValueError
        If `name` is no plain relative path: it comes out of an index, and may not lead out of `base`.
    """
    decoded = unquote(name)
    if not name or any(
        "://" in each or "\\" in each or not each.isprintable() or not {"", ".", ".."}.isdisjoint(each.split("/"))
        for each in (name, decoded)
    ):
        msg = f"{name!r} is no relative path within the data"
        raise ValueError(msg)
    if not remote(base):
        return str(Path(base) / name)
    if not base.lower().startswith(("http://", "https://")):
        return f"{base.rstrip('/')}/{name}"
    parts = urlsplit(base)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{quote(name, safe=_PLAIN)}", fragment=""))
