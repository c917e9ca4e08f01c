from __future__ import annotations

from collections.abc import Sequence

import pytest
from pydantic import ValidationError

from data4llm_assets.models.language_model import Completion, Message, ModelFailed, ModelRefused, Sampling, complete_all


class Echo:
    def __init__(self, concurrency: int) -> None:
        self.concurrency = concurrency

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        text = messages[-1].content
        if text == "too long":
            raise ModelRefused(text)
        if text == "broken":
            raise ModelFailed(text)
        return Completion(text.upper(), "stop", 1, 1)


def say(*texts: str) -> list[list[Message]]:
    return [[Message("user", text)] for text in texts]


@pytest.mark.parametrize("concurrency", [1, 3])
def test_answers_come_in_the_order_of_the_questions_and_a_refusal_is_an_answer(concurrency: int) -> None:
    answers = complete_all(Echo(concurrency), say("a", "too long", "b", "c"), Sampling())
    assert [answer.text for answer in answers] == ["A", "", "B", "C"]
    assert [answer.finish_reason for answer in answers] == ["stop", "refused", "stop", "stop"]


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_failed_call_fails_the_batch(concurrency: int) -> None:
    with pytest.raises(ModelFailed, match="broken"):
        complete_all(Echo(concurrency), say("a", "broken", "b"), Sampling())


def test_sampling_refuses_a_seed_that_would_mean_a_random_one() -> None:
    with pytest.raises(ValidationError):
        Sampling(seed=2**32 - 1)
