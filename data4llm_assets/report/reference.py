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

from data4llm_assets.deduped.deduplication import Deduplication
from data4llm_assets.filtered.stage import Entry
from data4llm_assets.method import DECIDE, MEASURE, Method, Parameters
from data4llm_assets.models.tokenizer import TokenizerModel
from data4llm_assets.node import STAGES, Section
from data4llm_assets.raw_crawl.source import SourceSection
from data4llm_assets.recipe import RETENTION, Recipe

HEAD = """\
# The recipe

One YAML file says everything about a corpus. `data4llm init PATH` writes one for your data; `sample.yaml` and `micro.yaml` in
`data4llm_assets/recipes/` are complete examples, and `deduplication.yaml` and `extraction.yaml` there have every method of their
stage ([deduplication.md](deduplication.md), [extraction.md](extraction.md)). This page is generated from the models that validate
a recipe:

    python -m data4llm_assets.report.reference docs/recipe.md

How to read the tables:

- **measure**: a change measures again, but nothing that is remembered. **decide**: a change decides again from what was measured.
  Of keys without a tag `data4llm plan` says what a change touches; `compute`, `schedules`, `watch`, `alerts`, `owners`
  and `description` change no result.
- Relative paths count from the recipe's folder. Numbers may be written with underscores: `1_200_000`.
- An unknown key is refused with file, line, key, and what was probably meant. Nothing runs before the whole recipe is valid.
- Wherever a `method` stands, your own may stand as well: `method: package.module:Class`, or the name of an entry point in the
  group `data4llm.methods`.
"""
_DISCRIMINATORS = ("stage", "kind", "method")
_NOUNS: Mapping[type, str] = {SourceSection: "source", Section: "step", Method: "method", Entry: "rule"}
_WORDS = {int: "integer", float: "number", str: "string", bool: "true or false", type(None): "null"}
_BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
_BENEATH = "*as beneath*"
_HEADS = ("key", "type", "default", "tag", "what it is")


def reference() -> str:
    """The whole page, as Markdown."""
    lines = [HEAD, "## Top level", "", *_model(Recipe), _retention(), ""]
    lines += ["## Sources", "", "Keys that every kind has:", "", *_table(SourceSection)]
    for source in _below(SourceSection):
        inherited = set(SourceSection.model_fields) - set(inspect.get_annotations(source))
        lines += [f"### `kind: {_literal(source, 'kind')}`", "", *_about(source), *_model(source, inherited)]
    methods, sections = _below(Method), {_literal(section, "stage"): section for section in _below(Section)}
    for stage in STAGES:
        lines += [f"## Step `{stage}`", "", *_about(sections[stage]), *_model(sections[stage])]
        lines += [line for method in methods if _home(method) == stage for line in _method(method)]
    models = [method for method in methods if _home(method) == "models"]
    lines += ["## Language models", "", "The `model` of a step that writes text.", ""]
    lines += [line for model in models if not issubclass(model, TokenizerModel) for line in _method(model)]
    lines += ["## Tokenizers", "", "The recipe's `tokenizer`: it counts for the mixture and encodes for the sequences.", ""]
    lines += [line for model in models if issubclass(model, TokenizerModel) for line in _method(model, origin=False)]
    return "\n".join(lines).rstrip() + "\n"


def method_names() -> dict[str, list[str]]:
    """The built-in methods of each stage, and of `models`, by the names that a recipe gives them."""
    found: dict[str, list[str]] = {}
    for method in _below(Method):
        found.setdefault(_home(method), []).append(_literal(method, "method"))
    return found


def _method(method: type[Parameters], *, origin: bool = True) -> list[str]:
    promised = [_promises(method), ""] if issubclass(method, Deduplication) else []
    return [f"### `method: {_literal(method, 'method')}`", "", *_about(method, origin=origin), *promised, *_model(method)]


def _promises(method: type[Deduplication]) -> str:
    incremental, withdrawable, names_partner = method.promises
    without = {"refold": "the fold is repeated from there", "anew": "everything is judged anew"}[withdrawable]
    answers = ["yes" if each else "no" for each in (incremental, names_partner)]
    return f"Incremental: {answers[0]}. Without a snapshot, {without}. Names the document that is repeated: {answers[1]}."


def _model(model: type[Parameters], hidden: set[str] | None = None) -> list[str]:
    """The table of a model's keys, and beneath it those of the mappings that stand under its keys."""
    lines = _table(model, hidden)
    under: dict[type[Parameters], list[str]] = {}
    for name, field in model.model_fields.items():
        for below in _mappings(field.annotation) if name not in (hidden or ()) else ():
            under.setdefault(below, []).append(f"`{field.alias or name}`")
    for below, keys in under.items():
        lines += [f"Under {', '.join(keys)}:", "", *_about(below), *_model(below)]
    return lines


def _table(model: type[Parameters], hidden: set[str] | None = None) -> list[str]:
    """One row a key, without columns that would be empty."""
    rows = [row for name in model.model_fields if name not in (hidden or ()) for row in _rows(model, name)]
    if not rows:
        return ["No keys of its own.", ""]
    shown = [place for place in range(len(_HEADS)) if any(row[place] for row in rows)]
    table = [[_HEADS[place] for place in shown], ["---"] * len(shown)]
    table += [[row[place].replace("|", "\\|").replace("\n", " ") for place in shown] for row in rows]
    return [*("| " + " | ".join(cells) + " |" for cells in table), ""]


def _rows(model: type[Parameters], name: str) -> Iterator[tuple[str, ...]]:
    field = model.model_fields[name]
    if model is Entry and name == "rule":
        # The models hold a rule beside its scope; a recipe writes both into one mapping.
        yield "`method`", "method", "required", "", "a rule or an edit; its own keys stand beside it"
    elif name not in _DISCRIMINATORS:
        tag = next((each for each in (MEASURE, DECIDE) if each in field.metadata), MEASURE if issubclass(model, Method) else "")
        yield f"`{field.alias or name}`", _type(field), _default(field), tag, field.description or ""


def _about(model: type[Parameters], *, origin: bool = True) -> list[str]:
    """The first paragraph of the class, and of a method the line that says where it comes from."""
    own = _first_paragraph(vars(model).get("__doc__"))
    module = _first_paragraph(sys.modules[model.__module__].__doc__)
    lines = [own]
    if issubclass(model, Section):
        lines = [own or module]
    elif issubclass(model, Method) and origin:
        lines = [own, f"*{module}*"]
    return [part for line in lines if line for part in (line, "")]


def _first_paragraph(text: str | None) -> str:
    return " ".join(inspect.cleandoc(text or "").split("\n\n")[0].split())


def _retention() -> str:
    bounds = ", ".join(f"`{stage}` {low:g} to {high:g}" for stage, (low, high) in RETENTION.items())
    return f"Retention where the recipe says nothing: {bounds}."


def _type(field: FieldInfo) -> str:
    limits = [(name, getattr(each, name)) for each in field.metadata for name in _BOUNDS if getattr(each, name, None) is not None]
    return ", ".join([_written(field.annotation), *(f"{_BOUNDS[name]} {value:,}" for name, value in limits)])


def _written(annotation: Any) -> str:
    """A type in the words of YAML."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _written(arguments[0])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_written(each) for each in arguments))
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is tuple:
        return f"list of {_inner(arguments[0])}" if arguments[-1] is Ellipsis else f"[{', '.join(map(_written, arguments))}]"
    if origin is dict:
        return f"map of {_written(arguments[0])} to {_inner(arguments[1])}"
    return _WORDS[annotation] if annotation in _WORDS else _noun(annotation)


def _inner(annotation: Any) -> str:
    written = _written(annotation)
    return f"({written})" if " or " in written else written


def _noun(model: type) -> str:
    return next((noun for kind, noun in _NOUNS.items() if issubclass(model, kind)), model.__name__.lower())


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, Parameters):
        return f"`{_name(value)}`" if _name(value) else _BENEATH
    if isinstance(value, tuple) and value and isinstance(value[0], Parameters):
        return f"`[{', '.join(map(_name, value))}]`"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"`{value:_}`"
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _name(value: Parameters) -> str:
    """How a recipe names a method that is a default; empty for any other mapping."""
    return str(value.model_dump(mode="json").get("method", ""))


def _mappings(annotation: Any) -> Iterator[type[Parameters]]:
    """Mappings with keys of their own in a type, save sources, steps and methods: those have sections of the page."""
    if isinstance(annotation, type) and issubclass(annotation, Parameters):
        if not issubclass(annotation, (SourceSection, Section, Method)):
            yield annotation
        return
    yield from dict.fromkeys(found for each in get_args(annotation) for found in _mappings(each))


def _below(kind: type[Parameters]) -> list[type[Parameters]]:
    """This project's classes below `kind` that a recipe can name, module by module."""
    return sorted(dict.fromkeys(_descendants(kind)), key=lambda model: model.__module__)


def _descendants(kind: type[Parameters]) -> Iterator[type[Parameters]]:
    for child in kind.__subclasses__():
        if child.__module__.startswith("data4llm_assets."):
            tags = (child.model_fields[name].annotation for name in _DISCRIMINATORS if name in child.model_fields)
            if any(get_origin(tag) is Literal for tag in tags):
                yield child
            yield from _descendants(child)


def _home(model: type) -> str:
    """The package that a class lives in: a stage, or `models`."""
    return model.__module__.split(".")[1]


def _literal(model: type[Parameters], name: str) -> str:
    return str(get_args(model.model_fields[name].annotation)[0])


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m data4llm_assets.report.reference docs/recipe.md")
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main()
