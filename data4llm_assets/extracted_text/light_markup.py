"""The plain form that marked-up text is written in: headings with `#`, lists with `-` and numbers, fenced code, tables with bars.

Structure a reader would see stays visible; what only a browser would use (links' targets, images, styles) is gone.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

_SILENT = re.compile(r"<(script|style|svg)\b.*?</\1\s*>|<!--.*?-->", re.I | re.S)
_BREAKING = re.compile(r"</?(?:p|div|br|hr|li|ul|ol|tr|table|h[1-6]|blockquote|pre|details|summary|dt|dd)\b[^>]*>", re.I)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<[!?][^<>]*>")
_SPACE = re.compile(r"[^\S\n]+")
_TICKS = re.compile(r"`+")


def heading(level: int, text: str) -> str:
    return f"{'#' * min(level, 6)} {text}"


def fenced(code: str, language: str = "") -> str:
    """Code between fences longer than any run of backticks in it."""
    fence = "`" * max(3, 1 + max((len(run) for run in _TICKS.findall(code)), default=0))
    return f"{fence}{language}\n{code.rstrip()}\n{fence}"


def inline_code(code: str) -> str:
    return f"`{code}`" if "`" not in code else f"`` {code} ``"


def quoted(blocks: Iterable[str]) -> str:
    return "\n".join(f"> {line}".rstrip() for line in "\n\n".join(blocks).split("\n"))


def listed(items: Iterable[tuple[str, Sequence[str]]], *, tight: bool) -> str:
    """A list of (marker, blocks): what follows an item's first line is indented under its text."""
    written = []
    for marker, blocks in items:
        inner = ("\n" if tight else "\n\n").join(blocks)
        indent = " " * (len(marker) + 1)
        written.append(f"{marker} " + "\n".join(indent + line if line else line for line in inner.split("\n")).removeprefix(indent))
    return ("\n" if tight else "\n\n").join(written)


def table(rows: Sequence[Sequence[str]], headers: int = 1) -> str:
    """Rows of cells between bars, with a rule under the first `headers` rows."""
    lines = ["| " + " | ".join(_SPACE.sub(" ", cell.replace("\n", " ")).strip() for cell in row) + " |" for row in rows]
    if headers and len(rows) > headers:
        lines.insert(headers, "|" + " --- |" * max(len(row) for row in rows))
    return "\n".join(lines)


def without_tags(markup: str) -> str:
    """The text in a piece of HTML: scripts, styles and comments go with their content, other elements without it."""
    text = _TAG.sub("", _BREAKING.sub("\n", _SILENT.sub("", markup)))
    lines = (_SPACE.sub(" ", line).strip() for line in html.unescape(text).split("\n"))
    return "\n".join(line for line in lines if line)
