from __future__ import annotations

import math
import random
from typing import Literal

import numpy as np
import polars as pl
import pytest
from datasketch import MinHash as Datasketch
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.deduped import flat, shingles
from data4llm_assets.deduped.exact import Exact
from data4llm_assets.deduped.minhash import MinHash, sketch

Unit = Literal["words", "characters"]
UNITS: tuple[Unit, ...] = ("words", "characters")
FABLE = "A Fox one day spied a beautiful bunch of ripe grapes hanging from a vine trained along the branches of a tree."


def signatures(config: MinHash, *texts: str) -> pl.DataFrame:
    column = pl.Series("text", texts, dtype=pl.String)
    return config.signatures(pl.DataFrame([column.alias("text_digest"), column]))


def shingle_counts(*texts: str, ngram: int = 1) -> list[int]:
    return signatures(MinHash(ngram=ngram), *texts)["size"].to_list()


def jaccard(left: str, right: str, config: MinHash | None = None) -> float:
    config = config or MinHash()
    return float(config.similarities(config.features(pl.Series([left, right])), np.array([0]), np.array([1]))[0])


def test_case_punctuation_space_and_diacritics_do_not_count() -> None:
    other = "\u201c" + FABLE.replace("day", "DAY,\n\n").replace("beautiful", "be\u00e4utiful").replace(".", "!?")
    first, second = signatures(MinHash(), FABLE, other).rows()
    assert first == second


def test_a_text_shorter_than_a_shingle_is_one_shingle() -> None:
    assert shingle_counts("", "...", "one", "one two", "one two three", ngram=3) == [1, 1, 1, 1, 1]
    assert jaccard("one two", "one two") == 1
    assert jaccard("one two", "one") == 0
    assert jaccard("", "...") == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("don't stop", 3),
        ("naïve café 2024", 3),
        ("今天天气好", 4),
        ("東京tower は", 4),
        ("สวัสดี", 5),
        ("한국어 문서", 2),
        ("нет, спасибо", 2),
        ("مَرحبا يا", 2),
        ("zero\u200djoined soft\u00adhyphen", 2),
        ("smile 😀 smile", 1),
        ("e\u0301te été", 1),
    ],
)
def test_words_of_many_scripts(text: str, words: int) -> None:
    assert shingle_counts(text) == [words]


def test_repeated_shingles_count_once() -> None:
    assert shingle_counts("la la la la la la", ngram=2) == [1]


def test_jaccard_is_of_sets_of_word_ngrams() -> None:
    assert jaccard("a b c d", "b c d e", MinHash(ngram=2)) == 2 / 4
    assert jaccard("a b c d e f", "f e d c b a", MinHash(ngram=1)) == 1


@pytest.mark.parametrize(
    ("text", "characters"),
    [
        ("aBa", 2),
        (" \t\u3000", 1),
        ("a \n\u2003\u00a0 b", 3),
        (" a.b, ", 4),
        ("e\u0301\u00e9E", 1),
        ("so\u00adft", 4),
        ("a \u200d b", 3),
        ("東京 東", 3),
        ("😀😁", 2),
    ],
)
def test_characters_count_with_punctuation_and_single_spaces(text: str, characters: int) -> None:
    assert signatures(MinHash(unit="characters", ngram=1), text)["size"].to_list() == [characters]


@given(st.text("abc \n.", max_size=40), st.text("abc \n.", max_size=40))
@settings(max_examples=60, deadline=None)
def test_jaccard_of_characters_equals_python_sets(left: str, right: str) -> None:
    def windows(text: str) -> set[str]:
        text = " ".join(text.split())
        return {text[i : i + 4] for i in range(max(len(text) - 3, 1))}

    a, b = windows(left), windows(right)
    config = MinHash(unit="characters", ngram=4)
    assert jaccard(left, right, config) == len(a & b) / len(a | b)
    assert signatures(config, left, right)["size"].to_list() == [len(a), len(b)]


def test_shingles_too_many_for_a_table_are_the_same_set() -> None:
    words = [f"{number:x}" for number in range(2_200_000)]
    config, once, twice = MinHash(ngram=1, bands=1, rows=2), " ".join(words), " ".join(words + words[::-1])
    assert signatures(config, once)["size"].to_list() == [2_200_000]
    assert signatures(config, once).equals(signatures(config, twice))


FEW_WORDS = st.lists(st.sampled_from(["ab", "cd", "ef", "gh", "ij"]), max_size=12)


@given(FEW_WORDS, FEW_WORDS)
@settings(max_examples=60, deadline=None)
def test_jaccard_equals_python_sets(left: list[str], right: list[str]) -> None:
    def shingles(words: list[str]) -> set[tuple[str, ...]]:
        return {tuple(words[i : i + 2]) for i in range(max(len(words) - 1, 1))}

    a, b = shingles(left), shingles(right)
    assert jaccard(" ".join(left), " ".join(right), MinHash(ngram=2)) == len(a & b) / len(a | b)


SPACED = st.text(
    st.sampled_from("ab\u00e9e\u0301,. \t\n\x0b\x1c\x85\xa0\u1680\u180e\u2003\u200b\u2028\u202f\u205f\u2060\u3000"), max_size=30
)


@given(st.text(max_size=80) | SPACED, st.sampled_from(["NFC", "NFD", "strip", "double"]), st.sampled_from(UNITS))
@settings(max_examples=160, deadline=None)
def test_what_exact_holds_equal_has_equal_shingles(text: str, change: str, unit: Unit) -> None:
    series = pl.Series([text])
    other = {"strip": series.str.strip_chars(), "double": series.str.replace_all(" ", " \n")}.get(change)
    other = series.str.normalize(change) if other is None else other  # type: ignore[arg-type]
    exact = Exact()
    assert exact.features(series).to_list() == exact.features(other).to_list()
    config = MinHash(ngram=2, unit=unit)
    assert signatures(config, text).equals(signatures(config, other[0]))


def pairs(jaccard: float, count: int, union: int = 300) -> tuple[pl.Series, pl.Series, float]:
    """Texts whose sets of words have very nearly this similarity, and the similarity they have."""
    draw = random.Random(round(1000 * jaccard))
    both = round(jaccard * union)
    left, right = [], []
    for _ in range(count):
        words = [f"{draw.getrandbits(60):x}" for _ in range(union)]
        middle = (union + both) // 2
        left.append(" ".join(words[:middle]))
        right.append(" ".join(words[middle - both :]))
    return pl.Series(left), pl.Series(right), both / union


@pytest.mark.parametrize("similarity", [0.5, 0.7, 0.8, 0.9])
@pytest.mark.parametrize("seed", [1, 2])
def test_estimates_and_bands_follow_theory(similarity: float, seed: int) -> None:
    config, trials = MinHash(ngram=1, seed=seed), 1200
    left, right, true = pairs(similarity, trials)
    equal = sketch(left, config)[0] == sketch(right, config)[0]
    assert equal.mean() == pytest.approx(true, abs=3 * math.sqrt(true * (1 - true) / 112 / trials))
    assert equal.mean(axis=1).std() == pytest.approx(math.sqrt(true * (1 - true) / 112), rel=0.1)
    found = signatures(config, *left)["buckets"].list.set_intersection(signatures(config, *right)["buckets"]).list.len() > 0
    assert found.to_list() == equal.reshape(trials, 14, 8).all(axis=2).any(axis=1).tolist()
    expected = 1 - (1 - true**8) ** 14
    assert found.mean() == pytest.approx(expected, abs=3 * math.sqrt(expected * (1 - expected) / trials))


@pytest.mark.parametrize("similarity", [0.1, 0.3, 0.5, 0.7, 0.8, 0.95])
def test_the_estimate_of_one_pair_is_unbiased_over_seeds(similarity: float) -> None:
    left, right, true = pairs(similarity, 1, union=200)
    estimates = []
    for seed in range(400):
        config = MinHash(ngram=1, seed=seed)
        estimates.append((sketch(left, config)[0] == sketch(right, config)[0]).mean())
    assert np.mean(estimates) == pytest.approx(true, abs=3 * math.sqrt(true * (1 - true) / 112 / 400))


@pytest.mark.parametrize(("bands", "rows"), [(20, 13), (9, 13), (50, 4), (26, 11)])
@pytest.mark.parametrize("similarity", [0.6, 0.75, 0.85])
def test_bands_of_any_width_find_what_theory_says(bands: int, rows: int, similarity: float) -> None:
    config = MinHash(unit="words", ngram=1, bands=bands, rows=rows)
    left, right, true = pairs(similarity, 600)
    found = signatures(config, *left)["buckets"].list.set_intersection(signatures(config, *right)["buckets"]).list.len() > 0
    expected = 1 - (1 - true**rows) ** bands
    assert found.mean() == pytest.approx(expected, abs=3 * math.sqrt(expected * (1 - expected) / 600) + 1e-9)


def test_signatures_of_the_textbook_example() -> None:
    """Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, 3.3: four sets of five rows, h1 = x + 1, h2 = 3 x + 1 modulo 5."""
    fifth = 2**64 // 5 + 1  # rows as fifths of the circle of 64 bits: there, to multiply and to add is to do so modulo 5
    multipliers, addends = np.array([1, 3], np.uint64), np.array([fifth, fifth], np.uint64)
    found = []
    for rows in ([0, 3], [2], [1, 3, 4], [0, 2, 3]):
        minima = np.empty(2, np.uint32)
        shingles.least(np.array([row * fifth for row in rows], np.uint64), multipliers, addends, minima)
        found.append([round(int(value) * 5 / 2**32) for value in minima])
    assert found == [[1, 0], [3, 2], [0, 0], [1, 0]]


def test_estimates_agree_with_datasketch() -> None:
    config = MinHash(ngram=1)
    left, right, true = pairs(0.7, 40)
    ours = (sketch(left, config)[0] == sketch(right, config)[0]).mean(axis=1)
    theirs = []
    for texts in zip(left, right, strict=True):
        signed = [Datasketch(num_perm=112, seed=1) for _ in texts]
        for one, text in zip(signed, texts, strict=True):
            one.update_batch([word.encode() for word in text.split()])
        theirs.append(signed[0].jaccard(signed[1]))
    spread = math.sqrt(2 * true * (1 - true) / 112 / len(ours))
    assert ours.mean() == pytest.approx(np.mean(theirs), abs=3 * spread)


def test_seeds_give_other_bands_and_the_same_sets() -> None:
    first, second = signatures(MinHash(seed=1), FABLE), signatures(MinHash(seed=2), FABLE)
    assert first["key"].equals(second["key"])
    assert not set(first["buckets"][0]) & set(second["buckets"][0])


def test_signatures_of_a_batch_are_those_of_its_rows() -> None:
    texts = [FABLE, "", "été 雨", FABLE[::-1], "x" * 5000]
    together = signatures(MinHash(), *texts)
    assert together.equals(pl.concat([signatures(MinHash(), text) for text in texts]))
    assert signatures(MinHash()).schema == together.schema


def test_deciding_changes_no_measure() -> None:
    assert set(MinHash().parameters("measure")) == {"unit", "ngram", "bands", "rows", "seed"}
    assert set(MinHash().parameters("decide")) == {"similarity", "compare"}


def test_golden_signatures() -> None:
    frame = signatures(MinHash(), FABLE, "", "Été à Москва, 東京 2024", "one two three four five six")
    assert MinHash.version == "1"
    assert frame["key"].to_list() == [7317034054539699635, 1820451397923222333, 12892066591051614939, 3362626499791749566]
    assert frame["size"].to_list() == [18, 1, 2, 2]
    assert flat.digest(frame) == "da66fdfca0891165b5c2f0973252893e"


def test_golden_signatures_of_characters() -> None:
    frame = signatures(MinHash(unit="characters", ngram=5), FABLE, "", "Été à Москва, 東京 2024", "a\n b")
    assert frame["size"].to_list() == [106, 1, 17, 1]
    assert flat.digest(frame) == "c46c422135b40bf01347f2a0f7bbe537"
