"""reStructuredText by docutils: its structure kept in plain form. Nothing a document says can open a file or a network address."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Literal

from pydantic import Field

from data4llm_assets.extracted_text import light_markup
from data4llm_assets.extracted_text.charset import decode
from data4llm_assets.extracted_text.extraction import FAULTS, Extracted, LimitedExtraction, Refused, plain_form, tidy
from data4llm_assets.method import Measure
from data4llm_assets.raw_crawl.source import Record

_ERROR = 3
_SPACE = re.compile(r"\s*\n\s*")
_ROLE = re.compile(r":(?:[A-Za-z][\w.+-]*:)+`~?!?([^`<]*?)\s*(?:<[^`>]*>)?`|`([^`<]+?)\s*(?:<[^`>]*>)?`_{0,2}|\|([^|]+)\|_{0,2}")
_INDENT = re.compile(r"^[ \t]*(?:(?:[-*+\u2022]|\w{1,3}[.)]|>)[ \t]+)*", re.MULTILINE)
_SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "halt_level": 5,
    # Errors stay in the tree, where they are counted; at a higher level docutils takes them out.
    "report_level": _ERROR,
    "syntax_highlight": "none",
    "smart_quotes": False,
    "doctitle_xform": False,
    "docinfo_xform": False,
    "sectsubtitle_xform": False,
    "embed_stylesheet": False,
    "tab_width": 8,
    "_disable_config": True,
}


class RestructuredText(LimitedExtraction):
    """Headings, lists, quotes, tables and code keep plain marks; roles, targets, comments and images go.

    Directives that docutils does not know (Sphinx's own) are dropped with what they hold and counted as errors; unknown roles keep
    their text.
    """

    version: ClassVar[str] = "3"
    uses: ClassVar[tuple[str, ...]] = ("docutils", "charset-normalizer")
    contained: ClassVar[bool] = False
    method: Literal["restructuredtext"] = "restructuredtext"
    max_bytes: Measure[int] = Field(2_000_000, ge=1, description="bytes of reStructuredText; docutils reads some 200 kB a second")
    max_depth: Measure[int] = Field(16, ge=1, description="levels of indentation; docutils recurses through a dozen calls for each")

    def extract(self, payload: bytes, record: Record) -> Extracted | Refused:
        if refused := self.oversize(payload):
            return refused
        source = plain_form(decode(payload, record.meta.get("charset")).text)
        depth = nesting(source)
        if depth > self.max_depth:
            return Refused("extracted_text.max_depth", "the text is nested too deeply", depth, self.max_depth)
        document = parse(source)
        from docutils import nodes

        errors = sum(message["level"] >= _ERROR for message in document.findall(nodes.system_message))
        meta = {FAULTS: str(errors)} if errors else {}
        return Extracted(tidy("\n\n".join(_Writer().blocks(document))), _title(document), meta=meta)


def parse(source: str) -> Any:
    """docutils' tree of a document. Its messages stand in the tree; nothing goes to the standard error stream."""
    from docutils.core import publish_doctree

    settings = {**_SETTINGS, "line_length_limit": len(source) + 1, "warning_stream": io.StringIO()}
    with _own_registries():
        return publish_doctree(source, settings_overrides=settings)


def nesting(source: str) -> int:
    """Bound on the depth of nested blocks: the most markers and indents, each deeper than the last, that one line stands under."""
    deepest = 0
    open_indents: list[int] = []
    for match in _INDENT.finditer(source):
        if source[match.end() : match.end() + 1] in ("\n", ""):
            continue
        text = match[0].expandtabs(8)
        marks = len(re.findall(r"\S+", text))
        outer = len(text) - len(text.lstrip())
        while open_indents and open_indents[-1] >= outer:
            open_indents.pop()
        if outer:
            open_indents.append(outer)
        deepest = max(deepest, len(open_indents) + marks)
    return deepest


@contextmanager
def _own_registries() -> Iterator[None]:
    """docutils keeps roles that a document defines for every later document of the process; and `date` prints today's."""
    from docutils.parsers.rst import Directive, directives, roles

    class Nothing(Directive):
        optional_arguments = 1
        final_argument_whitespace = True
        has_content = True

        def run(self) -> list[Any]:
            return []

    roles_before, directives_before = dict(roles._roles), dict(directives._directives)  # type: ignore[attr-defined]
    directives.register_directive("date", Nothing)
    try:
        yield
    finally:
        roles._roles.clear()  # type: ignore[attr-defined]
        roles._roles.update(roles_before)  # type: ignore[attr-defined]
        directives._directives.clear()  # type: ignore[attr-defined]
        directives._directives.update(directives_before)  # type: ignore[attr-defined]


def _title(document: Any) -> str | None:
    """The first section's title, if nothing but comments stands before it."""
    first = next((child for child in document.children if child.tagname not in _SILENT), None)
    return _inline(first.children[0]) or None if first is not None and first.tagname == "section" else None


class _Writer:
    """Walks docutils' tree; knows how deep in sections it is."""

    def __init__(self) -> None:
        self._level = 0

    def blocks(self, node: Any) -> list[str]:
        return [block for child in node.children for block in self.block(child) if block]

    def block(self, node: Any) -> list[str]:
        match node.tagname:
            case "section":
                self._level += 1
                blocks = self.blocks(node)
                self._level -= 1
                return blocks
            case "title":
                return [light_markup.heading(max(self._level, 1), _inline(node))]
            case "paragraph" | "term" | "attribution" | "rubric" | "caption" | "subtitle":
                return [_inline(node)]
            case "literal_block" | "doctest_block" | "math_block":
                classes = [name for name in node.get("classes", ()) if name not in ("code", "code-block")]
                return [light_markup.fenced(node.astext(), classes[0] if classes else "")]
            case "line_block":
                return ["\n".join(_lines(node, 0))]
            case "block_quote":
                return [light_markup.quoted(self.blocks(node))]
            case "bullet_list" | "enumerated_list":
                return [self._list(node)]
            case "definition_list_item":
                return self._definition(node)
            case "field" | "option_list_item":
                return [light_markup.listed([("-", [_labelled(node, self.blocks(node.children[-1]))])], tight=True)]
            case "table":
                return self._table(node)
            case "topic" if "contents" in node.get("classes", ()):
                return []
            case name if name in _SILENT:
                return []
            case name if name in _ADMONITIONS:
                return [f"{name.capitalize()}:", *self.blocks(node)]
            case _:
                return self.blocks(node) if hasattr(node, "children") and node.children else []

    def _list(self, node: Any) -> str:
        start = int(node.get("start", 1))
        ordered = node.tagname == "enumerated_list"
        items = [(f"{start + index}." if ordered else "-", self.blocks(item)) for index, item in enumerate(node.children)]
        return light_markup.listed(items, tight=all(len(blocks) <= 1 for _, blocks in items))

    def _definition(self, node: Any) -> list[str]:
        terms = [_inline(child) for child in node.children if child.tagname == "term"]
        blocks = [block for child in node.children if child.tagname == "definition" for block in self.blocks(child)]
        return [light_markup.listed([("-", [f"{', '.join(terms)}:", *blocks])], tight=len(blocks) <= 1)]

    def _table(self, node: Any) -> list[str]:
        from docutils import nodes

        rows, headers = [], 0
        for row in node.findall(nodes.row):
            headers += isinstance(row.parent, nodes.thead)
            rows.append([" ".join(self.blocks(entry)) for entry in row.children])
        titles = [_inline(child) for child in node.children if child.tagname == "title"]
        return [*titles, light_markup.table(rows, headers)] if rows else titles


_SILENT = frozenset({
    "comment", "decoration", "footer", "header", "image", "label", "meta", "pending", "raw", "substitution_definition",
    "system_message", "target", "transition",
})  # fmt: skip
_ADMONITIONS = frozenset({"attention", "caution", "danger", "error", "hint", "important", "note", "tip", "warning"})


def _inline(node: Any) -> str:
    return _SPACE.sub(" ", "".join(_span(child) for child in node.children)).strip()


def _span(node: Any) -> str:
    match node.tagname:
        case "#text":
            return str(node.astext())
        case "literal" | "math":
            return light_markup.inline_code(node.astext())
        case "problematic":
            # An unknown role or reference, as it was written: its text is what a reader would see.
            return _ROLE.sub(lambda match: match[1] or match[2] or match[3] or "", node.astext())
        case "image" | "target" | "raw" | "footnote_reference" | "citation_reference" | "system_message":
            return ""
        case _:
            return "".join(_span(child) for child in node.children)


def _labelled(node: Any, blocks: list[str]) -> str:
    label = _inline(node.children[0]) if node.tagname == "field" else node.children[0].astext()
    return f"{label}: " + "\n\n".join(blocks)


def _lines(node: Any, depth: int) -> Iterator[str]:
    for child in node.children:
        if child.tagname == "line_block":
            yield from _lines(child, depth + 1)
        else:
            yield "  " * depth + _inline(child)
