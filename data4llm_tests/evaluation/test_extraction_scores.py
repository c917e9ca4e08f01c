from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data4llm_assets.evaluation.bootstrap import Interval, intervals
from data4llm_assets.evaluation.extraction import EVERY, OTHERS, SCORES, evaluate, groups_of, score, summaries, words
from data4llm_assets.evaluation.labelled_pages import LabelledPage, read_folder
from data4llm_assets.extracted_text.extraction import Extracted, Extraction, Refused
from data4llm_assets.extracted_text.trafilatura import Trafilatura
from data4llm_assets.method import ModelUnavailable
from data4llm_assets.raw_crawl.source import Record


class Engine(Extraction):
    """Gives what a test says."""

    method: str = "engine"
    gives: Any = None

    def extract(self, payload: bytes, record: Record) -> Extracted | Refused:
        found = self.gives(payload.decode()) if callable(self.gives) else self.gives
        return found if isinstance(found, Refused) else Extracted(found)


def page(html: str, text: str = "", page_type: str = "article", **more: Any) -> LabelledPage:
    return LabelledPage(html, "example.org", None, html.encode(), text, page_type, **more)


def one(outcome: Any, labelled: LabelledPage) -> dict[str, Any]:
    return evaluate({"engine": Engine(gives=outcome)}, [labelled]).scores.row(0, named=True)


def raising(error: Exception) -> Callable[[str], str]:
    def give(_html: str) -> str:
        raise error

    return give


def f1_by_hand(text: str, truth: str) -> tuple[float, float, float]:
    """Each true word is struck out by one word of the text."""
    given_words, left = re.findall(r"\w+", text.lower()), re.findall(r"\w+", truth.lower())
    total = len(left)
    if not given_words and not left:
        return 1, 1, 1
    shared = 0
    for word in given_words:
        if word in left:
            left.remove(word)
            shared += 1
    precision = shared / len(given_words) if given_words else 0
    recall = shared / total if total else 0
    return 2 * precision * recall / (precision + recall) if shared else 0, precision, recall


@given(*[st.text("ab Ä1_-\n,", max_size=40)] * 2)
def test_scores_agree_with_words_struck_out_one_by_one(text: str, truth: str) -> None:
    assert score(Counter(words(text)), Counter(words(truth))) == pytest.approx(f1_by_hand(text, truth))


@pytest.mark.parametrize(
    ("text", "truth", "expected"),
    [
        ("The cat, the hat.", "the THE cat", (6 / 7, 3 / 4, 1.0)),
        ("a a a", "a", (0.5, 1 / 3, 1.0)),
        ("", "a", (0.0, 0.0, 0.0)),
        ("a", "", (0.0, 0.0, 0.0)),
        ("", "", (1.0, 1.0, 1.0)),
        ("?!", "…", (1.0, 1.0, 1.0)),
    ],
)
def test_words_count_as_often_as_they_stand_there(text: str, truth: str, expected: tuple[float, ...]) -> None:
    found = one(text, page("x", truth))
    assert (found["f1"], found["precision"], found["recall"]) == pytest.approx(expected)


def test_a_snippet_is_found_if_its_words_stand_in_a_row() -> None:
    belongs, does_not = ("One, two!", "two three four", "wo t", "—"), ("TWO\nthree", "one three")
    labelled = page("x", "a", with_snippets=belongs, without_snippets=does_not)
    row = one("One two. Three", labelled)
    assert (row["found"], row["leaked"]) == (1, 1)
    (summary,) = summaries(evaluate({"engine": Engine(gives="One two. Three")}, [labelled]), "engine").values()
    assert (summary.found, summary.leaked) == (1 / 3, 1 / 2)


def test_what_has_no_text_scores_nothing_and_is_counted_by_rule() -> None:
    empty = Refused("extracted_text.empty", "")
    for outcome, rule in (
        (Refused("extracted_text.max_depth", ""), "extracted_text.max_depth"),
        (raising(ValueError("a secret of the page")), "extracted_text.failed"),
        (empty, "extracted_text.empty"),
        (" \n", "extracted_text.empty"),
    ):
        row = one(outcome, page("x", "a"))
        assert (row["f1"], row["precision"], row["recall"], row["refused"]) == (0, 0, 0, rule)
    for outcome in (empty, ""):
        assert (one(outcome, page("x"))["f1"], one(outcome, page("x"))["refused"]) == (1, None)
    assert one(Refused("extracted_text.max_depth", ""), page("x"))["f1"] == 0


def test_an_engine_that_cannot_run_is_told_with_its_reason() -> None:
    missing = ModelUnavailable("engine", "package", "weights", "somehow", "another")

    def later(html: str) -> str:
        if html == "x2":
            raise missing
        return "a"

    pages = [page(f"x{number}", "a") for number in range(4)]
    made = {"never": Engine(gives=raising(missing)), "fine": Engine(gives="a"), "not always": Engine(gives=later)}
    result = evaluate({**made, "no package": Engine(gives=raising(ImportError("no x")))}, pages)
    assert result.unavailable == {"never": str(missing), "not always": str(missing), "no package": "no x"}
    assert result.scores["engine"].to_list() == ["fine"] * 4
    assert evaluate({"never": made["never"]}, pages).scores.height == 0
    assert summaries(evaluate({"never": made["never"]}, pages), "trafilatura") == {}


def test_engines_take_turns_and_each_is_first_as_often_as_the_others() -> None:
    order: list[str] = []

    def give(name: str) -> Callable[[str], str]:
        def given_text(_html: str) -> str:
            order.append(name)
            return name

        return given_text

    result = evaluate({name: Engine(gives=give(name)) for name in "abc"}, [page(str(number)) for number in range(3)])
    assert "".join(order) == "abc" + "abcbcacab"
    assert result.scores.select("engine", "page").rows() == [(name, number) for name in "abc" for number in range(3)]
    assert result.scores.schema == SCORES


def test_time_is_of_the_processor_and_of_the_engine_alone() -> None:
    def work(_html: str) -> str:
        end = time.process_time() + 0.02
        while time.process_time() < end:
            pass
        return "a"

    def wait(_html: str) -> str:
        time.sleep(0.05)
        return "a"

    pages = [page(str(number), "a") for number in range(3)]
    found = summaries(evaluate({"work": Engine(gives=work), "wait": Engine(gives=wait)}, pages), "work")
    assert 20 < found["work"].pages_per_second <= 50
    assert found["wait"].pages_per_second > 200
    assert found["wait"].times == pytest.approx(found["wait"].pages_per_second / found["work"].pages_per_second)


def test_a_summary_is_over_pages_and_by_their_type() -> None:
    pages = [page("1", "a"), page("2", "a b", "forum"), page("3", "b", "shop"), page("4", "a", "forum")]
    assert {name: places.tolist() for name, places in groups_of(pages).items()} == {
        EVERY: [0, 1, 2, 3], "article": [0], OTHERS: [1, 2, 3], "forum": [1, 3], "shop": [2],
    }  # fmt: skip
    found = summaries(evaluate({"all": Engine(gives="a b"), "a": Engine(gives="a")}, pages), "all")
    assert found["a"].f1 == pytest.approx({EVERY: 2 / 3, "article": 1, OTHERS: 5 / 9, "forum": 5 / 6, "shop": 0})
    assert list(found) == ["all", "a"]
    assert (found["a"].precision, found["a"].recall) == (0.75, 0.625)
    assert (found["a"].found, found["a"].leaked, found["a"].failures) == (None, None, {})
    assert found["a"].differences["shop"].difference == pytest.approx(-2 / 3)
    assert set(found["a"].differences) == set(found["a"].f1)
    assert summaries(evaluate({"a": Engine(gives="a")}, pages), "all")["a"].times is None


def test_equal_engines_and_constant_differences_leave_no_doubt() -> None:
    varied = np.random.default_rng(0).random(50)
    same, constant, doubtful = intervals(np.stack([np.zeros(50), np.full(50, 0.25), varied - 0.5], axis=1))
    assert same == Interval(0, 0, 0)
    assert constant == pytest.approx((0.25, 0.25, 0.25))
    assert doubtful.low < doubtful.difference == pytest.approx(varied.mean() - 0.5)
    assert doubtful.low < 0 < doubtful.high


def test_an_interval_is_as_wide_as_theory_says_and_the_same_each_time() -> None:
    values = np.random.default_rng(1).normal(0.1, 0.3, (400, 1))
    (found,) = intervals(values)
    half = 1.96 * values.std() / 20
    assert (found.low, found.high) == pytest.approx((found.difference - half, found.difference + half), abs=0.003)
    assert intervals(values) == [found]


def test_trafilatura_on_known_pages_is_as_published(evaluation_data: Path) -> None:
    pages = read_folder(evaluation_data / "wcxb").pages[::15]
    result = evaluate({"trafilatura": Trafilatura(), "again": Trafilatura()}, pages)
    found = summaries(result, "trafilatura")
    assert 0.7 < found["trafilatura"].f1[EVERY] < 0.95
    assert all(interval == Interval(0, 0, 0) for interval in found["again"].differences.values())
    assert found["again"].times == pytest.approx(1, rel=0.35)
