from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.document import digest
from data4llm_assets.synthesized.rephrase import PROMPTS, Rephrase, passages

TEXT = "A heading\nOne two three. Four costs $2.11, e.g. now!\n\nFive six seven eight. Nine ten eleven twelve."


def passage(text: str, draw: float, words: int) -> str:
    found: str = passages(pl.Series([text]), pl.Series([draw]), words)[0]
    return found


def test_a_passage_is_whole_sentences_from_the_start_of_a_paragraph() -> None:
    assert passage(TEXT, 0.01, 8) == "A heading\nOne two three."
    assert passage(TEXT, 0.99, 8) == "Five six seven eight. Nine ten eleven twelve."
    assert passage(TEXT, 0.99, 7) == "Five six seven eight."


def test_every_paragraph_with_enough_words_after_it_may_begin_one() -> None:
    drawn = {passage(TEXT, draw / 10 + 0.05, 8).split()[0] for draw in range(10)}
    assert drawn == {"A", "One", "Five"}


def test_a_short_text_is_its_own_passage_and_a_sentence_that_is_too_long_is_none() -> None:
    assert passage("Only this.", 0.9, 50) == "Only this."
    assert passage("word " * 60, 0.5, 50) == ""
    assert passage("", 0.5, 50) == ""


def test_sentences_of_scripts_without_spaces_end_too() -> None:
    assert passage("今天去公园。他很高兴！", 0.5, 6) == "今天去公园。"


@settings(max_examples=40, deadline=None)
@given(st.text("ab .!\n", max_size=80), st.floats(0.001, 0.999), st.integers(1, 12))
def test_a_passage_is_part_of_its_text_and_no_longer_than_asked(text: str, draw: float, words: int) -> None:
    found = passage(text, draw, words)
    assert " ".join(found.split()) in " ".join(text.split())
    assert len(found.replace(".", " ").replace("!", " ").split()) <= words


def documents(count: int) -> pl.DataFrame:
    ids = [f"{number:032x}" for number in range(count)]
    return pl.DataFrame(
        {"doc_id": ids, "text": ["Some words stand here. " * 20] * count}, schema={"doc_id": pl.String, "text": pl.String}
    )


def test_a_call_holds_the_instruction_of_its_style_and_the_passage() -> None:
    call = Rephrase(styles=("scholarly",), passage_words=12, least_words=4).calls(documents(1), seed=1).row(0, named=True)
    assert call["style"] == "scholarly"
    assert call["passage"] == "Some words stand here. Some words stand here. Some words stand here."
    assert call["messages"] == [
        {"role": "system", "content": PROMPTS["scholarly"]},
        {"role": "user", "content": call["passage"]},
    ]


def test_styles_are_drawn_by_document_and_seed_not_by_order() -> None:
    method = Rephrase(least_words=4)
    calls = method.calls(documents(200), seed=1).select("doc_id", "style")
    backwards = method.calls(documents(200).reverse(), seed=1).select("doc_id", "style")
    assert calls.equals(backwards.reverse())
    assert min(calls["style"].value_counts()["count"]) > 30
    assert not calls.equals(method.calls(documents(200), seed=2).select("doc_id", "style"))


def test_a_document_without_enough_words_is_not_asked_about() -> None:
    assert Rephrase(least_words=81).calls(documents(3), seed=1).is_empty()
    assert Rephrase().calls(documents(0), seed=1).is_empty()


def test_calls_are_as_ever_unless_the_version_says_otherwise() -> None:
    ids = [f"{number:032x}" for number in range(20)]
    texts = ["\n".join(f"Paragraph {part} of {number} says little. It ends." for part in range(9)) for number in range(20)]
    calls = Rephrase(passage_words=20, least_words=5).calls(pl.DataFrame({"doc_id": ids, "text": texts}), seed=3)
    assert (Rephrase.version, Rephrase.prompt_version) == ("1", "1")
    assert digest(calls.write_json()) == "09f5880091399ca8f5b6abe04a64ba33"


def test_judging_trims_the_answer_and_names_the_gate() -> None:
    passage = "The bridge opened in 1893 after a long time of building, and people of the town liked it very much at once."
    good = "Once it was built, which took long, the bridge opened in 1893; people in the town liked it."
    answers = pl.DataFrame(
        {
            "style": ["simple", "simple", "question_answer"],
            "passage": [passage] * 3,
            "text": [f"Here is the text:\n\n{good}", good.replace("1893", "1983"), good],
            "finish_reason": ["stop"] * 3,
        }
    )
    judged = Rephrase().judge(answers)
    assert judged["text"].to_list()[0] == good
    assert judged["gate"].to_list() == [None, "numbers", "form"]
    assert judged.row(1)[2:] == (1.0, 0.0)
