"""The toy with a remembered fold: what the store of an earlier format under `old_store` was built from, beside real stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl
import toy

from data4llm_assets.engine.state import Graph
from data4llm_assets.node import Work


def graph(folder: Path, **changed: int) -> Graph:
    """As toy.graph, of the corpus `folded`."""
    plain = toy.graph(folder, corpus="folded", **changed)  # type: ignore[arg-type]
    longest = plain.nodes["longest"].make

    def folded(work: Work) -> None:
        def count() -> Mapping[str, pl.DataFrame]:
            work.count("folds_computed", 1)
            return {"known": pl.DataFrame({"partitions": [len(work.partitions)]})}

        work.remember("fold", {"partitions": [each.key for each in work.partitions]}, count)
        longest(work)

    return replace(plain, nodes={**plain.nodes, "longest": replace(plain.nodes["longest"], make=folded)})
