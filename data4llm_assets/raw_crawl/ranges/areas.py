"""Parts of the web: a host, a domain with what lies beneath it, the beginning of a URL or of its SURT.

An index is sorted by SURT, `org,example,docs)/guide`. It folds more than an area says (case, `www.`, escapes), and writers differ
in what they fold. So its keys only narrow where to look; what is wanted is decided by the URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

_URL = re.compile(r"(?i)https?://(?:[^/?#@]*@)?([^/?#]*)(.*)", re.S)
_PARTS = r"(?is)^https?://(?:[^/?#@]*@)?([^/?#]*)(.*)$"
_SURT = re.compile(r"(?:https?://)?\(?([^()/]*)(,?\))?(.*)", re.S)
_WWW = re.compile(r"^www\d*\.")
_ADDRESS = re.compile(r"[\d.]+|\[.*\]")
_PORT = re.compile(r":\d*$")
_SURE = re.compile(r"[a-z0-9/_-]*")


class Area(NamedTuple):
    """host: lower case, whatever its port. beneath: with every name under it. folded: as in a SURT, `www.` and case say nothing.

    rest: how what follows the host begins, from `/` on.
    """

    host: str
    beneath: bool = False
    rest: str = ""
    folded: bool = False


def of_host(name: str, *, beneath: bool = False) -> Area:
    """Raises ValueError if `name` is no host name."""
    import idna

    host = name.strip().lower().strip(".")
    if not host.isascii():
        host = idna.encode(host, uts46=True).decode()
    if not re.fullmatch(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]", host):
        msg = f"{name!r} is no host name such as docs.example.org, without scheme, port and path"
        raise ValueError(msg)
    return Area(host, beneath)


def of_prefix(prefix: str) -> Area:
    """The area of `https://docs.example.org/guide/` (http and https are one) or of the SURT `org,example,docs)/guide/`.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if (url := _URL.fullmatch(prefix)) is not None and "(" not in url[1]:
        return of_host(_PORT.sub("", url[1]))._replace(rest=url[2])
    surt = _SURT.fullmatch(prefix)
    if surt is None or not ("," in surt[1] or surt[2]) or (surt[3] and not surt[2]):
        msg = f"{prefix!r} is neither the beginning of a URL (https://example.org/guide/) nor of a SURT (org,example)/guide/)"
        raise ValueError(msg)
    name = ".".join(part for part in reversed(_PORT.sub("", surt[1]).split(",")) if part)
    return of_host(name, beneath=not surt[2])._replace(rest=surt[3].lower(), folded=True)


def within(areas: Iterable[Area], url: pl.Series) -> pl.Series:
    """Which of the URLs lie in one of `areas`. Boolean, one for each."""
    areas = list(areas)
    parts = pl.col("url").str.extract_groups(_PARTS).struct.rename_fields(["host", "rest"])
    frame = url.alias("url").to_frame().select(parts.alias("parts")).unnest("parts")
    host = pl.col("host").str.to_lowercase().str.replace(_PORT.pattern, "").str.strip_chars_end(".")
    rest = pl.when(pl.col("rest").str.starts_with("/")).then("rest").otherwise("/" + pl.col("rest"))
    frame = frame.with_columns(host, rest)
    whole = [area for area in areas if area.rest in ("", "/") and not area.folded]
    found = frame["host"].is_in(_inside(whole, frame["host"].unique())).fill_null(False)
    for area in (area for area in areas if area not in whole):
        found |= frame.select(_begins(area).fill_null(False)).to_series()
    return found.alias("within")


def hosts_within(areas: Iterable[Area], hosts: pl.Series) -> pl.Series:
    """Which of the hosts have pages in one of `areas`, perhaps. Boolean, one for each."""
    areas = list(areas)
    plain = hosts.str.to_lowercase()
    whole = [area._replace(host=_WWW.sub("", area.host)) for area in areas] + areas
    bare = plain.str.replace(_WWW.pattern, "") if any(area.folded for area in areas) else plain
    return (plain.is_in(_inside(whole, plain.unique())) | bare.is_in(_inside(whole, bare.unique()))).fill_null(False)


def keys(areas: Iterable[Area]) -> list[str]:
    """Beginnings of the SURTs under which an index may have what lies in `areas`: too many rather than too few. Sorted."""
    found: set[str] = set()
    for area in areas:
        for host in {area.host, _WWW.sub("", area.host)}:
            spelt = {",".join(reversed(host.split(".")))} | ({host} if _ADDRESS.fullmatch(host) else set())
            for key in spelt:
                path = _SURE.match(area.rest.lower())
                sure = path[0].rstrip("/") if path and "//" not in path[0] else ""
                found |= {f"{key}){sure}", f"{key}:"}
                # Names of servers such as www2 are folded away, or not.
                found |= {f"{key},"} if area.beneath else {f"{key},www"}
    return sorted(key for key in found if not any(other != key and key.startswith(other) for other in found))


def _inside(areas: list[Area], hosts: pl.Series) -> list[str]:
    exact = {area.host for area in areas}
    beneath = {area.host for area in areas if area.beneath}

    def inside(host: str | None) -> bool:
        if host is None:
            return False
        if host in exact:
            return True
        labels = host.split(".")
        return any(".".join(labels[start:]) in beneath for start in range(1, len(labels)))

    return [host for host in hosts if inside(host)]


def _begins(area: Area) -> pl.Expr:
    host = pl.col("host").str.replace(_WWW.pattern, "") if area.folded else pl.col("host")
    rest = pl.col("rest").str.to_lowercase() if area.folded else pl.col("rest")
    name = _WWW.sub("", area.host) if area.folded else area.host
    same = host == name
    if area.beneath:
        same |= host.str.ends_with(f".{name}")
    return same & rest.str.starts_with(area.rest if area.rest.startswith("/") or not area.rest else f"/{area.rest}")
