"""A source as `data4llm init` proposes it, and the numbers that follow: shards, languages, tokens by domain."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from data4llm_assets.report.groups import Group
from data4llm_assets.report.sampled import Sample

SHARD_BYTES = 256_000_000
MOST_SHARDS = 32
SEEN_SHARE = 0.05
"""A language that so many of the sampled documents are in is kept."""


class Proposal(NamedTuple):
    """A source to write down."""

    group: Group
    sample: Sample

    @property
    def domain(self) -> str:
        return self.sample.domain.column

    @property
    def shards(self) -> int:
        """One for each 256 MB: no more than there are files, which lie in one shard each."""
        return max(1, min(-(-self.group.bytes // SHARD_BYTES), MOST_SHARDS, len(self.group.files)))


def relative(path: Path, recipe: Path) -> str:
    """The path as the recipe names it: from its folder, unless that leads far out of it."""
    absolute = path.resolve()
    found = os.path.relpath(absolute, recipe.resolve().parent)
    shown = absolute.as_posix() if found.startswith("../../..") else Path(found).as_posix()
    if glob.escape(shown) == shown:
        return shown
    # In a recipe a path with * ? [ is a pattern.
    return glob.escape(shown) + ("/**" if absolute.is_dir() else "")


def languages(proposals: Sequence[Proposal]) -> dict[str, float]:
    """{code: share of the sampled documents} of the languages that are frequent in a source, over all of them; not of code."""
    counts: dict[str, int] = {}
    frequent: set[str] = set()
    for proposal in proposals:
        seen = proposal.sample.languages
        total = sum(seen.values())
        frequent |= {code for code, count in seen.items() if count >= SEEN_SHARE * total}
        for code, count in seen.items():
            counts[code] = counts.get(code, 0) + count
    total = sum(counts.values())
    return {code: count / total for code, count in sorted(counts.items(), key=lambda item: -item[1]) if code in frequent}


def tokens_by_domain(proposals: Sequence[Proposal]) -> dict[str, int]:
    """{domain: estimated tokens}"""
    found: dict[str, int] = {}
    for proposal in proposals:
        found[proposal.domain] = found.get(proposal.domain, 0) + proposal.sample.all_tokens
    return found


def rounded(count: int) -> int:
    """To two digits, downwards."""
    unit = 10 ** max(0, len(str(count)) - 2)
    return count // unit * unit


def megabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"


def millions(count: int) -> str:
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= unit:
            return f"{count / unit:,.1f} {name}"
    return str(count)
