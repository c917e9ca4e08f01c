"""LightGBM's trees as the flat arrays of `models.boosted_trees`: the same sums, without the library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from data4llm_assets.models.boosted_trees import Trees


def tree_arrays(dumped: Sequence[dict[str, Any]]) -> Trees:
    """Trees of `Booster.dump_model()["tree_info"]`, numeric splits alone.

    A row goes left if its value, a float32, is at most the threshold, a float64. Rounded down to a float32 the threshold parts the
    same values. Only what is nearer to zero than 1e-35 LightGBM takes for zero, and these arrays do not.
    """
    roots: list[int] = []
    depths: list[int] = []
    feature: list[int] = []
    threshold: list[float] = []
    child: list[int] = []
    value: list[float] = []

    def add() -> int:
        """A node that is a leaf until it is known better."""
        feature.append(0)
        threshold.append(np.inf)
        child.append(len(child) - roots[-1])
        value.append(0.0)
        return len(child) - 1

    for tree in dumped:
        roots.append(len(child))
        depths.append(0)
        waiting = [(tree["tree_structure"], add(), 0)]
        while waiting:
            told, node, level = waiting.pop()
            depths[-1] = max(depths[-1], level)
            if "leaf_value" in told:
                value[node] = told["leaf_value"]
                continue
            if told["decision_type"] != "<=":
                msg = f"a split by {told['decision_type']!r} is none of numbers"
                raise ValueError(msg)
            feature[node], threshold[node] = told["split_feature"], told["threshold"]
            left, right = add(), add()
            child[node] = left - roots[-1]
            waiting += [(told["right_child"], right, level + 1), (told["left_child"], left, level + 1)]
    exact = np.array(threshold, np.float64)
    rounded = exact.astype(np.float32)
    rounded = np.where(rounded > exact, np.nextafter(rounded, np.float32(-np.inf)), rounded).astype(np.float32)
    return Trees(
        np.array(roots, np.int32),
        np.array(depths, np.uint8),
        np.array(feature, np.int16),
        rounded,
        np.array(child, np.int16),
        np.array(value, np.float32),
    )
