"""The stage `deduped`: its section of the recipe, and its three nodes. Here is no dependency but Polars and Pydantic.

`signatures` measures every document of a partition; `duplicates` folds over all of them in order of arrival; `deduped` applies
the verdicts to a partition, and reads only the texts that it edits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

import polars as pl
from pydantic import BeforeValidator, Discriminator, Field, SerializeAsAny, Tag, field_validator, model_validator

from data4llm_assets.deduped import checks, glossary
from data4llm_assets.deduped.alone import Alone, Excising
from data4llm_assets.deduped.bff import Bff
from data4llm_assets.deduped.deduplication import Deduplication
from data4llm_assets.deduped.exact import Exact
from data4llm_assets.deduped.lines import Lines
from data4llm_assets.deduped.matching import Matching
from data4llm_assets.deduped.minhash import MinHash
from data4llm_assets.deduped.minhash_bloom import MinHashBloom
from data4llm_assets.deduped.paragraphs import Paragraphs
from data4llm_assets.deduped.partitions import settle, settle_edited, sign
from data4llm_assets.deduped.substring import Substring
from data4llm_assets.deduped.tables import CLUSTERS, SPANS, VERDICTS, KeepRule, Scope, signature_schema
from data4llm_assets.deduped.url import Url
from data4llm_assets.document import DECISIONS, KEPT, OVERLAY
from data4llm_assets.method import import_method
from data4llm_assets.node import Bench, Node, Place, Read, Ref, Section, StepName, Trial, View, Work

METHODS: Mapping[str, type[Deduplication]] = {
    "url": Url,
    "exact": Exact,
    "minhash": MinHash,
    "lines": Lines,
    "paragraphs": Paragraphs,
    "substring": Substring,
    "minhash_bloom": MinHashBloom,
    "bff": Bff,
}
"""Built in; any other `method` is a user's own: `package.module:Class`, or an entry point."""

_WITHIN: Mapping[Scope, str] = {"corpus": "of the corpus", "snapshot": "of its snapshot", "shard": "of its shard and snapshot"}


def _kind(value: Any) -> str:
    method = value.get("method") if isinstance(value, Mapping) else getattr(value, "method", None)
    return str(method) if method in METHODS else "other"


def _imported(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    found = import_method(str(value.get("method")))
    if not issubclass(found, (Matching, Alone)):
        msg = f"{value.get('method')!r} is no method of deduplication: it must be a Matching or an Alone"
        raise ValueError(msg)
    return found.model_validate(value)


AnyMethod = Annotated[
    Annotated[Url, Tag("url")]
    | Annotated[Exact, Tag("exact")]
    | Annotated[MinHash, Tag("minhash")]
    | Annotated[Lines, Tag("lines")]
    | Annotated[Paragraphs, Tag("paragraphs")]
    | Annotated[Substring, Tag("substring")]
    | Annotated[MinHashBloom, Tag("minhash_bloom")]
    | Annotated[Bff, Tag("bff")]
    | Annotated[SerializeAsAny[Deduplication], BeforeValidator(_imported), Tag("other")],
    Discriminator(_kind),
]


class Deduped(Section):
    """Drop what repeats an earlier document."""

    stage: Literal["deduped"] = "deduped"
    name: StepName = "deduped"
    methods: tuple[AnyMethod, ...] = Field(
        (Exact(), MinHash()),
        min_length=1,
        description="those that compare documents (url, exact, minhash), the finest first; or one other, alone in its step",
    )
    rule: KeepRule = Field(
        "first_kept",
        description="first_kept: a document is dropped if and only if it matches an earlier one that was kept; components: all but "
        "the first of what matches connect, however indirectly, as other systems do, and decided anew over the whole corpus",
    )
    scope: Scope = Field(
        "corpus", description="against which earlier documents: all, those of its snapshot (FineWeb), or of its shard therein"
    )

    @field_validator("methods")
    @classmethod
    def _distinct(cls, methods: tuple[Deduplication, ...]) -> tuple[Deduplication, ...]:
        labels = [method.label for method in methods]
        if len(set(labels)) < len(labels):
            msg = f"each method may stand once: {', '.join(labels)}"
            raise ValueError(msg)
        if len(methods) > 1 and (lonely := [method.label for method in methods if isinstance(method, Alone)]):
            msg = f"{lonely[0]} stands alone: give it a step of its own, `stage: deduped` under another `name`"
            raise ValueError(msg)
        return methods

    @model_validator(mode="after")
    def _consistent(self) -> Deduped:
        if self.rule != "first_kept" and self._alone() is not None:
            msg = f"rule: {self.rule} is for methods that compare documents; {self.methods[0].label} is none"
            raise ValueError(msg)
        if self.scope != "corpus" and any(isinstance(method, Url) and method.keep == "newest" for method in self.methods):
            msg = f"url with keep: newest compares snapshots, and scope: {self.scope} does not"
            raise ValueError(msg)
        return self

    def nodes(self, place: Place) -> tuple[Node, ...]:
        signed, judged = Ref(place.sub("signatures"), "signatures"), Ref(place.sub("duplicates"), "verdicts")
        signatures = Node(
            name=signed.node,
            stage="deduped",
            function="deduped.signatures",
            version="1",
            grain="grid",
            make=lambda work: sign(work, self.methods),
            description="What repeats are found by: a few numbers for every document, measured once for each text "
            f"({', '.join(method.label for method in self.methods)}).",
            tables=("signatures",),
            schemas={"signatures": signature_schema(self.methods)},
            view=place.view,
            measures=self.methods,
            expectations=checks.signatures(),
            glossary=glossary.signatures(self.methods),
            kinds=("polars", "numba", "parquet"),
        )
        alone = self._alone()
        if alone is None:
            return signatures, *self._comparing(place, signed, judged)
        return signatures, *self._judging(place, alone, signed, judged)

    def _alone(self) -> Alone | None:
        return self.methods[0] if isinstance(self.methods[0], Alone) else None

    def _comparing(self, place: Place, signed: Ref, judged: Ref) -> tuple[Node, ...]:
        """The methods that compare pairs of documents, all in one fold."""
        duplicates = Node(
            name=judged.node,
            stage="deduped",
            function="deduped.duplicates",
            version="2",
            grain="corpus",
            make=lambda work: fold(work, signed, self),
            description=f"Which documents repeat an earlier one {_WITHIN[self.scope]}, in order of arrival. A match "
            "counts once it is verified, and what goes is audited: compared once more on the texts themselves.",
            tables=("verdicts", "clusters"),
            schemas={"verdicts": VERDICTS, "clusters": CLUSTERS},
            reads=(Read(signed, "all"),),
            view=place.view,
            view_across="all",
            settings={"order": [method.label for method in self.methods], "rule": self.rule, "scope": self.scope},
            methods=self.methods,
            expectations=checks.duplicates(),
            glossary=glossary.COMPARED,
            kinds=("polars", "numba", "parquet"),
        )
        step = Node(
            name=place.name,
            stage="deduped",
            function="deduped.deduped",
            version="1",
            grain="grid",
            make=lambda work: settle(work, judged, names_partner=True, compares=bool(self._comparers())),
            description="Documents that repeat no earlier one, and for each of the others the one that it repeats.",
            tables=("kept", "decisions"),
            schemas={"kept": KEPT, "decisions": DECISIONS},
            reads=(Read(judged, "own"),),
            view=place.view,
            takes=place.view.kept,
            retention=place.retention,
            expectations=checks.deduped(),
            glossary=glossary.SETTLED,
        )
        return duplicates, step

    def _judging(self, place: Place, method: Alone, signed: Ref, judged: Ref) -> tuple[Node, ...]:
        """A method that stands alone; what it takes out of texts, the step lays over them."""
        method = method.at(place)
        spans, overlay = {"spans": SPANS}, {"overlay": OVERLAY}
        edits = isinstance(method, Excising)
        duplicates = Node(
            name=judged.node,
            stage="deduped",
            function=f"deduped.{method.label}",
            version="1",
            grain="corpus",
            make=lambda work: method.judge(work, signed, self.scope),
            description=f"What repeats an earlier document {_WITHIN[self.scope]}, in order of arrival.",
            tables=("verdicts", *(spans if edits else ())),
            schemas={"verdicts": VERDICTS, **(spans if edits else {})},
            reads=(Read(signed, "all"),),
            view=place.view,
            view_across="all",
            settings={"scope": self.scope},
            methods=(method,),
            expectations=(*checks.alone(), *method.expectations()),
            glossary=glossary.judged(method),
            kinds=("polars", "numba", "parquet"),
        )
        names_partner, taken = method.promises.names_partner, Ref(judged.node, "spans")
        step = Node(
            name=place.name,
            stage="deduped",
            function="deduped.edited" if edits else "deduped.deduped",
            version="1",
            grain="grid",
            make=(lambda work: settle_edited(work, judged, taken, cast(Excising, method)))
            if edits
            else (lambda work: settle(work, judged, names_partner=names_partner, compares=False)),
            description="Documents without the text that they repeat, and what was taken out of them."
            if edits
            else "Documents that repeat no earlier one, and why the others went.",
            tables=("kept", "decisions", *(overlay if edits else ())),
            schemas={"kept": KEPT, "decisions": DECISIONS, **(overlay if edits else {})},
            reads=(Read(judged, "own"), *((Read(taken, "own"),) if edits else ())),
            view=place.view,
            methods=self.methods if edits else (),
            takes=place.view.kept,
            retention=place.retention,
            expectations=checks.deduped(),
            glossary=glossary.SETTLED,
        )
        return duplicates, step

    def after(self, place: Place) -> View:
        overlay = Ref(place.name, "overlay") if isinstance(self._alone(), Excising) else None
        return place.view.then(kept=Ref(place.name, "kept"), overlay=overlay)

    def trial(self, place: Place, document: pl.DataFrame, bench: Bench) -> Trial:
        """The most similar document that stands, by each method; nothing is written."""
        from data4llm_assets.deduped.trial import compare

        if (alone := self._alone()) is not None:
            return alone.trial(place, document, bench)
        return compare(self.methods, place, document, bench)

    def _comparers(self) -> tuple[Matching, ...]:
        return tuple(method for method in self.methods if isinstance(method, Matching))


def fold(work: Work, signatures: Ref, section: Deduped) -> None:
    from data4llm_assets.deduped import snapshots

    url = next((method for method in section.methods if isinstance(method, Url)), None)
    snapshots.fold(work, signatures, section._comparers(), url, section.scope, section.rule)
