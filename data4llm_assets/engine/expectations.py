"""The bridge to Great Expectations: small metric frames in, one verdict per quality out.

GX judges frames of a few rows that Polars computed, never text: its fixed cost is some 10 ms however large the partition.
GX answers `success=False` when an expectation raised, too; here that is an error of the check, never a verdict on the data.
"""

from __future__ import annotations

import importlib.util
import logging
import math
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import polars as pl

from data4llm_assets.node import Expectation

BETWEEN = "ExpectColumnValuesToBeBetween"
"""What `node.between` asks for: `metric_expectation` answers it."""
BOUNDS = ("min_value", "max_value", "value_set", "value")


class BrokenCheck(RuntimeError):
    """A check itself failed to run: nothing is said about the data."""


def judge(expectations: Sequence[Expectation], frames: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    """Hold metric frames against expectations.

    Returns
    -------
    One JSON object per expectation, in order: quality, severity, passed, column, observed, bounds, why.

    Raises
    ------
    BrokenCheck
        If an expectation names a frame or a column that does not exist, or raised while it ran.
    """
    bounds: list[int] = []
    others: dict[str, list[int]] = {}
    for index, each in enumerate(expectations):
        if each.frame not in frames:
            msg = f"a check looks at the metric frame {each.frame!r}; this step made only {sorted(frames)}"
            raise BrokenCheck(msg)
        (bounds if each.kind == BETWEEN else others.setdefault(each.frame, [])).append(index)
    results: dict[int, Any] = {}
    # Bounds pass over nulls, so columns of frames of all heights stand side by side, and are validated at once.
    for group in (bounds, *others.values()):
        asked = [expectations[index] for index in group]
        frame = _beside(asked, frames) if group is bounds else frames[asked[0].frame]
        results |= dict(zip(group, _validate(asked, frame), strict=True))
    return [_describe(each, results[index], frames[each.frame]) for index, each in enumerate(expectations)]


def _beside(expectations: Sequence[Expectation], frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The columns that bounds are held against, named `frame/column`. What is missing is left out: GX will say so."""
    wanted = dict.fromkeys((each.frame, each.arguments["column"]) for each in expectations)
    found = [frames[frame].select(pl.col(column).alias(f"{frame}/{column}")) for frame, column in wanted if column in frames[frame]]
    return pl.concat(found, how="horizontal_extend") if found else pl.DataFrame()


def by_quality(results: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Verdicts grouped for Dagster's checks: {quality: {passed, severity, expectations}}; severity is the worst that failed."""
    grouped: dict[str, dict[str, Any]] = {}
    for result in results:
        group = grouped.setdefault(result["quality"], {"passed": True, "severity": "warning", "expectations": []})
        group["expectations"].append(result)
        if not result["passed"]:
            group["passed"] = False
            if result["severity"] == "critical":
                group["severity"] = "critical"
    return grouped


def refused(results: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The failed expectations that keep a partition from being published."""
    return [result for result in results if not result["passed"] and result["severity"] == "critical"]


def sentence(result: Mapping[str, Any]) -> str:
    """One failed expectation as a person reads it."""
    low, high = result["bounds"].get("min_value"), result["bounds"].get("max_value")
    if low is not None and high is not None:
        limit = f"not {_number(low)}" if low == high else f"outside {_number(low)} to {_number(high)}"
    elif low is not None:
        limit = f"below {_number(low)}"
    else:
        limit = f"above {_number(high)}" if high is not None else f"not as expected {result['bounds']}"
    return f"{result['column']} is {_number(result['observed'])}, {limit}. {result['why']}"


def allowed(bounds: Mapping[str, Any]) -> str:
    """The bounds of an expectation in words; empty if it has others than a least and a largest value."""
    low, high = bounds.get("min_value"), bounds.get("max_value")
    if low is not None and high is not None:
        return f"exactly {_number(low)}" if low == high else f"{_number(low)} to {_number(high)}"
    return f"at least {_number(low)}" if low is not None else f"at most {_number(high)}" if high is not None else ""


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def _validate(expectations: list[Expectation], frame: pl.DataFrame) -> list[Any]:
    if not expectations:
        return []
    gx, between, batch_definition = import_great_expectations()
    asked = []
    for index, each in enumerate(expectations):
        arguments = dict(each.arguments)
        kind = getattr(gx.expectations, each.kind, None)
        if kind is None:
            msg = f"Great Expectations has no {each.kind}"
            raise BrokenCheck(msg)
        if each.kind == BETWEEN:
            kind, arguments["column"] = between, f"{each.frame}/{arguments['column']}"
        # The index as meta keeps equal expectations apart and lets results find their way back.
        asked.append(kind(**arguments, severity=each.severity, meta={"index": index}))
    suite = gx.ExpectationSuite(name="checks", expectations=asked)
    # A column of nulls has no dtype that GX could compare with a number.
    typed = frame.with_columns(pl.col(name).cast(pl.Float64) for name, dtype in frame.schema.items() if dtype == pl.Null)
    outcome = batch_definition.get_batch({"dataframe": typed.to_pandas()}).validate(suite)
    found: list[Any] = [None] * len(expectations)
    for result in outcome.results:
        index = result.expectation_config.meta["index"]
        if error := _raised(result):
            msg = f"the check {expectations[index].kind} on {expectations[index].arguments} broke: {error}"
            raise BrokenCheck(msg)
        found[index] = result
    return found


@cache
def import_great_expectations() -> tuple[Any, Any, Any]:
    """The library, our own expectation for bounds and a batch definition for frames, once per process: that takes seconds."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    _import_when_used("scipy.stats")
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    from data4llm_assets.engine.metric_expectation import ExpectMetricToBeBetween

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
    return gx, ExpectMetricToBeBetween, asset.add_batch_definition_whole_dataframe("whole")


def _import_when_used(name: str) -> None:
    """Put off a module until something in it is asked for. A third of GX's import is SciPy's, for an expectation nobody uses."""
    if name in sys.modules or (spec := importlib.util.find_spec(name)) is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    package, _, own = name.rpartition(".")
    setattr(sys.modules[package], own, module)


def _raised(result: Any) -> str | None:
    info = result.exception_info or {}
    for each in (info, *info.values()):
        if isinstance(each, dict) and each.get("raised_exception"):
            return str(each.get("exception_message"))
    return None


def _describe(expectation: Expectation, result: Any, frame: pl.DataFrame) -> dict[str, Any]:
    column = expectation.arguments.get("column", expectation.kind)
    return {
        "quality": expectation.quality,
        "severity": expectation.severity,
        "passed": bool(result.success),
        "frame": expectation.frame,
        "column": column,
        "observed": _observed(result, frame, column),
        "bounds": {key: expectation.arguments[key] for key in BOUNDS if key in expectation.arguments},
        "why": expectation.why,
    }


def _observed(result: Any, frame: pl.DataFrame, column: str) -> Any:
    """The value in question: the offending ones if the check failed, else that of a one-row frame, else how many rows were seen."""
    if not result.success and (offending := result.result.get("partial_unexpected_list")):
        return _plain(offending[0]) if len(offending) == 1 else [_plain(value) for value in offending[:5]]
    if "observed_value" in result.result:
        return _plain(result.result["observed_value"])
    if column in frame.columns and frame.height == 1:
        return _plain(frame[column][0])
    return f"{frame.height} rows"


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (int, float, str, bool, list, dict, type(None))) else str(value)
