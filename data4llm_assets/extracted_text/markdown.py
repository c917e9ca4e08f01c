"""Markdown (CommonMark 0.31 with GitHub's tables) by markdown-it-py: its structure kept in plain form, its ornaments dropped."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from data4llm_assets.extracted_text import light_markup
from data4llm_assets.extracted_text.charset import decode
from data4llm_assets.extracted_text.extraction import Extracted, LimitedExtraction, Refused, plain_form, tidy
from data4llm_assets.method import Measure
from data4llm_assets.raw_crawl.source import Record

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.{0,20000}?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
_TITLE = re.compile(r"^title:[ \t]*[\"']?(.+?)[\"']?[ \t]*$", re.M)


class Markdown(LimitedExtraction):
    """Headings, lists, quotes, tables and code keep their marks; emphasis, link targets, images, raw HTML and front matter go."""

    version: ClassVar[str] = "2"
    uses: ClassVar[tuple[str, ...]] = ("markdown-it-py", "charset-normalizer")
    contained: ClassVar[bool] = False
    method: Literal["markdown"] = "markdown"
    max_bytes: Measure[int] = Field(5_000_000, ge=1, description="bytes of Markdown")

    def extract(self, payload: bytes, record: Record) -> Extracted | Refused:
        if refused := self.oversize(payload):
            return refused
        from markdown_it.tree import SyntaxTreeNode

        source = plain_form(decode(payload, record.meta.get("charset")).text)
        front = _FRONT_MATTER.match(source)
        title = _TITLE.search(front[1]) if front else None
        tree = SyntaxTreeNode(_parser().parse(source[front.end() :] if front else source))
        first = next((node for node in tree.children if node.type == "heading" and node.tag == "h1"), None)
        named = title[1] if title else _inline(first.children[0]) if first is not None and first.children else None
        return Extracted(tidy("\n\n".join(_blocks(tree))), named or None)


@cache
def _parser() -> Any:
    from markdown_it import MarkdownIt

    # The preset allows 20 levels of nesting: what is deeper is dropped by the parser, so recursion here is bounded.
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def _blocks(node: SyntaxTreeNode) -> list[str]:
    return [block for child in node.children for block in (_block(child),) if block]


def _block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "heading":
            text = _inline(node.children[0]) if node.children else ""
            return light_markup.heading(int(node.tag[1:]), text) if text else ""
        case "paragraph":
            return _inline(node.children[0]) if node.children else ""
        case "fence":
            return light_markup.fenced(node.content, node.info.strip().partition(" ")[0])
        case "code_block":
            return light_markup.fenced(node.content)
        case "html_block":
            return light_markup.without_tags(node.content)
        case "blockquote":
            return light_markup.quoted(blocks) if (blocks := _blocks(node)) else ""
        case "bullet_list" | "ordered_list":
            start = int(node.attrs.get("start", 1))
            markers = ("-" if node.type == "bullet_list" else f"{start + index}." for index in range(len(node.children)))
            items = [(marker, _blocks(item)) for marker, item in zip(markers, node.children, strict=True)]
            tight = all(block.hidden for item in node.children for block in item.children if block.type == "paragraph")
            return light_markup.listed(items, tight=tight)
        case "table":
            rows = [
                [_inline(cell.children[0]) if cell.children else "" for cell in row.children]
                for part in node.children
                for row in part.children
            ]
            return light_markup.table(rows)
        case _:
            return ""


def _inline(node: SyntaxTreeNode) -> str:
    return "".join(_span(child) for child in node.children).strip()


def _span(node: SyntaxTreeNode) -> str:
    match node.type:
        case "text" | "text_special":
            return node.content
        case "code_inline":
            return light_markup.inline_code(node.content)
        case "softbreak":
            # The author's line ends are the width of an editor, not part of the text.
            return " "
        case "hardbreak":
            return "\n"
        case "html_inline":
            return "\n" if node.content.lower().startswith("<br") else ""
        case "image":
            return ""
        case _:
            return "".join(_span(child) for child in node.children)
