from __future__ import annotations

import hashlib
from typing import Any

import lightgbm
import numpy as np
import pytest

from data4llm_assets.models.boosted_trees import PROBABILITIES, Trees, trees
from data4llm_assets.training.tree_arrays import tree_arrays

NOTHING = np.float32(1e-35)
QUIET = {"verbose": -1, "num_threads": 1, "seed": 1}


def trained(objective: str, rows: np.ndarray, labels: np.ndarray, rounds: int = 30, **parameters: Any) -> lightgbm.Booster:
    told = {"objective": objective, "num_leaves": 12, "min_data_in_leaf": 5, **parameters, **QUIET}
    return lightgbm.train(told, lightgbm.Dataset(rows, labels), rounds)


def dumped(booster: lightgbm.Booster) -> list[dict[str, Any]]:
    return list(booster.dump_model()["tree_info"])


def thresholds(node: dict[str, Any]) -> list[tuple[int, float]]:
    """(feature, threshold) of every split under a node."""
    if "leaf_value" in node:
        return []
    return [(node["split_feature"], node["threshold"]), *thresholds(node["left_child"]), *thresholds(node["right_child"])]


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    """Of all scales, whole and not, negative, with many values that are equal."""
    draw = np.random.default_rng(7)
    columns = (draw.normal(size=600), draw.integers(-3, 4, 600), draw.lognormal(9, 4, 600), draw.random(600) * 1e-6)
    rows = np.stack(columns, axis=1).astype(np.float32)
    labels = 1 / (1 + np.exp(-(rows[:, 0] + rows[:, 1] + (rows[:, 2] > 8_000) + draw.normal(size=600))))
    return rows, labels


def close(found: np.ndarray, expected: np.ndarray, rounds: int) -> bool:
    """Each leaf may be off by half a unit of the last place of a float32."""
    return bool((np.abs(found - expected) <= rounds * 2**-24 * max(1, np.abs(expected).max())).all())


@pytest.mark.parametrize("depth", [1, 4, -1])
def test_sums_are_those_of_the_library(data: tuple[np.ndarray, np.ndarray], depth: int) -> None:
    rows, labels = data
    booster = trained("cross_entropy", rows, labels, max_depth=depth)
    found = tree_arrays(dumped(booster))
    assert (len(found.roots), found.depth.max() >= 1) == (30, True)
    assert close(found.odds(rows), np.asarray(booster.predict(rows, raw_score=True)), 30)
    # However many rows there are: four are taken at a time.
    every = found.odds(rows)
    for count in range(10):
        assert found.odds(rows[:count]).tolist() == every[:count].tolist()


def test_values_at_a_threshold_go_the_same_way(data: tuple[np.ndarray, np.ndarray]) -> None:
    rows, labels = data
    booster = trained("cross_entropy", rows, labels)
    found = tree_arrays(dumped(booster))
    splits = [split for tree in dumped(booster) for split in thresholds(tree["tree_structure"])]
    assert len(splits) > 100
    edges = []
    for feature, threshold in splits:
        nearest = np.float32(threshold)
        for value in (nearest, np.nextafter(nearest, np.float32(np.inf)), np.nextafter(nearest, np.float32(-np.inf))):
            row = rows[len(edges) % len(rows)].copy()
            # What is so near to zero is zero to the library.
            row[feature] = value if abs(value) > NOTHING else 0
            edges.append(row)
    expected = np.asarray(booster.predict(np.array(edges, np.float64), raw_score=True))
    every = np.array(edges, np.float32)
    assert close(found.odds(every), expected, 30)
    # One alone takes another way through the loops than four at a time.
    assert [float(found.odds(every[row : row + 1])[0]) for row in range(len(every))] == found.odds(every).tolist()


def test_a_tree_that_never_parts_is_its_leaf(data: tuple[np.ndarray, np.ndarray]) -> None:
    rows, _ = data
    booster = trained("binary", rows, np.ones(len(rows)), rounds=1)
    found = tree_arrays(dumped(booster))
    assert found.depth.tolist() == [0]
    assert close(found.odds(rows[:5]), np.asarray(booster.predict(rows[:5], raw_score=True)), 1)


def test_splits_by_category_are_refused() -> None:
    rows = np.repeat(np.arange(4), 50)[:, None].astype(np.float32)
    booster = lightgbm.train(
        {"objective": "regression", "min_data_in_leaf": 1, "min_data_per_group": 1, "cat_smooth": 0, **QUIET},
        lightgbm.Dataset(rows, rows[:, 0] % 2, categorical_feature=[0]),
        1,
    )
    with pytest.raises(ValueError, match="a split by '==' is none of numbers"):
        tree_arrays(dumped(booster))


def test_trees_by_hand() -> None:
    """One asks two things, one nothing. Children are counted from the root of their tree."""
    found = Trees(
        roots=np.array([0, 5], np.int32),
        depth=np.array([2, 0], np.uint8),
        feature=np.array([0, 1, 0, 0, 0, 0], np.int16),
        threshold=np.array([1, 2, np.inf, np.inf, np.inf, np.inf], np.float32),
        child=np.array([1, 3, 2, 3, 4, 0], np.int16),
        value=np.array([0, 0, 10, 20, 30, 0.5], np.float32),
    )
    rows = np.array([[1, 2], [1, 3], [1.5, 0], [1.5, 9], [-9, -9]], np.float32)
    assert found.odds(rows).tolist() == [20.5, 30.5, 10.5, 10.5, 20.5]
    assert trees(found.named("a"), "a") == found


def test_probabilities_stand_in_a_table_that_is_the_same_everywhere() -> None:
    assert hashlib.sha256(PROBABILITIES.tobytes()).hexdigest()[:32] == "87b6050f02d0333878e7ea0060a74fcd"
    assert (PROBABILITIES.dtype, len(PROBABILITIES)) == (np.float32, 1025)
    assert (np.diff(PROBABILITIES) > 0).all()


def test_probabilities_are_logistic_to_a_64th_and_between_fixed_ends() -> None:
    odds = [-100.0, -8.1, -8.0, -1.0, -0.007, 0.0, 0.007, 0.009, 2.5, 8.0, 100.0]
    root, depth, none = (np.zeros(1, dtype) for dtype in (np.int32, np.uint8, np.int16))
    everything = np.full(1, np.inf, np.float32)
    for value in odds:
        found = Trees(root, depth, none, everything, none, np.full(1, value, np.float32))
        rounded = round(min(max(value, -8), 8) * 64) / 64
        assert found.probabilities(np.zeros((1, 1), np.float32))[0] == np.float32(round(1 / (1 + np.exp(-rounded)), 6))
    assert found.probabilities(np.zeros((0, 1), np.float32)).tolist() == []
