"""What a method is: one algorithm of a stage, its parameters, its version, the libraries whose version it depends on.

Parameters are tagged `Measure` (they change what is measured: expensive) or `Decide` (they only change verdicts: cheap).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from typing import Annotated, Any, ClassVar, TypeVar

import polars as pl
from pydantic import BaseModel, ConfigDict

T = TypeVar("T")
MEASURE = "measure"
DECIDE = "decide"
Measure = Annotated[T, MEASURE]
"""A parameter that changes measured values: its change measures again."""
Decide = Annotated[T, DECIDE]
"""A parameter that changes only verdicts: its change re-decides from remembered measures."""


class Parameters(BaseModel):
    """Frozen, and unknown keys are refused: a typo in a recipe must not pass silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Method(Parameters):
    """One algorithm of a stage. Subclasses add fields, each tagged `Measure[...]` or `Decide[...]`."""

    version: ClassVar[str] = "1"
    """Raise when the same input may give another output."""
    uses: ClassVar[tuple[str, ...]] = ("polars",)
    """Distributions whose version belongs to the fingerprint."""
    pool: ClassVar[str] = ""
    """Name of something scarce that it needs while it works (`gpu`): the recipe's `compute.pools` says how many there are."""

    method: str

    def models(self) -> Mapping[str, str]:
        """Digests of the model files this method runs, by name: part of the fingerprint."""
        return {}

    def parameters(self, tag: str | None = None) -> dict[str, Any]:
        """Parameters as JSON values; only those with `tag` if one is given. Untagged fields count as `measure`: the safe side."""
        values = self.model_dump(mode="json", exclude={"method"})
        if tag is None:
            return values
        fields = type(self).model_fields
        return {key: value for key, value in values.items() if (DECIDE in fields[key].metadata) == (tag == DECIDE)}

    def identity(self) -> dict[str, Any]:
        """Who this method is, apart from its parameters: name, version, library versions, model digests."""
        return {
            "method": self.method,
            "class": f"{type(self).__module__}:{type(self).__qualname__}",
            "version": self.version,
            "libraries": {name: library_version(name) for name in self.uses},
            "models": dict(self.models()),
        }


@cache
def library_version(distribution: str) -> str:
    return metadata.version(distribution)


class Limit(Parameters):
    """A signal must lie within [minimum, maximum], ends included; a null signal passes (it does not apply)."""

    signal: str
    minimum: float | None = None
    maximum: float | None = None


class Rule(Method):
    """A filter: signals are measured, then each is held against its limits. User rules subclass this one."""

    def signals(self, documents: pl.DataFrame) -> pl.DataFrame:
        """Measure every document. Sees only `text` and `text_digest`; may not look at `Decide` parameters.

        Parameters
        ----------
        documents : (text_digest: String, text: String), text never null.

        Returns
        -------
        Rows in the same order, one numeric or boolean column per signal (no text_digest column).
        """
        raise TypeError(f"{type(self).__name__} must define signals()")

    def limits(self) -> tuple[Limit, ...]:
        """What the signals are held against, from the `Decide` parameters."""
        raise TypeError(f"{type(self).__name__} must define limits()")


class Edit(Method):
    """A rule that changes text and never drops a document. A barrier: what follows sees the edited text."""

    def parameters(self, tag: str | None = None) -> dict[str, Any]:
        """As `Method.parameters`, but an edit decides nothing: each of its parameters may change the text that is remembered."""
        return {} if tag == DECIDE else super().parameters()

    def edits(self, documents: pl.DataFrame) -> pl.DataFrame:
        """Find and apply edits: a function of the text alone, for what becomes of a text is remembered by its digest.

        Parameters
        ----------
        documents : (doc_id: String, text: String); `doc_id` names rows of this table and nothing else.

        Returns
        -------
        Only the changed documents: (doc_id: String, text: String, spans: List[document.SPAN] of the text before).
        """
        raise TypeError(f"{type(self).__name__} must define edits()")


class ModelUnavailable(RuntimeError):
    """A model that a recipe names cannot run here. Nothing falls back silently."""

    def __init__(self, method: str, package: str, weights: str, how_to_get: str, embedded_default: str) -> None:
        self.method, self.package, self.weights = method, package, weights
        self.how_to_get, self.embedded_default = how_to_get, embedded_default
        super().__init__(
            f"{method} needs the package {package!r} and {weights}. To get it: {how_to_get}. "
            f"What works offline instead: {embedded_default}."
        )


def import_method(path: str) -> type[Method]:
    """The method class behind `package.module:Class` or the name of an entry point in the group `data4llm.methods`.

    Raises
    ------
    ValueError
        If nothing of that name can be imported, or it is no Method.
    """
    if ":" in path:
        module_name, _, attribute = path.partition(":")
        try:
            found = getattr(importlib.import_module(module_name), attribute)
        except (ImportError, AttributeError) as error:
            msg = f"cannot import the method {path!r}: {error}"
            raise ValueError(msg) from error
    else:
        points = metadata.entry_points(group="data4llm.methods", name=path)
        if not points:
            msg = f"no method is called {path!r}"
            raise ValueError(msg)
        found = next(iter(points)).load()
    if not (isinstance(found, type) and issubclass(found, Method)):
        msg = f"{path!r} is not a data4llm Method"
        raise ValueError(msg)
    return found
