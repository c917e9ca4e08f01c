from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from data4llm_assets.deduped import audit, shingles
from data4llm_assets.deduped.exact import Exact
from data4llm_assets.deduped.minhash import MinHash
from data4llm_assets.deduped.planting import plant
from data4llm_assets.deduped.stage import Deduped
from data4llm_assets.deduped.tables import TOLERANCE
from data4llm_assets.engine.expectations import judge
from data4llm_assets.node import Place, Ref, View

Make = Callable[..., Any]
PLACE = Place("deduped", View((Ref("extracted_text", "documents"),), (), Ref("extracted_text", "kept")), 0, {}, {})


def story(number: int, words: int = 130) -> str:
    draw = random.Random(number)
    return " ".join(f"{draw.getrandbits(14):x}" for _ in range(words))


def changed(text: str, *places: int) -> str:
    return " ".join("changed" if place in places else word for place, word in enumerate(text.split()))


STORIES = [(f"s{number:03}", story(number)) for number in range(120)]
NEARLY = [(f"t{number:03}", changed(story(number), 60)) for number in range(20)]
"""121 of 131 shingles in common: 0.924."""


def failed(shop: Any, section: Deduped) -> list[str]:
    """What Great Expectations refuses of `duplicates`."""
    node = section.nodes(PLACE)[1]
    frames = {frame: rows for (name, frame, _), rows in shop.metrics.items() if name == node.name}
    return [f"{each['frame']}.{each['column']}" for each in judge(node.expectations, frames) if not each["passed"]]


@pytest.mark.parametrize(
    ("similarity", "chance"), [(0.0, 0.0), (0.5, 0.0533), (0.7, 0.5645), (0.75, 0.7716), (0.8, 0.9235), (1.0, 1.0)]
)
def test_theory_is_the_published_curve(similarity: float, chance: float) -> None:
    assert audit.theory(MinHash(), np.array([similarity]))[0] == pytest.approx(chance, abs=1e-4)


def test_more_pairs_are_asked_for_where_chance_is_wider() -> None:
    wanted = audit.pairs_wanted(MinHash(), audit.EDGES)
    assert wanted == [656, 1423, 1084, 300, 300]
    assert wanted[1] > 0.25 * 0.9 / (TOLERANCE / 4) ** 2 * 0.9
    assert sum(audit.pairs_wanted(MinHash(bands=512, rows=64), audit.EDGES)) < sum(wanted)


def test_detection_follows_theory_in_every_bin() -> None:
    frame = audit.detection(MinHash(), pl.Series([story(number, 400) for number in range(100)]))
    assert frame.schema == audit.DETECTION
    assert frame["pairs"].to_list() == [656, 1423, 1084, 300, 300]
    assert frame["from"].to_list() == [0.5, 0.6, 0.7, 0.8, 0.9]
    assert (frame["difference"].abs() < 0.04).all()
    assert (frame["detected"] - frame["theory"]).equals(frame["difference"].rename("detected"))


def test_too_few_pairs_and_too_few_passages_say_nothing() -> None:
    nulls = []
    for texts in (100, 99):
        stories = pl.Series([story(number, 106) for number in range(texts)])
        planted = plant(stories, MinHash(), audit.EDGES, [99, 99, 2000, 0, 100], seed=1)
        frame = audit.by_bin(MinHash(), planted, audit.found(MinHash(), planted))
        assert frame["pairs"].to_list() == [99, 99, 2000, 0, 100]
        nulls.append(frame["difference"].is_null().to_list())
    assert nulls == [[True, True, False, True, False], [True] * 5]


@pytest.mark.parametrize("ngram", [5, 24])
def test_shingles_of_characters_are_audited_as_well(build: Make, shard: Make, ngram: int) -> None:
    section = Deduped(methods=(MinHash(unit="characters", ngram=ngram),))
    longer = [(f"s{number:03}", story(number, 200)) for number in range(120)]
    nearly = [(f"t{number:03}", changed(story(number, 200), 60)) for number in range(20)]
    shop = build({shard(0): longer, shard(1): nearly}, section)
    assert shop.metrics["duplicates", "detection", ""]["difference"].is_null().to_list() == [False] * 5
    assert shop.metrics["duplicates", "audit", ""].rows() == [("s00", 0, None), ("s01", 20, 1.0)]
    assert failed(shop, section) == []


def equal_multipliers(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The same function over and over: a pair shares a band as often as it is similar, not as the bands promise."""
    return np.full(count, 0x9E3779B97F4A7C15, np.uint64), np.full(count, seed, np.uint64)


def test_bad_hash_functions_fail_the_audit_of_a_run(build: Make, shard: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    assert failed(build({shard(0): STORIES}), Deduped()) == []
    monkeypatch.setattr(shingles, "permutations", equal_multipliers)
    shop = build({shard(0): STORIES})
    assert failed(shop, Deduped()) == ["detection.difference"]
    rows = shop.metrics["duplicates", "detection", ""]
    assert rows["detected"].to_list() == pytest.approx(rows["similarity"].to_list(), abs=0.05)


def test_what_was_dropped_is_compared_again(build: Make, shard: Make) -> None:
    shop = build({shard(0): STORIES, shard(1): NEARLY, shard(2): []})
    assert shop.metrics["duplicates", "audit", ""].rows() == [("s00", 0, None), ("s01", 20, 1.0), ("s02", 0, None)]
    assert failed(shop, Deduped()) == []


def test_a_wrong_verdict_fails_the_audit(build: Make, shard: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four tenths of the words differ: hardly ever candidates by 14 x 8, always by single rows, and then held to be equal."""
    monkeypatch.setattr(MinHash, "similarities", lambda self, features, left, right: np.ones(len(left)))
    section = Deduped(methods=(MinHash(bands=100, rows=1, similarity=0.8),))
    apart = [(f"u{number:03}", changed(story(number), *range(5, 125, 12))) for number in range(20)]
    shop = build({shard(0): STORIES[:20], shard(1): apart}, section)
    (row,) = shop.metrics["duplicates", "audit", ""].filter(snapshot="s01").rows()
    assert row == ("s01", 20, 0.0)
    assert failed(shop, section) == ["audit.verified_precision"]


def test_what_an_earlier_method_holds_equal_is_not_compared_again(build: Make, shard: Make) -> None:
    twice = [*NEARLY[:3], *((f"v{number}", text + " ") for number, (_, text) in enumerate(NEARLY[:3]))]
    shop = build({shard(0): STORIES[:5], shard(1): twice})
    assert shop.verdicts().filter(rule="minhash.similarity").height == 6
    assert shop.metrics["duplicates", "audit", ""]["pairs"].to_list() == [0, 3]


def test_components_are_held_to_what_they_say(build: Make, shard: Make) -> None:
    chain = [("a", story(1)), ("b", changed(story(1), 20, 50)), ("c", changed(story(1), 20, 50, 80, 110))]
    shop = build({shard(0): chain}, Deduped(methods=(MinHash(),), rule="components"))
    assert shop.verdicts()["value"].round(3).to_list() == [0.853, 0.726]
    assert shop.metrics["duplicates", "audit", ""].rows() == [("all", 1, 1.0)]


def test_an_audit_costs_once(build: Make, shard: Make) -> None:
    remembered: dict[str, Any] = {}
    first = build({shard(0): STORIES}, remembered=remembered)
    assert first.computed == ["step", "audit"]
    assert build({shard(0): STORIES}, remembered=remembered).computed == []
    grown = build({shard(0): STORIES, shard(1): NEARLY}, remembered=remembered)
    assert grown.computed == ["step", "verified"]
    frames = [shop.metrics["duplicates", "detection", ""] for shop in (first, grown)]
    assert frames[0].equals(frames[1])


def test_texts_come_from_few_partitions_and_from_every_source(build: Make, shard: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[tuple[int, int]] = []

    def watched(work: Any, places: pl.DataFrame) -> pl.Series:
        read.extend(places.group_by("partition").len().sort("partition").rows())
        return audit_read_texts(work, places)

    audit_read_texts = audit.read_texts
    monkeypatch.setattr(audit, "read_texts", watched)
    held = {
        shard(0, f"web-{number}"): [(f"{number}-{name:02}", story(100 * number + name)) for name in range(80)]
        for number in range(4)
    }
    held[shard(0, "books-0")] = [(f"9-{name:02}", story(1000 + name)) for name in range(20)]
    shop = build(held)
    assert [partition.shard for partition in shop.partitions] == ["books-0", "web-0", "web-1", "web-2", "web-3"]
    assert read == [(0, 20), (1, 80), (2, 50)]


def test_where_minhash_is_not_used_or_texts_are_few_nothing_is_said(build: Make, shard: Make) -> None:
    for section, rows in ((Deduped(methods=(Exact(),)), STORIES), (Deduped(), STORIES[:99]), (Deduped(), [("a", "b")] * 200)):
        shop = build({shard(0): rows}, section)
        assert shop.metrics["duplicates", "detection", ""].is_empty()
        assert failed(shop, section) == [] or len(set(rows)) == 1
