"""What a method of this stage is: it asks a language model about documents, and judges the answers.

Here: the contract, and the choice of documents that every method shares. Not here: what is asked (one file per method).
"""

from __future__ import annotations

import json
from typing import ClassVar

import polars as pl
from pydantic import Field

from data4llm_assets.document import digest, unit_hash
from data4llm_assets.method import Decide, Measure, Method
from data4llm_assets.models.language_model import ModelIdentity, Sampling

MESSAGES = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
CALLS = pl.Schema({"doc_id": pl.String(), "style": pl.String(), "passage": pl.String(), "messages": MESSAGES})
"""One question to the model: about which document, in which style, on which passage of it."""

JUDGEMENTS = pl.Schema({"text": pl.String, "gate": pl.String, "value": pl.Float64, "threshold": pl.Float64})
"""One answer as it would be published, and the gate it failed; `gate` is null if it passed them all."""


class Synthesis(Method):
    """Makes new documents from documents. Subclasses say what to ask and which answers are good."""

    prompt_version: ClassVar[str] = "1"
    """Raise when the wording of a prompt changes."""

    rate: Decide[float] = Field(0.1, ge=0, le=1, description="share of documents chosen, by seeded hash of the document")
    max_documents: Decide[int | None] = Field(8, ge=0, description="documents chosen per partition, at most; null for no limit")
    languages: Decide[tuple[str, ...]] = Field(("en",), description="languages the model writes; unknown ones are let through")
    sampling: Measure[Sampling] = Field(Sampling(), description="how the model draws its words")

    def calls(self, documents: pl.DataFrame, seed: int) -> pl.DataFrame:
        """What to ask about documents.

        Parameters
        ----------
        documents : (doc_id: String, text: String).

        Returns
        -------
        `CALLS`, in the order of the documents; none for a document that does not suit.
        """
        raise TypeError(f"{type(self).__name__} must define calls()")

    def judge(self, answers: pl.DataFrame) -> pl.DataFrame:
        """Trim the answers and hold them against the gates.

        Parameters
        ----------
        answers : `CALLS` and (text: String, finish_reason: String) as the model gave them.

        Returns
        -------
        `JUDGEMENTS`, rows in the same order.
        """
        raise TypeError(f"{type(self).__name__} must define judge()")

    def calls_at_most(self, documents: float) -> float:
        """How often the model is asked about a partition of so many documents: once for each that is chosen, unless a subclass
        asks oftener."""
        chosen = self.rate * documents
        return chosen if self.max_documents is None else min(chosen, self.max_documents)

    def style_names(self) -> tuple[str, ...]:
        """The styles that may come out, for the checks."""
        return ()


def choose(documents: pl.DataFrame, method: Synthesis, seed: int) -> pl.DataFrame:
    """The documents a method is asked about: those whose hash falls below `rate`, the lowest first, `max_documents` at most.

    Parameters
    ----------
    documents : (doc_id: String, language: String, ...), each once.

    Returns
    -------
    The chosen rows, in order of their hash: an order that has nothing to do with how the documents came in.
    """
    language = pl.col("language").str.to_lowercase().str.split("-").list.first()
    draw = unit_hash(seed, f"{method.method}.choose", documents["doc_id"].to_list())
    chosen = (
        documents.with_columns(draw.alias("draw"))
        .filter((pl.col("draw") < method.rate) & language.is_in(method.languages).fill_null(True))
        .sort("draw", "doc_id")
    )
    return chosen.drop("draw") if method.max_documents is None else chosen.head(method.max_documents).drop("draw")


def synthetic() -> pl.Expr:
    """Whether a document was written by a model: its meta names its parents."""
    keys = pl.col("meta").list.eval(pl.element().struct.field("key") == "parents")
    return keys.list.any().fill_null(False)


def call_digests(calls: pl.DataFrame, method: Synthesis, model: ModelIdentity) -> pl.Series:
    """What makes each call: equal digests are the same question to the same model, and need one answer."""
    fixed = (method.prompt_version, model.name, model.digest, sampling_json(method.sampling))
    asked = [json.dumps(messages, ensure_ascii=False, sort_keys=True) for messages in calls["messages"].to_list()]
    return pl.Series("call", [digest("call", *fixed, messages) for messages in asked], dtype=pl.String)


def sampling_json(sampling: Sampling) -> str:
    return json.dumps(sampling.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
