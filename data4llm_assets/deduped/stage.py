"""The stage `deduped`: its section of the recipe, and its three nodes. Here is no dependency but Polars and Pydantic.

`signatures` measures every document of a partition; `duplicates` folds over all of them in order of arrival; `deduped` applies
the verdicts to a partition, without its text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import BeforeValidator, Discriminator, Field, SerializeAsAny, Tag, field_validator

from data4llm_assets.deduped import checks
from data4llm_assets.deduped.exact import Exact
from data4llm_assets.deduped.matching import Matching
from data4llm_assets.deduped.minhash import MinHash
from data4llm_assets.deduped.partitions import settle, sign
from data4llm_assets.deduped.tables import CLUSTERS, VERDICTS, signature_schema
from data4llm_assets.document import DECISIONS, KEPT
from data4llm_assets.method import import_method
from data4llm_assets.node import Bench, Node, Place, Read, Ref, Section, StepName, Trial, View, Work

_BUILT_IN = ("exact", "minhash")


def _kind(value: Any) -> str:
    method = value.get("method") if isinstance(value, Mapping) else getattr(value, "method", None)
    return method if method in _BUILT_IN else "other"


def _imported(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    found = import_method(str(value.get("method")))
    if not issubclass(found, Matching):
        msg = f"{value.get('method')!r} is no method of deduplication: it must be a Matching"
        raise ValueError(msg)
    return found.model_validate(value)


AnyMatching = Annotated[
    Annotated[Exact, Tag("exact")]
    | Annotated[MinHash, Tag("minhash")]
    | Annotated[SerializeAsAny[Matching], BeforeValidator(_imported), Tag("other")],
    Discriminator(_kind),
]


class Deduped(Section):
    """Drop what repeats an earlier document."""

    stage: Literal["deduped"] = "deduped"
    name: StepName = "deduped"
    methods: tuple[AnyMatching, ...] = Field((Exact(), MinHash()), min_length=1, description="the finest first")
    rule: Literal["first_kept"] = Field(
        "first_kept", description="a document is dropped if and only if it matches an earlier document that was kept"
    )
    scope: Literal["corpus", "snapshot"] = Field(
        "corpus", description="against which earlier documents: all, or those of the same snapshot (FineWeb)"
    )

    @field_validator("methods")
    @classmethod
    def _distinct(cls, methods: tuple[Matching, ...]) -> tuple[Matching, ...]:
        labels = [method.label for method in methods]
        if len(set(labels)) < len(labels):
            msg = f"each method may stand once: {', '.join(labels)}"
            raise ValueError(msg)
        return methods

    def nodes(self, place: Place) -> tuple[Node, ...]:
        signed, judged = Ref(place.sub("signatures"), "signatures"), Ref(place.sub("duplicates"), "verdicts")
        signatures = Node(
            name=signed.node,
            stage="deduped",
            function="deduped.signatures",
            version="1",
            grain="grid",
            make=lambda work: sign(work, self.methods),
            description="Digests, MinHash bands and shingle counts of every document",
            tables=("signatures",),
            schemas={"signatures": signature_schema(self.methods)},
            view=place.view,
            measures=self.methods,
            expectations=checks.signatures(),
            kinds=("polars", "numba", "parquet"),
        )
        duplicates = Node(
            name=judged.node,
            stage="deduped",
            function="deduped.duplicates",
            version="1",
            grain="corpus",
            make=lambda work: fold(work, signed, self),
            description="Which documents repeat an earlier kept one, over all snapshots in order of arrival",
            tables=("verdicts", "clusters"),
            schemas={"verdicts": VERDICTS, "clusters": CLUSTERS},
            reads=(Read(signed, "all"),),
            view=place.view,
            view_across="all",
            settings={"order": [method.label for method in self.methods], "rule": self.rule, "scope": self.scope},
            methods=self.methods,
            expectations=checks.duplicates(),
            kinds=("polars", "numba", "parquet"),
        )
        step = Node(
            name=place.name,
            stage="deduped",
            function="deduped.deduped",
            version="1",
            grain="grid",
            make=lambda work: settle(work, judged),
            description="Documents that repeat no earlier kept one",
            tables=("kept", "decisions"),
            schemas={"kept": KEPT, "decisions": DECISIONS},
            reads=(Read(judged, "own"),),
            view=place.view,
            takes=place.view.kept,
            retention=place.retention,
            expectations=checks.deduped(),
        )
        return signatures, duplicates, step

    def after(self, place: Place) -> View:
        return place.view.then(kept=Ref(place.name, "kept"))

    def trial(self, place: Place, document: pl.DataFrame, bench: Bench) -> Trial:
        """The most similar document that stands, by each method; nothing is written."""
        from data4llm_assets.deduped.trial import compare

        return compare(self.methods, place, document, bench)


def fold(work: Work, signatures: Ref, section: Deduped) -> None:
    from data4llm_assets.deduped import snapshots

    snapshots.fold(work, signatures, section.methods, section.scope)
