"""What a language model is to this system: messages in, one completion out; and who it is, before it is loaded.

Here: the protocol, the sampling parameters, the errors. Not here: adapters, each in a file of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar, Literal, NamedTuple, Protocol

from pydantic import Field

from data4llm_assets.method import Measure, Method, Parameters

FinishReason = Literal["stop", "length", "refused"]
"""`stop`: the model ended its answer. `length`: it was cut off at `max_tokens`. `refused`: it will never answer this input."""


class Message(NamedTuple):
    role: Literal["system", "user", "assistant"]
    content: str


class Completion(NamedTuple):
    """One answer. Token counts are the model's own, 0 where a server reports none."""

    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int


class Sampling(Parameters):
    """How the next token is drawn. With `temperature` 0 the likeliest token is taken and `top_p` and `seed` play no part."""

    temperature: Measure[float] = Field(0.0, ge=0.0, le=2.0, description="0 takes the likeliest token: the most faithful")
    top_p: Measure[float] = Field(1.0, gt=0.0, le=1.0, description="draw from the likeliest tokens that hold this probability")
    max_tokens: Measure[int] = Field(128, ge=1, description="tokens per answer; one that reaches it is cut off")
    seed: Measure[int] = Field(0, ge=0, lt=2**31, description="of the draws")


class LanguageModel(Protocol):
    """A loaded model. `complete` is a function of its arguments as far as the model allows: never of earlier calls."""

    concurrency: int
    """How many calls are worth having under way at once."""

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """One answer to a conversation.

        Raises
        ------
        ModelRefused
            If this input will never be answered: too long for the context, or turned away by the server.
        ModelFailed
            If the model cannot answer now.
        """


class ModelIdentity(NamedTuple):
    """Who answers. Two models of one identity are expected to give the same answers."""

    name: str
    digest: str
    """Of the weights, or of what stands for them where they cannot be seen."""


class LanguageModelMethod(Method):
    """A recipe's entry for a language model: known by its identity without loading it, loaded by `load`."""

    pool: ClassVar[str] = "language_model"

    def identify(self) -> ModelIdentity:
        """Raises ModelUnavailable if the weights should be here and are not."""
        raise TypeError(f"{type(self).__name__} must define identify()")

    def batch(self) -> int:
        """How many calls are made and then remembered at a time: what a run that is cut off loses, at most."""
        return 32

    def load(self) -> LanguageModel:
        """Raises ModelUnavailable if a package, the weights or a credential is missing."""
        raise TypeError(f"{type(self).__name__} must define load()")

    def models(self) -> dict[str, str]:
        identity = self.identify()
        return {identity.name: identity.digest}


class ModelFailed(RuntimeError):
    """A model gave no answer, and may give one later."""


class ModelRefused(ModelFailed):
    """A model will not answer this input, however often it is asked."""


def complete_all(model: LanguageModel, conversations: Sequence[Sequence[Message]], sampling: Sampling) -> list[Completion]:
    """One answer to each conversation, in order. What a model refuses is an answer too: an empty one, `finish_reason` "refused".

    Raises
    ------
    ModelFailed
        If one call failed; those not yet begun are given up.
    """

    def answer(messages: Sequence[Message]) -> Completion:
        try:
            return model.complete(messages, sampling)
        except ModelRefused:
            return Completion("", "refused", 0, 0)

    if model.concurrency == 1 or len(conversations) < 2:
        return [answer(messages) for messages in conversations]
    with ThreadPoolExecutor(model.concurrency) as pool:
        waiting = [pool.submit(answer, messages) for messages in conversations]
        try:
            return [future.result() for future in waiting]
        except ModelFailed:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
