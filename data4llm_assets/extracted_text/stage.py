"""The stage `extracted_text`: from payloads to text, one method for each kind of text. Text is written here, and only once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import BeforeValidator, Field, SerializeAsAny

from data4llm_assets.document import DECISIONS, DOCUMENTS
from data4llm_assets.extracted_text import checks, glossary
from data4llm_assets.extracted_text.code import Code
from data4llm_assets.extracted_text.documents import extract_documents, extracted
from data4llm_assets.extracted_text.extraction import Extracted, Extraction
from data4llm_assets.extracted_text.markdown import Markdown
from data4llm_assets.extracted_text.plain import Plain
from data4llm_assets.extracted_text.resiliparse import Resiliparse
from data4llm_assets.extracted_text.restructuredtext import RestructuredText
from data4llm_assets.extracted_text.trafilatura import Trafilatura
from data4llm_assets.method import import_method
from data4llm_assets.node import Bench, Node, Place, Read, Ref, Section, StepName, Trial, Verdict, View, Work
from data4llm_assets.raw_crawl import media_type
from data4llm_assets.raw_crawl.source import Record, payload_digest
from data4llm_assets.raw_crawl.stage import readings

_METHODS: dict[str, type[Extraction]] = {
    "trafilatura": Trafilatura, "resiliparse": Resiliparse, "markdown": Markdown, "restructuredtext": RestructuredText,
    "plain": Plain, "code": Code,
}  # fmt: skip


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


class ExtractedText(Section):
    """Which method extracts which kind of text. Null: records of that kind are dropped, each with a decision."""

    stage: Literal["extracted_text"] = "extracted_text"
    name: StepName = "extracted_text"
    html: Annotated[SerializeAsAny[Extraction], BeforeValidator(_chosen("trafilatura"))] | None = Field(
        Trafilatura(), description="for web pages, HTML and XHTML"
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
    media_types: dict[str, Literal["html", "markdown", "restructuredtext", "plain", "code"]] = Field(
        default_factory=dict, description="further media types, and as which kind their records are extracted"
    )

    def by_media_type(self) -> dict[str, Extraction]:
        kinds = {
            media_type.HTML: "html",
            media_type.XHTML: "html",
            media_type.MARKDOWN: "markdown",
            media_type.RESTRUCTURED_TEXT: "restructuredtext",
            media_type.PLAIN: "plain",
            media_type.CODE: "code",
            **self.media_types,
        }
        return {name: method for name, kind in kinds.items() if (method := getattr(self, kind)) is not None}

    def nodes(self, place: Place) -> tuple[Node, ...]:
        records, methods = place.view.kept, self.by_media_type()

        def make(work: Work) -> None:
            source = place.sources[work.partition.source]
            # Parsers recurse. In a thread of their own they always start with an empty stack, so that a document is beyond Python's
            # recursion limit or not whoever called; what they give must not hang on that.
            with ThreadPoolExecutor(max_workers=1, thread_name_prefix="parsers") as own_stack:
                metrics = own_stack.submit(extract_documents, work, source, records, methods, work.write).result()
            for frame, rows in metrics.items():
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
            settings={
                "media_types": dict(self.media_types),
                # By kind: two kinds may share a method with other parameters.
                "methods": {kind: {"method": method.method, **method.parameters()} for kind, method in self._parts().items()},
            },
            by_source=readings(place),
            methods=tuple({method.method: method for method in self._parts().values()}.values()),
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
        method = self.by_media_type().get(row["media_type"])
        if method is None:
            note = f"the recipe extracts no {row['media_type']}"
            return Trial((Verdict("extracted_text.unsupported", row["media_type"], None, None, "drop", note),))
        payload = (row["text"] or "").encode("utf-8", "replace")
        digest = payload_digest(payload)
        # The text came as characters: whatever charset its bytes once had, they are UTF-8 now.
        meta = {**{item["key"]: item["value"] for item in row["meta"] or ()}, "charset": "utf-8"}
        locator = row["locator"] or ""
        found = extracted(
            method, Record((locator, digest), locator, locator, payload, digest, row["media_type"], row["url"], meta=meta)
        )
        if not isinstance(found, Extracted):
            return Trial((Verdict(found.rule, found.value, None, found.threshold, "drop", found.reason),))
        size = float(len(found.text.encode()))
        note = f"bytes of text out of {len(payload)}" + (f"; title {found.title!r}" if found.title else "")
        return Trial((Verdict(f"extracted_text.{method.method}", size, None, None, "keep", note),), found.text)

    def _parts(self) -> dict[str, Extraction]:
        named = ("html", "markdown", "restructuredtext", "plain", "code")
        return {name: method for name in named if (method := getattr(self, name)) is not None}
