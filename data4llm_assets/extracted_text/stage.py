"""The stage `extracted_text`: from payloads to text, one method for each kind of text. Text is written here, and only once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, get_args

import polars as pl
from pydantic import BeforeValidator, Field, SerializeAsAny

from data4llm_assets.document import DECISIONS, DOCUMENTS
from data4llm_assets.extracted_text import checks, glossary
from data4llm_assets.extracted_text.auto import Auto
from data4llm_assets.extracted_text.blocks import Blocks
from data4llm_assets.extracted_text.bte import BTE
from data4llm_assets.extracted_text.code import Code
from data4llm_assets.extracted_text.documents import extract_documents, extracted
from data4llm_assets.extracted_text.dragnet import Dragnet
from data4llm_assets.extracted_text.extraction import Extracted, Extraction
from data4llm_assets.extracted_text.justext import JusText
from data4llm_assets.extracted_text.markdown import Markdown
from data4llm_assets.extracted_text.plain import Plain
from data4llm_assets.extracted_text.raw import Raw
from data4llm_assets.extracted_text.readability import Readability
from data4llm_assets.extracted_text.resiliparse import Resiliparse
from data4llm_assets.extracted_text.restructuredtext import RestructuredText
from data4llm_assets.extracted_text.site_recipe import SiteRecipe
from data4llm_assets.extracted_text.trafilatura import Trafilatura
from data4llm_assets.extracted_text.web_page import WebExtraction
from data4llm_assets.method import Parameters, import_method
from data4llm_assets.node import Bench, Node, Place, Read, Ref, Section, StepName, Trial, Verdict, View, Work
from data4llm_assets.raw_crawl import media_type
from data4llm_assets.raw_crawl.source import Record, payload_digest
from data4llm_assets.raw_crawl.stage import readings

_METHODS: dict[str, type[Extraction]] = {
    "auto": Auto, "blocks": Blocks, "trafilatura": Trafilatura, "resiliparse": Resiliparse, "justext": JusText,
    "readability": Readability, "bte": BTE, "dragnet": Dragnet, "recipe": SiteRecipe, "raw": Raw,
    "markdown": Markdown, "restructuredtext": RestructuredText, "plain": Plain, "code": Code,
}  # fmt: skip
WEB_METHODS: dict[str, type[WebExtraction]] = {
    name: method for name, method in _METHODS.items() if issubclass(method, WebExtraction) and method is not SiteRecipe
}
"""Engines for web pages, by name, but for the one that knows nothing of pages until a recipe names their selectors."""
Kind = Literal["html", "markdown", "restructuredtext", "plain", "code"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def _chosen(default: str) -> Callable[[Any], Any]:
    """Validates `{method: name, ...}` by the class of that name; without a name, by that of `default`."""

    def choose(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        name = str(value.get("method", default))
        found = _METHODS.get(name) or import_method(name)
        if not issubclass(found, Extraction):
            msg = f"{name!r} extracts no text: it is no Extraction"
            raise ValueError(msg)
        return found.model_validate(value)

    return choose


class Kinds(Parameters):
    """Which method extracts which kind of text. Null: records of that kind are dropped, each with a decision."""

    html: Annotated[SerializeAsAny[Extraction], BeforeValidator(_chosen("auto"))] | None = Field(
        Auto(), description="for web pages, HTML and XHTML"
    )
    markdown: Annotated[SerializeAsAny[Extraction], BeforeValidator(_chosen("markdown"))] | None = Field(
        Markdown(), description="for Markdown"
    )
    restructuredtext: Annotated[SerializeAsAny[Extraction], BeforeValidator(_chosen("restructuredtext"))] | None = Field(
        RestructuredText(), description="for reStructuredText"
    )
    plain: Annotated[SerializeAsAny[Extraction], BeforeValidator(_chosen("plain"))] | None = Field(
        Plain(), description="for plain text"
    )
    code: Annotated[SerializeAsAny[Extraction], BeforeValidator(_chosen("code"))] | None = Field(
        Code(), description="for source code"
    )
    media_types: dict[str, Kind] = Field(
        default_factory=dict, description="further media types, and as which kind their records are extracted"
    )

    def methods(self) -> dict[Kind, Extraction]:
        """By kind; two kinds may share a method with other parameters."""
        return {kind: method for kind in KINDS if (method := getattr(self, kind)) is not None}

    def by_media_type(self) -> dict[str, Extraction]:
        kinds: dict[str, Kind] = {
            media_type.HTML: "html",
            media_type.XHTML: "html",
            media_type.MARKDOWN: "markdown",
            media_type.RESTRUCTURED_TEXT: "restructuredtext",
            media_type.PLAIN: "plain",
            media_type.CODE: "code",
            **self.media_types,
        }
        methods = self.methods()
        return {name: methods[kind] for name, kind in kinds.items() if kind in methods}


class ExtractedText(Section, Kinds):
    """Which method extracts which kind of text. Null: records of that kind are dropped, each with a decision."""

    stage: Literal["extracted_text"] = "extracted_text"
    name: StepName = "extracted_text"
    sources: dict[str, Kinds] = Field(
        default_factory=dict, description="by source: kinds that are extracted otherwise there; what is not named stays as above"
    )

    def of_source(self, source: str) -> Kinds:
        """What holds for a source: the section's own methods, but for those that `sources` names."""
        everywhere = {name: getattr(self, name) for name in Kinds.model_fields}
        own = self.sources.get(source, Kinds())
        named = {name: getattr(own, name) for name in own.model_fields_set}
        return Kinds(**{**everywhere, **named, "media_types": {**self.media_types, **own.media_types}})

    def nodes(self, place: Place) -> tuple[Node, ...]:
        records, read = place.view.kept, readings(place)
        kinds = {source: self.of_source(source) for source in place.sources}
        methods = {source: tuple(own.methods().values()) for source, own in kinds.items()}

        def make(work: Work) -> None:
            source = work.partition.source
            chosen = kinds[source].by_media_type()
            for frame, rows in extract_documents(work, place.sources[source], records, chosen, work.write).items():
                work.metric(frame, rows)

        node = Node(
            name=place.name,
            stage=self.stage,
            function="extracted_text",
            version="1",
            grain="grid",
            make=make,
            description="The text of every record that has one, and why the others have none. Text is written here, and only once: "
            "later steps say who stays, and keep what they edit.",
            tables=("documents", "decisions"),
            schemas={"documents": DOCUMENTS, "decisions": DECISIONS},
            reads=(Read(records),),
            lists_sources=True,
            by_source={
                source: {
                    **read[source],
                    "media_types": dict(own.media_types),
                    "methods": {kind: {"method": method.method, **method.parameters()} for kind, method in own.methods().items()},
                }
                for source, own in kinds.items()
            },
            methods=_distinct(method for every in methods.values() for method in every),
            methods_by_source=methods,
            takes=records,
            keeps="documents",
            retention=place.retention,
            expectations=checks.documents(),
            glossary=glossary.GLOSSARY,
        )
        return (node,)

    def after(self, place: Place) -> View:
        documents = Ref(place.name, "documents")
        return place.view.then(kept=documents, text=documents)

    def trial(self, place: Place, document: pl.DataFrame, bench: Bench) -> Trial:
        row = document.row(0, named=True)
        method = self.of_source(row["source"]).by_media_type().get(row["media_type"])
        if method is None:
            note = f"the recipe extracts no {row['media_type']}"
            return Trial((Verdict("extracted_text.unsupported", row["media_type"], None, None, "drop", note),))
        payload = (row["text"] or "").encode("utf-8", "replace")
        digest = payload_digest(payload)
        # The text came as characters: whatever charset its bytes once had, they are UTF-8 now.
        meta = {**{item["key"]: item["value"] for item in row["meta"] or ()}, "charset": "utf-8"}
        locator = row["locator"] or ""
        record = Record((locator, digest), locator, locator, payload, digest, row["media_type"], row["url"], meta=meta)
        found = extracted(method, record)
        if not isinstance(found, Extracted):
            return Trial((Verdict(found.rule, found.value, None, found.threshold, "drop", found.reason),))
        size = float(len(found.text.encode()))
        note = f"bytes of text out of {len(payload)}" + (f"; title {found.title!r}" if found.title else "")
        told = tuple(Verdict(f"extracted_text.{key}", None, None, None, "info", value) for key, value in sorted(found.meta.items()))
        size_told = Verdict(f"extracted_text.{method.method}", size, None, None, "keep", note)
        return Trial((size_told, *told), found.text, method.judged(payload, record))


def _distinct(methods: Iterable[Extraction]) -> tuple[Extraction, ...]:
    """Each once. Parameters may be mappings, which have no hash."""
    found: list[Extraction] = []
    for method in methods:
        if method not in found:
            found.append(method)
    return tuple(found)
