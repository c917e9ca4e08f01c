"""A file that names records one by one: URLs, which an index finds, or places in archives, which need none."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import polars as pl

from data4llm_assets.node import LandingFailed
from data4llm_assets.raw_crawl.ranges.files import Files
from data4llm_assets.raw_crawl.ranges.index import CAPTURES, captures
from data4llm_assets.raw_crawl.ranges.places import shown
from data4llm_assets.raw_crawl.ranges.range_requests import Missing


class Listed(NamedTuple):
    """urls: to be found in an index. places: captures, columns of `index.CAPTURES`."""

    urls: tuple[str, ...]
    places: pl.DataFrame


NOTHING = Listed((), CAPTURES.to_frame())


def read(place: str, files: Files) -> Listed:
    """What a file of `wanted.listed` names.

    Raises
    ------
    LandingFailed
        If there is no such file, or a line is neither a URL nor an object that names a record.
    """
    try:
        with files.open(place) as stream:
            text = stream.read().decode("utf-8")
    except Missing:
        msg = f"wanted.listed: there is no file {shown(place)}"
        raise LandingFailed(msg) from None
    except UnicodeDecodeError:
        msg = f"wanted.listed: {shown(place)} is not UTF-8 text"
        raise LandingFailed(msg) from None
    urls: dict[str, None] = {}
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        entry = _entry(line.strip())
        if isinstance(entry, str):
            urls[entry] = None
        elif entry is not None:
            rows.append(entry)
        else:
            msg = (
                f"wanted.listed: line {number} of {shown(place)} is neither a URL nor a JSON object of `url`, or of `filename`, "
                "`offset` and `length`"
            )
            raise LandingFailed(msg)
    return Listed(tuple(urls), captures(**pl.DataFrame(rows, schema=CAPTURES).to_dict()) if rows else CAPTURES.to_frame())


def _entry(line: str) -> str | dict[str, Any] | None:
    if not line.startswith("{"):
        return line if "://" in line and " " not in line else None
    try:
        given = json.loads(line)
    except ValueError:
        return None
    filename, url = given.get("filename"), given.get("url")
    if filename is None:
        return url if isinstance(url, str) else None
    try:
        offset, length = int(given["offset"]), int(given["length"])
    except (KeyError, TypeError, ValueError):
        return None
    if offset < 0 or length <= 0:
        return None
    said = {name: str(given[name]) for name in ("url", "digest", "timestamp") if given.get(name)}
    return {**dict.fromkeys(CAPTURES), "filename": str(filename), "offset": offset, "length": length, **said}
