"""Documents nobody wishes for: empty, enormous, in any script; and a budget too small for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from data4llm_assets.deduped.budget import NotEnoughMemory
from data4llm_assets.deduped.exact import Exact
from data4llm_assets.deduped.minhash import MinHash
from data4llm_assets.deduped.stage import Deduped

Make = Callable[..., Any]
BOTH = Deduped(methods=(Exact(), MinHash()))
HUGE = " ".join(str(number) for number in range(6_500_000))


def test_empty_one_word_and_identical_documents(build: Make, shard: Make) -> None:
    rows = [("a", ""), ("b", " "), ("c", "word"), ("d", "Word."), ("e", "\u0301"), ("f", "word word")]
    shop = build({shard(0): rows}, BOTH)
    told = dict(shop.verdicts().select("doc_id", "partner").rows())
    assert told == {"b": "a", "d": "c", "e": "a"}  # no words at all is one set of shingles, the empty one


@pytest.mark.parametrize(
    ("text", "nearly"),
    [
        ("".join(map(chr, range(0x4E00, 0x4E80))), "".join(map(chr, range(0x4E00, 0x4E7F))) + "雨"),
        (" ".join(f"слово{n}" for n in range(60)), " ".join(f"слово{n}" for n in range(59)) + " дождь"),
        (" ".join(f"كلمة{n}" for n in range(60)), " ".join(f"كلمة{n}" for n in range(59)) + " مطر"),
        (" ".join(f"शब्द{n}" for n in range(60)), " ".join(f"शब्द{n}" for n in range(59)) + " वर्षा"),
    ],
)
def test_documents_of_any_script(build: Make, shard: Make, text: str, nearly: str) -> None:
    shop = build({shard(0): [("a", text), ("b", nearly), ("c", text[::-1])]}, BOTH)
    assert shop.verdicts().select("doc_id", "rule", "partner").rows() == [("b", "minhash.similarity", "a")]


def test_documents_of_fifty_megabytes(build: Make, shard: Make) -> None:
    assert len(HUGE) > 50_000_000
    held = {shard(0): [("a", HUGE), ("b", HUGE.replace("1234567", "something")), ("c", HUGE + "  ")]}
    shop = build(held, BOTH, memory=1_000_000_000, batch=1 << 20)
    assert shop.verdicts().select("doc_id", "rule", "partner").rows() == [
        ("b", "minhash.similarity", "a"),
        ("c", "exact.text", "a"),
    ]


def test_a_budget_too_small_says_how_much_it_needs(build: Make, shard: Make) -> None:
    rows = [(f"d{number:04}", f"{number} " * 5) for number in range(2000)]
    with pytest.raises(
        NotEnoughMemory, match=r"deduplicating 2,000 documents against 0 kept before needs 1 MB, and .* is 0 MB"
    ) as told:
        build({shard(0): rows}, BOTH, memory=100_000)
    enough = build({shard(0): rows}, BOTH, memory=told.value.needed)
    assert enough.verdicts().equals(build({shard(0): rows}, BOTH).verdicts())


def test_a_million_empty_and_boilerplate_documents_cost_one_comparison_each(build: Make, shard: Make) -> None:
    boilerplate = "All rights reserved by the owners of this page."
    rows = [(f"d{number:07}", boilerplate if number % 2 else "") for number in range(1_000_000)]
    shop = build({shard(0): rows}, BOTH, memory=1_000_000_000, batch=1 << 20)
    assert shop.verdicts().height == 999_998
    assert shop.metrics["duplicates", "partition", ""]["compared"].item() == 0
    assert shop.fetched == 0
