"""How good forecasts are: a recipe is built, changed in three ways it has not seen, forecast before each run, and compared after.

CPU seconds are compared, not time: they are what the work takes, whoever else uses the machine. A forecast is of what runs:
partitions that turned out unchanged before their turn are left out on both sides.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
from ruamel.yaml import YAML

from data4llm_assets.corpus import Corpus
from data4llm_assets.engine.costs import Sum
from data4llm_assets.engine.forecast import Expected, Forecaster
from data4llm_assets.engine.home import furnished, open_instance
from data4llm_assets.engine.records import new_run, read_records
from data4llm_assets.engine.run import Report
from data4llm_assets.engine.workers import DagsterPool, announce_snapshots
from data4llm_assets.evaluation.probe import probe
from data4llm_assets.recipe import find_recipe, load_graph

TRIVIAL = 0.05
"""CPU seconds: an asset that was forecast to take less and did is not compared."""
MEDIAN_ERROR, COVERED = 0.3, 0.8
"""What is asked: the median absolute error at most, and the share of actual values within 90 % intervals at least."""
ROWS = pl.Schema(
    {
        "change": pl.String(),
        "asset": pl.String(),
        "partitions": pl.Int64(),
        "expected": pl.Float64(),
        "low": pl.Float64(),
        "high": pl.Float64(),
        "actual": pl.Float64(),
        "error": pl.Float64(),
        "within": pl.Boolean(),
    }
)
"""One row per change and asset that ran, in CPU seconds; `error` is relative to the actual value."""
TOTAL = "all of them"


class Change(NamedTuple):
    """A recipe changed, as plain values, and in words. The values are None if the recipe has nothing of the kind."""

    name: str
    recipe: dict[str, Any] | None


class Evaluation(NamedTuple):
    """rows: as ROWS, with one row more for each change, of asset TOTAL. probed: changes for which nothing was known, so that a
    probe came first. skipped: changes that this recipe does not offer."""

    rows: pl.DataFrame
    probed: tuple[str, ...]
    skipped: tuple[str, ...]

    def compared(self) -> pl.DataFrame:
        """Pairs of change and asset that are not trivial."""
        return self.rows.filter((pl.col("asset") != TOTAL) & (pl.max_horizontal("expected", "actual") >= TRIVIAL))

    def summary(self) -> dict[str, float]:
        found = self.compared()
        errors = found["error"].abs().to_list()
        covered = float(found["within"].cast(pl.Float64).mean() or 0.0)  # type: ignore[arg-type]
        return {"pairs": found.height, "median_error": statistics.median(errors) if errors else 0.0, "covered": covered}


def evaluate(recipe: str, folder: Path, workers: int, tell: Callable[[str], None] = lambda _line: None) -> Evaluation:
    """Build, change, forecast, run, compare; everything in `folder`.

    Raises
    ------
    RuntimeError
        If a run fails, or refuses something.
    """
    file = find_recipe(recipe)
    plain = _plain(file)
    base = _write(folder, "base", plain)
    tell(f"building {plain['corpus']}")
    _run(base, folder, workers)
    rows, probed, skipped = [], [], []
    for number, change in enumerate(changes(plain)):
        if change.recipe is None:
            skipped.append(change.name)
            continue
        tell(change.name)
        path = _write(folder, f"change-{number}", change.recipe)
        expected, was_probed = _forecast(path, folder, workers)
        if was_probed:
            probed.append(change.name)
        report = _run(path, folder, workers)
        rows += _compared(change.name, expected, _taken(folder, report.run))
    return Evaluation(pl.DataFrame(rows, ROWS, orient="row"), tuple(probed), tuple(skipped))


def changes(recipe: dict[str, Any]) -> tuple[Change, ...]:
    """A threshold, which decides again; another measure; another extraction, after which everything is new."""
    return (_threshold(recipe), _measure(recipe), _extraction(recipe))


def _threshold(recipe: dict[str, Any]) -> Change:
    changed = json.loads(json.dumps(recipe))
    for step in changed["steps"]:
        for rule in step.get("rules") or ():
            if rule.get("method") == "gopher_quality":
                before = rule.get("min_words", 50)
                rule["min_words"] = 2 * before
                return Change(f"gopher_quality.min_words: {before} → {2 * before}", changed)
    return Change("gopher_quality.min_words", None)


def _measure(recipe: dict[str, Any]) -> Change:
    changed = json.loads(json.dumps(recipe))
    for step in changed["steps"]:
        for method in step.get("methods") or ():
            if method.get("method") == "minhash":
                before = method.get("ngram", 5)
                method["ngram"] = before + 2
                return Change(f"minhash.ngram: {before} → {before + 2}", changed)
    return Change("minhash.ngram", None)


def _extraction(recipe: dict[str, Any]) -> Change:
    changed = json.loads(json.dumps(recipe))
    step = next(step for step in changed["steps"] if step["stage"] == "extracted_text")
    given = step.get("html", {})
    if given is None:
        return Change("extracted_text.html", None)
    before = given.get("method", "auto")
    after = "trafilatura" if before == "resiliparse" else "resiliparse"
    step["html"] = {"method": after}
    return Change(f"extracted_text.html: {before} → {after}", changed)


def _forecast(path: Path, folder: Path, workers: int) -> tuple[dict[tuple[str, str], Expected], bool]:
    """What is expected of each partition that is due, and whether a probe had to find out."""
    corpus = Corpus(path, folder / "store")
    plan = corpus.plan()
    due = plan.due("run", "follow")

    def expected() -> dict[tuple[str, str], Expected]:
        forecaster = Forecaster(corpus.state, plan, workers)
        return {(item.node, item.partition.key): forecaster.expect(corpus.graph.nodes[item.node], item.partition) for item in due}

    found = expected()
    if not any(each.unknown for each in found.values()):
        return found, False
    probe(corpus, corpus)
    return expected(), True


def _run(path: Path, folder: Path, workers: int) -> Report:
    """As `data4llm run` does it: by workers that begin anew."""
    corpus, run, home = Corpus(path, folder / "store"), new_run(), furnished(folder / "dagster")
    corpus.deliver()
    with DagsterPool(partial(load_graph, str(path)), corpus.store.uri, home, run, workers) as pool:
        with open_instance(home) as instance:
            announce_snapshots(instance, corpus.name, list(corpus.state.snapshots))
            report = corpus.build(pool.execute, run=run, workers=workers)
    if not report.ok:
        told = [str(done.error) for done in report.failures] + [f"{each.node} was refused" for each in report.refused()]
        msg = f"{path.name}: {'; '.join(told)}"
        raise RuntimeError(msg)
    return report


def _taken(folder: Path, run: str) -> dict[tuple[str, str], float]:
    from data4llm_assets.engine.store import Store

    records = sorted(read_records(Store(str(folder / "store")), run), key=lambda record: record["started"])
    return {(record["node"], record["partition"]): record["cpu_seconds"] for record in records}


def _compared(change: str, expected: dict[tuple[str, str], Expected], taken: dict[tuple[str, str], float]) -> list[tuple[Any, ...]]:
    rows = []
    everything, all_taken = Sum(), 0.0
    for asset in dict.fromkeys(node for node, _ in taken):
        made = [step for step in taken if step[0] == asset]
        sums, actual = Sum(), sum(taken[step] for step in made)
        for step in made:
            if step in expected:
                sums.merge(expected[step].sums()["cpu_seconds"])
        everything.merge(sums)
        all_taken += actual
        rows.append(_row(change, asset, len(made), sums, actual))
    return [*rows, _row(change, TOTAL, len(taken), everything, all_taken)]


def _row(change: str, asset: str, partitions: int, sums: Sum, actual: float) -> tuple[Any, ...]:
    told = sums.range()
    error = (told.expected - actual) / actual if actual else 0.0
    return change, asset, partitions, *told, actual, error, told.low <= actual <= told.high


def _plain(file: Path) -> dict[str, Any]:
    """A recipe as plain values, its paths counted from its folder."""
    values = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    for section in (*values["sources"].values(), values.get("tokenizer") or {}):
        path = section.get("path")
        if path and "://" not in path and not Path(path).is_absolute():
            section["path"] = str(file.parent.resolve() / path)
    return dict(json.loads(json.dumps(values)))


def _write(folder: Path, name: str, recipe: dict[str, Any]) -> Path:
    """JSON is YAML."""
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(recipe, indent=1), encoding="utf-8")
    return path
