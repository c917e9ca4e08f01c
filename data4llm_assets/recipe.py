"""The recipe: one YAML file that says everything about a corpus, and the graph it compiles to.

Unknown keys are refused. An error names the file, the line, the key, and what was probably meant.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from data4llm_assets.deduped.stage import Deduped
from data4llm_assets.engine.budget import Budget, Prices, Spending, price_name
from data4llm_assets.engine.operation import Alerts, Schedules, Watch
from data4llm_assets.engine.snapshots import listable
from data4llm_assets.engine.state import Graph
from data4llm_assets.extracted_text.stage import ExtractedText
from data4llm_assets.filtered.stage import Filtered, sanitization_rules
from data4llm_assets.method import Parameters
from data4llm_assets.mixed.stage import Mixed
from data4llm_assets.models.tokenizer import AnyTokenizer, SmolLM2Tokenizer
from data4llm_assets.node import STAGES, Node, Place, Section, View
from data4llm_assets.packed.stage import Packed
from data4llm_assets.raw_crawl.stage import RawCrawl, Source
from data4llm_assets.selected.stage import Selected
from data4llm_assets.synthesized.stage import Synthesized

Step = Annotated[
    RawCrawl | ExtractedText | Deduped | Filtered | Selected | Mixed | Synthesized | Packed,
    Field(discriminator="stage"),
]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Share = Annotated[float, Field(ge=0, le=1)]


class Bounds(Parameters):
    """The share of documents that may survive a step, ends included. 0.05 to 1.0 refuses a step that drops more than 95 %."""

    min: Share = Field(0.0, description="least share; a partition that keeps less is refused")
    max: Share = Field(1.0, description="largest share; a partition that keeps more is refused")


class Compute(Parameters):
    """What a run may use. Changes no result, so it is in no fingerprint."""

    workers: int = Field(2, ge=1, description="partitions made at the same time")
    memory: str = Field("2GB", pattern=r"^\d+(\.\d+)?(MB|GB|TB)$", description="per corpus-wide step")
    pools: dict[Name, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict,
        description="how many partitions may use a scarce thing at the same time: `language_model` (one loaded by the worker), "
        "`language_server` (one behind an address), or the `pool` of a method of your own; what is not named is not limited",
    )

    @property
    def bytes(self) -> int:
        number, unit = re.fullmatch(r"([\d.]+)(MB|GB|TB)", self.memory).groups()  # type: ignore[union-attr]
        return int(float(number) * {"MB": 10**6, "GB": 10**9, "TB": 10**12}[unit])


RETENTION: Mapping[str, tuple[float, float]] = {
    "extracted_text": (0.2, 1.0),
    "deduped": (0.05, 1.0),
    "filtered": (0.05, 1.0),
    "selected": (0.02, 1.0),
    "mixed": (0.0, 1.0),
    "synthesized": (1.0, 1.0),
}
"""Bounds on the share kept, by stage, unless the recipe says otherwise: wide, but a source that is wiped out is refused."""


class Recipe(Parameters):
    """A corpus: its sources, its steps with their methods and limits, its budgets."""

    corpus: Name = Field(description="name of the corpus; prefixes its assets in Dagster and its references in the store")
    description: str = Field("", description="what the corpus is, for people: opens its dataset card")
    owners: tuple[str, ...] = Field((), description="e-mail addresses or team:names, shown in Dagster")
    seed: int = Field(0, description="every random choice is a pure function of this seed and of document ids")
    snapshot: str = Field("first", description="name given to the first delivery of the sources")
    sources: dict[Name, Source] = Field(min_length=1, description="where documents come from, each source under a name of its own")
    tokenizer: AnyTokenizer = Field(
        default_factory=lambda: SmolLM2Tokenizer(method="smollm2"),
        description="that of the model to be trained: counts the mixture's tokens and encodes the sequences",
    )
    steps: tuple[Step, ...] = Field(
        min_length=1, description="what is done to the documents, in order; the first two are raw_crawl and extracted_text"
    )
    retention: dict[str, Bounds | dict[str, Bounds]] = Field(
        default_factory=dict, description="by step: {min, max}, or by source: {docs: {min, max}}, the others keeping the default"
    )
    compute: Compute = Field(Compute(), description="how much of the machine a run may use")
    budget: Budget = Field(Budget(), description="what one run may spend; it stops before it spends more, and the next goes on")
    prices: Prices = Field(Prices(), description="what is charged for it: for forecasts and `budget.money`")
    schedules: Schedules = Field(Schedules(), description="when the corpus is brought up to date, and new snapshots are taken")
    watch: Watch = Field(Watch(), description="whose new files become a snapshot by themselves")
    alerts: Alerts = Field(Alerts(), description="who is told when a partition is refused, or a run fails")

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        names = [step.name for step in self.steps]
        if repeated := next((name for name in names if names.count(name) > 1), None):
            msg = f"two steps are called {repeated!r}; give one of them another `name`"
            raise ValueError(msg)
        if [step.stage for step in self.steps[:2]] != ["raw_crawl", "extracted_text"]:
            msg = "the first two steps are raw_crawl and extracted_text: everything else works on their documents"
            raise ValueError(msg)
        if wrong := next(
            (name for name in names if name in STAGES and dict(zip(names, self.steps, strict=True))[name].stage != name), None
        ):
            msg = f"a step called {wrong!r} must be of that stage"
            raise ValueError(msg)
        if sum(step.stage == "packed" for step in self.steps) > 1:
            msg = "a recipe packs once: its last step"
            raise ValueError(msg)
        for step in self.retention:
            if step not in names:
                msg = f"retention names a step {step!r} that the recipe does not have{did_you_mean(step, names)}"
                raise ValueError(msg)
        for bounds in self.retention.values():
            for source in bounds if isinstance(bounds, dict) else ():
                if source not in self.sources:
                    msg = f"retention names a source {source!r} that the recipe does not have{did_you_mean(source, self.sources)}"
                    raise ValueError(msg)
        for section in self.steps:
            for source in section.sources if isinstance(section, ExtractedText) else ():
                if source not in self.sources:
                    told = did_you_mean(source, self.sources)
                    msg = f"{section.name} extracts a source {source!r} otherwise that the recipe does not have{told}"
                    raise ValueError(msg)
        for source in self.watch.sources:
            if source not in self.sources:
                msg = f"watch names a source {source!r} that the recipe does not have{did_you_mean(source, self.sources)}"
                raise ValueError(msg)
            if not listable(self.sources[source]):
                msg = f"watch names the source {source!r}, which fetches or writes its own files: `schedules: deliver` is for those"
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _pools_are_used(self) -> Recipe:
        if self.compute.pools:
            needed = sorted({node.pool for node in self.graph().nodes.values() if node.pool})
            for pool in self.compute.pools:
                if pool not in needed:
                    msg = f"compute.pools limits {pool!r}, which no step needs; steps need: {', '.join(needed) or 'none'}"
                    raise ValueError(msg + did_you_mean(pool, needed))
        return self

    @model_validator(mode="after")
    def _priced(self) -> Recipe:
        asked = [step.model for step in self.steps if isinstance(step, Synthesized) and step.methods]
        models = [price_name(model) for model in asked]
        if strange := next((name for name in self.prices.models if name not in models), None):
            told = f"there are: {', '.join(models)}{did_you_mean(strange, models)}" if models else "none is asked"
            msg = f"prices are given for a model {strange!r} that no step asks; {told}"
            raise ValueError(msg)
        remote = [price_name(model) for model in asked if hasattr(model, "base_url")]
        unpriced = next((name for name in remote if name not in self.prices.models), None)
        if self.budget.money is not None and unpriced is not None:
            msg = f"budget.money needs what {unpriced!r} costs: prices: {{models: {{{unpriced}: {{input: …, output: …}}}}}}"
            raise ValueError(msg)
        if self.budget.money is not None and not self.prices.models and not self.prices.cpu_hour:
            msg = "budget.money needs prices.cpu_hour: without it nothing here costs anything"
            raise ValueError(msg)
        return self

    def bounds(self, step: Section) -> dict[str, tuple[float, float]]:
        """Allowed retention of a step, by source; `*` for the others."""
        found = {"*": RETENTION.get(step.stage, (0.0, 1.0))}
        given = self.retention.get(step.name)
        if isinstance(given, Bounds):
            found["*"] = (given.min, given.max)
        elif given is not None:
            found |= {source: (bounds.min, bounds.max) for source, bounds in given.items()}
        return found

    def places(self) -> Iterator[tuple[Section, Place]]:
        """Every step with where it stands: the documents as they are when it begins."""
        guards = tuple(rule for step in self.steps if isinstance(step, Filtered) for rule in sanitization_rules(step))
        view = View()
        for step in self.steps:
            place = Place(step.name, view, self.seed, self.sources, self.bounds(step), guards, self.tokenizer, self.compute.bytes)
            yield step, place
            view = step.after(place)

    def graph(self) -> Graph:
        """The nodes of all steps, in order."""
        nodes: dict[str, Node] = {}
        for step, place in self.places():
            for node in step.nodes(place):
                bounds = place.retention if node.name == step.name else node.retention
                nodes[node.name] = replace(node, step=step.name, retention=bounds)
        parts = next((step.parts for step in self.steps if isinstance(step, Packed)), 1)
        spending = Spending(self.prices, self.budget)
        return Graph(self.corpus, nodes, self.sources, parts, self.compute.bytes, self.compute.pools, spending)


class RecipeError(ValueError):
    """A recipe that cannot be used: one line per mistake, with file, line and key."""


def load_recipe(path: str | Path) -> Recipe:
    """The recipe in a YAML file, or a shipped one by name (`sample`, `micro`).

    Relative paths of sources count from the recipe's folder.

    Raises
    ------
    RecipeError
        With every mistake found, each as `file:line: key: what is wrong`.
    """
    file = find_recipe(path)
    try:
        marked = YAML(typ="rt").load(file.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        msg = f"{file}:{line}: not valid YAML: {error.problem}"
        raise RecipeError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{file}: not UTF-8 text: {error.reason}"
        raise RecipeError(msg) from error
    if not isinstance(marked, dict):
        msg = f"{file}:1: a recipe is a mapping of keys (corpus, sources, steps, …)"
        raise RecipeError(msg)
    return _validate(file, marked)


def load_graph(path: str) -> Graph:
    """The graph of the recipe at `path`: what worker processes call, so that no graph travels between processes."""
    return load_recipe(path).graph()


def parse_recipe(value: Mapping[str, Any], where: str = "recipe") -> Recipe:
    """A recipe given as Python values, as in a notebook. Raises RecipeError."""
    return _validate(Path(where), dict(value))


def find_recipe(path: str | Path) -> Path:
    """A recipe's file: a path, or the name of one that is shipped. Raises RecipeError."""
    given = Path(path)
    if given.is_file():
        return given
    shipped = shipped_recipes()
    if str(path) in shipped:
        return shipped[str(path)]
    told = f"neither a file nor one of those shipped ({', '.join(shipped)})"
    msg = f"there is no recipe {str(path)!r}: {told}{did_you_mean(str(path), shipped)}"
    raise RecipeError(msg)


@cache
def shipped_recipes() -> dict[str, Path]:
    folder = Path(str(resources.files("data4llm_assets"))) / "recipes"
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))}


def did_you_mean(word: str, known: Any) -> str:
    close = difflib.get_close_matches(word, [str(each) for each in known], n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def _validate(file: Path, marked: dict[str, Any]) -> Recipe:
    values = _plain(marked)
    sources = values.get("sources")
    for section in (*(sources.values() if isinstance(sources, dict) else ()), values.get("tokenizer")):
        if isinstance(section, dict):
            _root(section, ("path", "index", "data"), file.parent.resolve())
            _root(section.get("wanted"), ("listed",), file.parent.resolve())
    for step in steps if isinstance(steps := values.get("steps"), list) else ():
        for kinds in (step, *_mappings(step.get("sources"))) if isinstance(step, dict) else ():
            _root(kinds.get("html"), ("model",), file.parent.resolve())
    folder = str(file.parent.resolve())
    if folder not in sys.path:
        # A rule in a module beside the recipe can be named at once; anything installed comes first.
        sys.path.append(folder)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        lines = [_explain(file, marked, each) for each in error.errors()]
        raise RecipeError("\n".join(dict.fromkeys(lines))) from None


def _mappings(value: Any) -> Iterator[dict[str, Any]]:
    """The mappings among the values of a mapping."""
    yield from (each for each in value.values() if isinstance(each, dict)) if isinstance(value, dict) else ()


def _root(section: Any, keys: tuple[str, ...], folder: Path) -> None:
    """Relative paths under `keys` count from the recipe's folder."""

    def rooted(path: Any) -> Any:
        if isinstance(path, list):
            return [rooted(each) for each in path]
        if not isinstance(path, str) or not path or "://" in path or path.startswith("${"):
            return path
        return str(folder / path)

    for key in keys if isinstance(section, dict) else ():
        if key in section:
            section[key] = rooted(section[key])


def _explain(file: Path, marked: Any, error: Any) -> str:
    """One mistake as `file:line: key: what is wrong`. Pydantic's location contains union tags that the file does not: skip them."""
    at: Any = marked
    line, keys = 1, list[str]()
    for step in error["loc"]:
        inside = step in at if isinstance(at, dict) else isinstance(at, list) and isinstance(step, int) and step < len(at)
        if not inside:
            continue
        if (marks := getattr(at, "lc", None)) is not None and marks.data:
            line = (marks.key(step) if isinstance(at, dict) else marks.item(step))[0] + 1
        keys.append(str(step))
        at = at[step]
    message = error["msg"].removeprefix("Value error, ")
    last = str(error["loc"][-1]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        message = f"there is no such key{did_you_mean(last, [word for word in _vocabulary() if word != last])}"
    elif error["type"] == "missing":
        message, keys = "this key is required", [*keys, last]
    elif error["type"] in ("union_tag_invalid", "literal_error"):
        expected = re.findall(r"'([^']+)'", str(error.get("ctx", {}).get("expected_tags") or error.get("ctx", {}).get("expected")))
        tag = str(error.get("ctx", {}).get("tag", error["input"]))
        message = f"{tag!r} is not one of {', '.join(expected)}{did_you_mean(tag, expected)}"
    return f"{file}:{line}: {'.'.join(keys) or 'recipe'}: {message}"


@cache
def _vocabulary() -> tuple[str, ...]:
    """Every key that some section of a recipe has."""

    def fields(model: type[BaseModel]) -> Iterator[str]:
        yield from model.model_fields
        for below in model.__subclasses__():
            yield from fields(below)

    return tuple(sorted(set(fields(Parameters))))


def _plain(value: Any) -> Any:
    """Marked YAML values as plain Python ones."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
