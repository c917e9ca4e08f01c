"""The reference of the recipe, `docs/recipe.md`: every key of every section, source, method and model, read from the models.

Nothing about a key is written here: types, defaults and descriptions are those that validate a recipe. To write the file anew:
`python -m data4llm_assets.report.reference docs/recipe.md`.
"""

from __future__ import annotations

import inspect
import json
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from data4llm_assets.filtered.stage import Entry
from data4llm_assets.method import DECIDE, MEASURE, Method, Parameters
from data4llm_assets.node import STAGES, Section
from data4llm_assets.raw_crawl.source import SourceSection
from data4llm_assets.recipe import Recipe

HEAD = """\
# The recipe

One YAML file says everything about a corpus. `data4llm init PATH` writes one for your data; the shipped `sample.yaml` and
`micro.yaml` (in `data4llm_assets/recipes/`) are complete examples. This page is generated from the models that validate a recipe:

    python -m data4llm_assets.report.reference docs/recipe.md

How to read the tables:

- **measure**: a change measures again, but only what is not remembered yet. **decide**: a change decides again from what was
  measured. Keys without a tag make the whole step; `compute`, `schedule`, `owners` and `description` change no result.
- A default in *italics* is explained beneath or beside; **required** keys have none.
- Relative paths count from the recipe's folder. Numbers may be written with underscores: `1_200_000`.
- An unknown key is refused with file, line, key, and what was probably meant. Nothing runs before the whole recipe is valid.
- Wherever a `method` stands, your own may stand as well: `method: package.module:Class`, or the name of an entry point in the
  group `data4llm.methods`.
"""
TITLES = {"models": "Models and tokenizers"}
_DISCRIMINATORS = ("stage", "kind", "method")
_NOUNS: Mapping[type, str] = {SourceSection: "source", Section: "step", Method: "method", Entry: "rule"}
_WORDS = {int: "integer", float: "number", str: "string", bool: "true or false", type(None): "null"}
_BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def reference() -> str:
    """The whole page, as Markdown."""
    sources, steps, methods = (_below(kind) for kind in (SourceSection, Section, Method))
    lines = [HEAD, "## Top level", "", *_model(Recipe), "## Sources", "", "Keys that every kind has:", ""]
    common = set(SourceSection.model_fields) - {"kind"}
    lines += _table(SourceSection, set())
    for source in sources:
        lines += [f"### `kind: {_literal(source, 'kind')}`", "", *_about(source), *_model(source, common & _inherited(source))]
    for stage in STAGES:
        section = next(step for step in steps if step.__name__ != "Section" and _literal(step, "stage") == stage)
        lines += [f"## Step `{stage}`", "", *_about(section), *_model(section)]
        lines += [line for method in methods if _home(method) == stage for line in _method(method)]
    lines += [f"## {TITLES['models']}", "", "The recipe's `tokenizer`, and a synthesized step's `model`.", ""]
    lines += [line for method in methods if _home(method) == "models" for line in _method(method)]
    return "\n".join(lines).rstrip() + "\n"


def method_names() -> dict[str, list[str]]:
    """The built-in methods of each stage, and of `models`, by the name that a recipe gives them."""
    found: dict[str, list[str]] = {}
    for method in _below(Method):
        found.setdefault(_home(method), []).append(_literal(method, "method"))
    return found


def _method(method: type[Parameters]) -> list[str]:
    return [f"### `method: {_literal(method, 'method')}`", "", *_about(method), *_model(method)]


def _model(model: type[Parameters], hidden: set[str] | None = None) -> list[str]:
    """The table of a model's keys, and beneath it those of the mappings that stand under its keys."""
    lines = _table(model, hidden or set())
    for name, field in model.model_fields.items():
        for below in _mappings(field.annotation):
            if name not in (hidden or ()):
                lines += [f"**Under `{field.alias or name}`** ({_noun(below)})", "", *_about(below), *_model(below)]
    return lines


def _table(model: type[Parameters], hidden: set[str]) -> list[str]:
    rows = []
    for name, field in model.model_fields.items():
        if name in hidden or (name in _DISCRIMINATORS and model is not Entry):
            continue
        if model is Entry and name == "rule":
            rows.append(("`method`", "method", "**required**", "", "which rule or edit; its own keys stand beside it"))
            continue
        tag = next((each for each in (MEASURE, DECIDE) if each in field.metadata), MEASURE if issubclass(model, Method) else "")
        rows.append((f"`{field.alias or name}`", _type(field), _default(field), tag, field.description or ""))
    if not rows:
        return ["No keys of its own.", ""]
    shown = [place for place in range(5) if place in (0, 1, 2) or any(row[place] for row in rows)]
    head = ("key", "type", "default", "tag", "what it is")
    table = [[head[place] for place in shown], ["---"] * len(shown)]
    table += [[row[place].replace("|", "\\|").replace("\n", " ") for place in shown] for row in rows]
    return [*("| " + " | ".join(row) + " |" for row in table), ""]


def _about(model: type[Parameters]) -> list[str]:
    """The first paragraph of the class, and of a method the line that says where it comes from."""
    own = _first_paragraph(model.__doc__ if "__doc__" in vars(model) and model.__doc__ else None)
    module = _first_paragraph(sys.modules[model.__module__].__doc__)
    lines = [own or module] if own or issubclass(model, (Method, Section)) else []
    if own and issubclass(model, Method):
        lines.append(f"*{module}*")
    return [part for line in lines if line for part in (line, "")]


def _first_paragraph(text: str | None) -> str:
    return " ".join(inspect.cleandoc(text or "").split("\n\n")[0].split())


def _type(field: FieldInfo) -> str:
    bounds = []
    for each in field.metadata:
        bounds += [f"{sign} {getattr(each, name):,}" for name, sign in _BOUNDS.items() if getattr(each, name, None) is not None]
    written = _written(field.annotation)
    return f"{written}, {', '.join(bounds)}" if bounds else written


def _written(annotation: Any) -> str:
    """A type in the words of YAML."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _written(arguments[0])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_written(each) for each in arguments))
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return f"list of {_written(arguments[0])}"
        return f"[{', '.join(_written(each) for each in arguments)}]"
    if origin is dict:
        return f"map of {_written(arguments[0])} to {_written(arguments[1])}"
    if annotation in _WORDS:
        return _WORDS[annotation]
    return _noun(annotation)


def _noun(model: Any) -> str:
    return next((noun for kind, noun in _NOUNS.items() if issubclass(model, kind)), model.__name__.lower())


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, Parameters):
        method = value.model_dump(mode="json").get("method")
        return f"`{{method: {method}}}`" if method else "*as beneath*"
    if isinstance(value, tuple) and value and isinstance(value[0], Parameters):
        return "`[" + ", ".join(str(each.model_dump(mode="json").get("method", "…")) for each in value) + "]`"
    return "`" + json.dumps(value, ensure_ascii=False) + "`"


def _mappings(annotation: Any) -> Iterator[type[Parameters]]:
    """Mappings with keys of their own in a type: neither sources, steps nor methods, which have sections of the page."""
    if isinstance(annotation, type) and issubclass(annotation, Parameters):
        if not issubclass(annotation, (SourceSection, Section, Method)):
            yield annotation
        return
    yield from dict.fromkeys(found for each in get_args(annotation) for found in _mappings(each))


def _below(kind: type[Parameters]) -> list[type[Parameters]]:
    """Concrete classes of this project below `kind`, in the order of their names: those with a literal name of their own."""
    found = {
        below: None
        for child in kind.__subclasses__()
        if child.__module__.startswith("data4llm_assets.")
        for below in (child, *_below(child))
        if any(get_origin(below.model_fields[name].annotation) is Literal for name in _DISCRIMINATORS if name in below.model_fields)
    }
    return sorted(found, key=lambda below: (below.__module__, _line(below)))


def _line(model: type) -> int:
    return inspect.getsourcelines(model)[1]


def _home(model: type) -> str:
    """The package that a class lives in: a stage, or `models`."""
    return model.__module__.split(".")[1]


def _literal(model: type[Parameters], name: str) -> str:
    return str(get_args(model.model_fields[name].annotation)[0])


def _inherited(model: type[Parameters]) -> set[str]:
    """Keys that a class takes over unchanged."""
    return set(model.model_fields) - set(model.__dict__.get("__annotations__", {}))


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m data4llm_assets.report.reference docs/recipe.md")
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main()
