from __future__ import annotations

import json
import math
import random
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError
from test_deduped_stage import expectations_broken

from data4llm_assets.deduped import flat, paragraph_ngrams
from data4llm_assets.deduped.bff import Bff
from data4llm_assets.deduped.bloom import Bloom, sized
from data4llm_assets.deduped.budget import NotEnoughMemory
from data4llm_assets.deduped.deduplication import Promises
from data4llm_assets.deduped.scripts import KINDS
from data4llm_assets.deduped.stage import Deduped
from data4llm_assets.node import Ref

Make = Callable[..., Any]
TWENTY = " ".join(f"w{number}" for number in range(20))
OTHERS = " ".join(f"v{number}" for number in range(40))


def step(**options: Any) -> Deduped:
    return Deduped(methods=(Bff(**{"capacity": 20_000, "false_positives": 1e-9, **options}),))


def judged(method: Bff, texts: Sequence[str]) -> tuple[dict[int, float], list[tuple[int, int, int]]]:
    """Dropped texts with the share of their n-grams seen; and the spans of the others."""
    found = method._paragraphs(pl.Series(texts, dtype=pl.String), Bloom(method.size()))
    return dict(found.verdicts.rows()), found.spans.rows()


def among_sets(method: Bff, texts: Sequence[str]) -> tuple[dict[int, float], list[tuple[int, int, int]], int]:
    """The same by a set of all n-grams, which never errs; and how many it was asked for. Words are between spaces."""
    seen: set[tuple[str, ...]] = set()
    dropped, spans, asked = {}, [], 0
    for row, text in enumerate(texts):
        start, met, total, mine = 0, 0, 0, []
        for paragraph in text.splitlines(keepends=True):
            words = paragraph.lower().split()
            size = min(len(words), method.ngram)
            grams = [tuple(words[i : i + size]) for i in range(len(words) - size + 1)] if len(words) >= method.min_ngram else []
            known = sum(gram in seen for gram in grams)
            met, total, end = met + known, total + len(grams), start + len(paragraph.encode())
            if grams and known / len(grams) > method.threshold:
                mine.append((row, start, end))
            else:
                seen.update(grams)
            start = end
        if total and met / total > method.threshold:
            dropped[row] = met / total
        else:
            spans += mine
        asked += total
    return dropped, spans, asked


def world(seed: int, documents: int = 120) -> list[str]:
    """Texts of paragraphs that are new, repeated, or repeated with a word changed."""
    draw = random.Random(seed)
    known, texts = ["été à Paris"], []
    for _ in range(documents):
        paragraphs = []
        for _ in range(draw.randrange(6)):
            fresh = draw.random() < 0.4
            words = [f"é{draw.randrange(40)}" for _ in range(draw.randrange(25))] if fresh else draw.choice(known).split()
            if words and draw.random() < 0.3:
                words[draw.randrange(len(words))] = f"new{draw.randrange(999)}"
            known.append(" ".join(words))
            paragraphs.append(known[-1])
        texts.append("\n".join(paragraphs) + draw.choice(["", "\n"]))
    return texts


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("options", [{}, {"ngram": 3, "min_ngram": 1}, {"ngram": 5, "threshold": 0.0}, {"threshold": 1.0}])
def test_a_filter_that_hardly_errs_is_a_set(seed: int, options: dict[str, Any]) -> None:
    method, texts = Bff(capacity=20_000, false_positives=1e-9, **options), world(seed)
    dropped, spans, _ = among_sets(method, texts)
    assert judged(method, texts) == (dropped, spans)
    assert bool(dropped) == (method.threshold < 1)
    assert bool(spans) == (0 < method.threshold < 1)  # above 0, whoever loses a paragraph is dropped


def test_at_one_error_in_a_hundred_few_paragraphs_differ() -> None:
    draw = random.Random(1)
    texts = ["\n".join(" ".join(f"{draw.getrandbits(40):x}" for _ in range(17)) for _ in range(5)) for _ in range(2000)]
    texts += [text.replace("\n", " tail\n") for text in texts[:400]]
    method = Bff(capacity=60_000)
    (dropped, spans, asked), (ours, ours_spans) = among_sets(method, texts), judged(method, texts)
    assert len(dropped) == 400
    assert set(dropped) <= set(ours)
    assert asked == 2000 * 5 * 5 + 400 * (4 * 6 + 5)
    # Of five n-grams all would have to be wrong to remove a paragraph: one in 10^10, and in expectation none here.
    assert (set(ours), ours_spans) == (set(dropped), spans)
    more = sum(ours[row] - dropped[row] for row in dropped) * 29
    assert 0 < more < 0.01 * 400 * 4 + 4 * math.sqrt(0.01 * 400 * 4)


def test_single_ngrams_are_wrong_as_often_as_declared() -> None:
    draw = random.Random(2)
    texts = [" ".join(f"{draw.getrandbits(40):x}" for _ in range(8)) for _ in range(20_000)]
    method = Bff(capacity=20_000)
    assert not among_sets(method, texts)[0]
    expected = 0.01 * 20_000  # were the filter full from the beginning
    assert 0 < len(judged(method, texts)[0]) < expected
    bloom = Bloom(method.size())
    method._paragraphs(pl.Series(texts), bloom)
    wrong = 0
    for _ in range(100):  # each time against the filter as it was
        fresh = pl.Series([" ".join(f"{draw.getrandbits(40):x}" for _ in range(8)) for _ in range(200)])
        wrong += len(method._paragraphs(fresh, Bloom(bloom.size, bloom.frame())).verdicts)
    assert wrong == pytest.approx(expected, abs=5 * math.sqrt(expected))


def test_bits_and_hashes_are_optimal() -> None:
    assert Bff().size() == sized(100_000_000, 0.01) == (1, 958_505_838, 7)  # datatrove's automatic k would be 54
    assert Bff().parameters("measure") == {}


def test_paragraphs_by_their_words() -> None:
    method = Bff(capacity=1000, false_positives=1e-9)
    four, five, twelve = "a b c d", "a b c d e", "a b c d e f g h i j k l"
    texts = [f"{four}\n{OTHERS}", f"{OTHERS} x y z\n{four}", five, f"{five}\n{OTHERS} new\n", twelve, f"{twelve}\n1 2 3 4 5"]
    # Too short to be removed; whole if shorter than an n-gram; a paragraph of five words is no part of one of twelve.
    assert judged(method, texts) == ({1: 28 / 31, 3: 29 / 30}, [(5, 0, 24)])


def test_zero_ngrams_are_never_removed() -> None:
    texts = ["", "\n", "\n\n\n", "one", "one", "a b c d", "a b c d", "...", "东京"] * 2
    assert judged(Bff(capacity=100, threshold=0.0), texts) == ({}, [])


def test_the_threshold_itself_is_not_enough() -> None:
    method = Bff(ngram=1, min_ngram=1, capacity=100, false_positives=1e-9)
    assert judged(method, ["a b c d", "a b c d e"]) == ({}, [])
    assert judged(method, ["a b c d e", "a b c d e f"]) == ({1: 5 / 6}, [])


def test_repetition_within_a_document_counts() -> None:
    method = Bff(capacity=100, false_positives=1e-9)
    assert judged(method, [f"{TWENTY}\n{OTHERS}\n{TWENTY}\n"]) == (
        {},
        [(0, len(f"{TWENTY}\n{OTHERS}\n"), len(f"{TWENTY}\n{OTHERS}\n{TWENTY}\n"))],
    )
    assert judged(method, ["\n".join([TWENTY] * 6)]) == ({0: 5 / 6}, [])


def test_the_order_of_documents_matters() -> None:
    method = Bff(capacity=1000, false_positives=1e-9)
    long, short = f"{TWENTY}\n{OTHERS}", TWENTY
    assert judged(method, [long, short]) == ({1: 1.0}, [])
    assert judged(method, [short, long]) == ({}, [(1, 0, len(TWENTY) + 1)])


def test_what_a_dropped_document_inserted_stays() -> None:
    method = Bff(capacity=1000, false_positives=1e-9)
    rare = "p q r s t u v"
    texts = [OTHERS, f"{OTHERS}\n{rare}", rare]
    assert judged(method, texts) == ({1: 28 / 29, 2: 1.0}, [])


def test_spans_are_bytes_of_the_text_as_it_was(build: Make, shard: Make) -> None:
    first = unicodedata.normalize("NFC", "Été ÀÉÎÕÜ 한국어 문서 İstanbul ẞ Ǆ ﬁ")
    text = f"{OTHERS} ñ\n{first}\nende — さようなら\n"
    shop = build({shard(0): [("a", first), ("b", text)]}, step())
    spans = shop.table(Ref("duplicates", "spans"), "web-0|s00")
    begin = len(f"{OTHERS} ñ\n".encode())
    assert spans.rows() == [("b", begin, begin + len(f"{first}\n".encode()), None)]
    assert shop.table(Ref("deduped", "overlay"), "web-0|s00")["text"].to_list() == [text.replace(first + "\n", "")]
    decisions = shop.table(Ref("deduped", "decisions"), "web-0|s00")
    assert decisions.select("doc_id", "rule", "action", "value").rows() == [("b", "bff.repeated", "edit", 1.0)]


def test_forms_of_a_text_with_other_newlines_are_refused() -> None:
    bloom = Bloom(sized(10, 0.1))
    for one, other in (("a\nb", "a b"), ("a b", "a\nb"), ("a\n", "a"), ("a", "")):
        forms = (*flat.strings(pl.Series(["x", one])), *flat.strings(pl.Series(["x", other])))
        with pytest.raises(ValueError, match="text 1 of the batch has other newlines"):
            paragraph_ngrams.sift(*forms, KINDS, (13, 5, 0.8), bloom.words[0], *bloom.layout)


def test_a_document_without_new_text_is_dropped_and_names_no_partner(build: Make, shard: Make) -> None:
    held = {
        shard(0): [("a", OTHERS, "p"), ("b", OTHERS, "p")],
        shard(1): [("c", OTHERS, "p"), ("d", OTHERS, "q"), ("e", TWENTY, "p")],
    }
    shop = build(held, step())
    assert shop.verdicts().select("doc_id", "rule", "action", "value", "threshold", "partner").rows() == [
        ("b", "bff.ngrams", "drop", 1.0, 0.8, None),
        ("c", "bff.ngrams", "carry", 1.0, 0.8, None),
        ("d", "bff.ngrams", "drop", 1.0, 0.8, None),
    ]
    assert shop.kept() == ["a", "e"]


def corpus(shard: Make, seed: int = 3) -> dict[Any, list[tuple[str, str]]]:
    texts = world(seed, 90)
    places = [(snapshot, name) for snapshot in range(3) for name in ("web-0", "web-1")]
    return {
        shard(snapshot, name): [(f"{number:03}", texts[number]) for number in range(place, 90, 6)]
        for place, (snapshot, name) in enumerate(places)
    }


def published(shop: Any) -> list[pl.DataFrame]:
    tables = (shop.table(Ref("duplicates", table), some.key) for some in shop.partitions for table in ("verdicts", "spans"))
    return [table.sort("doc_id", *(["start"] if "start" in table.columns else [])) for table in tables]


def same(left: Any, right: Any) -> bool:
    return all(a.equals(b) for a, b in zip(published(left), published(right), strict=True))


def test_growing_is_building_from_scratch_and_reads_old_texts_no_more(build: Make, shard: Make) -> None:
    held, section = corpus(shard), step()
    old = dict(list(held.items())[:4])
    before, scratch = build(old, section), build(held, section)
    grown = build(held, section, remembered=dict(before.remembered))
    assert same(grown, scratch)
    assert scratch.verdicts()["doc_id"].len() > 5
    assert grown.computed == ["step", "filters"]
    bare = {key: tables for key, tables in before.remembered.items() if json.loads(key)[1] == "step"}
    again = build(held, section, remembered=bare)
    assert same(again, scratch)
    assert again.computed == ["step", "filters", "filters"]
    edited = scratch.fetched - sum(map(len, held.values()))
    assert (grown.fetched - edited, again.fetched - edited) == (30, 90)


def test_a_withdrawn_snapshot_is_as_if_it_had_never_been(build: Make, shard: Make) -> None:
    held, section = corpus(shard), step()
    whole = build(held, section)
    left = {some: rows for some, rows in held.items() if some.arrival != 0}
    assert same(build(left, section, remembered=dict(whole.remembered)), build(left, section))
    assert Bff.promises == Promises(incremental=True, withdrawable="refold", names_partner=False)


def test_shards_batches_and_memory_do_not_matter(build: Make, shard: Make) -> None:
    held, section = corpus(shard), step()
    scratch = build(held, section)
    tight = build(held, section, memory=2 * Bff(capacity=20_000, false_positives=1e-9).size().bytes, batch=3)
    assert same(tight, scratch)
    merged: dict[Any, list[tuple[str, str]]] = {}
    for some, rows in held.items():
        merged.setdefault(shard(some.arrival), []).extend(reversed(rows))
    assert sorted(build(merged, section).verdicts()["doc_id"]) == sorted(scratch.verdicts()["doc_id"])


def test_texts_are_read_together_as_memory_allows() -> None:
    documents, method = pl.DataFrame({"bytes": [872, 0, 5000, 100, 10, 10]}), Bff()
    parts = [(first, len(some)) for first, some in method._together(documents, 10_000, 10_000 + 24 * 5128)]
    assert parts == [(0, 2), (2, 1), (3, 3)]
    with pytest.raises(NotEnoughMemory) as refused:
        next(method._together(documents, 10_000, 10_000 + 24 * 5128 - 1))
    assert refused.value.needed == 10_000 + 24 * 5128


def test_more_ngrams_than_the_capacity_fail_a_check_that_says_what_is_needed(build: Make, shard: Make) -> None:
    held = {shard(0): [(f"{number:03}", " ".join(f"{number}x{place}" for place in range(32))) for number in range(20)]}
    assert expectations_broken(build(held, step(capacity=400)), step(capacity=400)) == []
    small = step(capacity=150, false_positives=0.01)
    shop = build(held, small)
    assert expectations_broken(shop, small)[:2] == ["capacity_needed", "false_positives"]
    assert shop.metrics["duplicates", "partition", ""]["capacity_needed"][0] == 400


def test_a_filter_over_half_of_the_memory_says_how_much_it_needs(build: Make, shard: Make) -> None:
    with pytest.raises(NotEnoughMemory, match=r"capacity of 1,000,000,000 needs 2,397 MB, and .* is 268 MB"):
        build({shard(0): [("a", TWENTY)]}, step(capacity=10**9, false_positives=0.01))


def test_a_paragraph_may_be_no_longer_than_an_ngram_is() -> None:
    with pytest.raises(ValidationError, match=r"min_ngram \(14\) may not be above ngram \(13\)"):
        Bff(min_ngram=14)


def test_empty_partitions_and_sizes(build: Make, shard: Make) -> None:
    assert build({shard(0): [], shard(1): [("a", "")]}, step()).kept() == ["a"]
    texts = ["", "one", "One two.", "東京タワー", "été été"]
    assert Bff().signatures(pl.DataFrame({"text": texts}))["size"].to_list() == [0, 1, 2, 5, 2]


@pytest.mark.parametrize("text", ["\n" * 5_000_000, "a " * 2_500_000, "東" * 1_500_000, "x" * 5_000_000])
def test_a_huge_paragraph_or_none_at_all_is_judged_at_once(text: str) -> None:
    assert judged(Bff(capacity=2_000_000), [text]) == ({}, [])


def test_documents_of_fifty_megabytes(build: Make, shard: Make) -> None:
    lines = [" ".join(map(str, range(first, first + 16))) for first in range(0, 6_500_000, 16)]
    huge = "\n".join(lines)
    assert len(huge) > 50_000_000
    held = {shard(0): [("a", huge), ("b", huge), ("c", "\n".join([OTHERS, *lines[:3], OTHERS.replace("v", "u")]))]}
    shop = build(held, step(capacity=2_000_000, false_positives=0.001), memory=1_400_000_000)
    assert shop.verdicts()["doc_id"].to_list() == ["b"]
    assert shop.table(Ref("duplicates", "spans"), "web-0|s00")["doc_id"].to_list() == ["c"] * 3


def test_half_a_million_equal_paragraphs() -> None:
    assert judged(Bff(capacity=1000), ["a b c d e\n" * 500_000]) == ({0: 499_999 / 500_000}, [])


def test_identical_documents_are_judged_once_each() -> None:
    texts = pl.Series([OTHERS]).gather(np.zeros(200_000, np.uint32))
    bloom = Bloom(sized(1000, 0.01))
    found = Bff(capacity=1000)._paragraphs(texts, bloom)
    assert (len(found.verdicts), found.inserted, found.offered) == (199_999, 28, 200_000 * 28)


def test_golden_verdicts() -> None:
    method = Bff(capacity=5000)
    bloom = Bloom(method.size())
    found = method._paragraphs(pl.Series(world(9)), bloom)
    assert Bff.version == "1"
    assert (len(found.verdicts), flat.digest(found.spans), flat.digest(bloom.frame())) == (
        20, "457904e9de0185b178604c7909abb1b1", "67822afc51f258969605a1bd134dde8b",
    )  # fmt: skip
