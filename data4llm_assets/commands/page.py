"""YAML lines with comments, as a person would set them: what `data4llm init` writes a recipe with."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

_WIDTH, _COLUMN = 128, 34
_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./@+-]*")
_SPECIAL = ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
"""Words that YAML takes for something else, in one version or another."""


class Page:
    """YAML lines with comments beside them, or above where there is no room."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, depth: int, line: str, comment: str = "") -> None:
        written = "  " * depth + line
        comment = " ".join("".join(each if each.isprintable() else " " for each in comment).split())
        beside = f"{written:<{_COLUMN - 2}}  # {comment}"
        if not comment:
            self._lines.append(written)
        elif len(beside) <= _WIDTH:
            self._lines.append(beside)
        else:
            self.note(depth + line.startswith("- "), comment)
            self._lines.append(written)

    def note(self, depth: int, comment: str) -> None:
        indent = "  " * depth + "# "
        self._lines += textwrap.wrap(comment, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)

    def off(self, depth: int, line: str, comment: str = "") -> None:
        """A line that is switched off: taking the `# ` away leaves it right."""
        self.add(depth, f"# {line}", comment)

    def key(self, depth: int, model: type[BaseModel], name: str, value: Any = PydanticUndefined, comment: str = "") -> None:
        """A key with its default, or another value, explained by the field's own description."""
        field = model.model_fields[name]
        chosen = field.get_default(call_default_factory=True) if value is PydanticUndefined else value
        self.add(depth, f"{field.alias or name}: {written(chosen)}", comment or field.description or "")

    def off_key(self, depth: int, model: type[BaseModel], name: str, *, inside: int = 0) -> None:
        """A key with its default, switched off; `inside`: depth within a block that is switched off as a whole."""
        field = model.model_fields[name]
        default = field.get_default(call_default_factory=True)
        self.off(depth, f"{'  ' * inside}{field.alias or name}: {written(default)}", field.description or "")

    def blank(self) -> None:
        self._lines.append("")

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"


def written(value: Any) -> str:
    """A value in YAML, on one line."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int):
        return f"{value:_}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value.lower() not in _SPECIAL
        return value if plain else f'"{"".join(map(_escaped, value))}"'
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{written(key)}: {written(each)}" for key, each in value.items()) + "}"
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(map(written, value)) + "]"
    return repr(value)


def _escaped(character: str) -> str:
    """Within double quotes."""
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"
