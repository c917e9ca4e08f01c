from __future__ import annotations

import polars as pl

from data4llm_assets.packed.order import permuted


def order(phases, seed=1, batch=1 << 20):
    return pl.concat(permuted(phases, seed, batch))


def test_every_sequence_has_one_position():
    made = order([(0, 0, 0, 500), (0, 1, 0, 300)])
    assert made["position"].to_list() == list(range(800))
    wanted = [(0, row) for row in range(500)] + [(1, row) for row in range(300)]
    assert made.select("part", "row").sort("part", "row").rows() == wanted


def test_phases_follow_one_another():
    made = order([(1, 0, 3, 4), (0, 0, 0, 3), (0, 1, 0, 2)])
    assert made["phase"].to_list() == [0] * 5 + [1] * 4
    assert sorted(made.filter(phase=1)["row"].to_list()) == [3, 4, 5, 6]


def test_order_is_seeded_and_does_not_depend_on_batches_or_input():
    stretches = [(0, 0, 0, 50), (0, 1, 0, 50)]
    assert order(stretches).equals(order(stretches[::-1], batch=7))
    assert not order(stretches).equals(order(stretches, seed=2))


def test_parts_are_mixed_evenly():
    made = order([(0, 0, 0, 5000), (0, 1, 0, 5000)])
    # 2,500 expected, standard deviation 35.
    assert 2350 < (made["part"][:5000] == 0).sum() < 2650
    assert abs(made.select(pl.corr("position", "row")).item()) < 0.05


def test_order_is_the_same_on_every_machine():
    assert order([(0, 0, 0, 12)], seed=3)["row"].to_list() == [8, 2, 3, 4, 9, 5, 0, 11, 7, 10, 1, 6]
