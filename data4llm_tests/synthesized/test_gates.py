from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.method import Limit
from data4llm_assets.synthesized.gates import Gates, first_failure, signals

PASSAGE = (
    "The Harrow Bridge opened in 1893 and carries 4,200 vehicles a day. It was closed for repairs last spring, after inspectors "
    "found rust in two of its arches. The repairs cost $3.1 million, and the bridge reopened in August."
)
GOOD = (
    "Opened in 1893, the Harrow Bridge is crossed by 4,200 vehicles each day. Inspectors discovered rust in two arches, so it "
    "closed last spring; repairs of $3.1 million let it reopen in August."
)
INSTRUCTION = "You rewrite texts. Rewrite the input text for a small child, while keeping its facts and numbers."


def answers(*texts: str, passage: str = PASSAGE, finish_reason: str = "stop", dialogue: bool = False) -> pl.DataFrame:
    return pl.DataFrame({"text": texts}, schema={"text": pl.String}).with_columns(
        passage=pl.lit(passage), instruction=pl.lit(INSTRUCTION), dialogue=pl.lit(dialogue), finish_reason=pl.lit(finish_reason)
    )


def gate(text: str, passage: str = PASSAGE, finish_reason: str = "stop", dialogue: bool = False) -> str | None:
    frame = answers(text, passage=passage, finish_reason=finish_reason, dialogue=dialogue)
    failed: str | None = first_failure(signals(frame), Gates().limits())["gate"][0]
    return failed


def test_a_faithful_rewriting_passes_every_gate() -> None:
    assert gate(GOOD) is None


def test_eleven_percent_may_not_become_eleven_cents() -> None:
    stock = "On Tuesday the airline's stock rose $2.11, or about 11 percent, to close at $21.32 on the New York exchange."
    assert gate("The airline's stock rose about 11 cents on Tuesday.", stock) == "numbers"
    assert gate("On Tuesday the airline's stock went up by about 11 percent on the New York exchange.", stock) == "numbers_kept"
    rewritten = "The stock of the airline closed at 21.32 dollars in New York on Tuesday: a rise of $2.11, or 11%."
    assert gate(rewritten, stock) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"),
        ("Sure, the Harrow Bridge opened in 1893.", "preamble"),
        ("I'm glad to hear that the Harrow Bridge opened.", "preamble"),
        ("Rewrite the input text for a small child. It is about a bridge.", "echo"),
        ("The bridge opened and closed. " * 8, "loop"),
        (GOOD[:-20], "truncated"),
        (PASSAGE, "copy"),
        (GOOD.replace("1893", "1983"), "numbers"),
        (GOOD.replace("4,200", "many"), "numbers_kept"),
        (GOOD.replace("inspectors", "people").replace("in August", "by Christmas"), "names"),
        ("Opened 1893, cost $3.1 million, carries 4,200.", "length"),
        (
            "In 1893 something old began, 4,200 people think, and what it cost was $3.1 million; nobody knows quite why this "
            "should matter to anyone today, except perhaps those who like trivia.",
            "grounded",
        ),
    ],
)
def test_each_gate_rejects_what_it_is_for(text: str, expected: str) -> None:
    assert gate(text) == expected


def test_an_answer_at_the_token_limit_is_truncated_even_after_a_full_stop() -> None:
    assert gate(GOOD, finish_reason="length") == "truncated"


def test_a_refused_call_is_told_apart_from_an_empty_answer() -> None:
    assert gate("", finish_reason="refused") == "refused"


def test_a_dialogue_needs_a_question_and_an_answer() -> None:
    assert gate(GOOD, dialogue=True) == "form"
    dialogue = (
        "Question: When did the Harrow Bridge open, and how many vehicles use it?\nAnswer: It opened in 1893; 4,200 vehicles cross "
        "it a day.\nQuestion: Why was it closed?\nAnswer: Inspectors found rust in two arches. Repairs cost $3.1 million."
    )
    assert gate(dialogue, dialogue=True) is None


def test_an_opening_that_the_passage_shares_is_no_preamble() -> None:
    passage = "Here is a bridge of stone, which people built by hand over the river long ago and then forgot about."
    assert gate("Here is a stone bridge that people once built by hand over the river, long forgotten.", passage) is None


def test_scripts_without_spaces_are_compared_by_character() -> None:
    frame = answers("今天我们在公园里散步。", passage="今天我们在公园里散步。")
    assert signals(frame).select("copy", "length").row(0) == (1.0, 1.0)


def test_signals_keep_the_order_of_the_rows_and_say_null_where_nothing_can_be_compared() -> None:
    measured = signals(answers("One.", GOOD, ""))
    assert measured["empty"].to_list() == [0.0, 0.0, 1.0]
    assert measured["copy"].is_null().to_list() == [True, False, True]
    assert measured["form"].null_count() == 3
    assert signals(answers()).height == 0


def test_the_first_failed_limit_is_named_with_its_value_and_threshold() -> None:
    measured = pl.DataFrame({"a": [1.0, 5.0, None], "b": [0.0, 0.0, 9.0]})
    limits = (Limit(signal="a", maximum=3), Limit(signal="b", minimum=0, maximum=4))
    assert first_failure(measured, limits).rows() == [(None, None, None), ("a", 5.0, 3.0), ("b", 9.0, 4.0)]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=4), st.integers(0, 3))
def test_a_signal_does_not_depend_on_the_other_rows(texts: list[str], index: int) -> None:
    index %= len(texts)
    together = signals(answers(*texts))
    assert together[index].equals(signals(answers(texts[index])))
