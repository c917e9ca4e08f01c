"""data4llm: a build system for LLM training data. `Corpus(recipe, store)` is the way in from Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data4llm_assets.corpus import Corpus

__all__ = ["Corpus"]


def __getattr__(name: str) -> Any:
    # Importing a method in a worker must not import every stage.
    if name == "Corpus":
        from data4llm_assets.corpus import Corpus

        return Corpus
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
