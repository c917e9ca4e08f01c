"""What is due will take, asset by asset and in all: CPU, time, tokens, money, each with an interval. For people and programs.

How much a partition will take is `engine.forecast`; here it is added up. Errors that partitions share are added in full, so a sum
over many is not surer than its rates are.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from data4llm_assets.engine.costs import Range, Sum
from data4llm_assets.engine.forecast import Forecaster
from data4llm_assets.engine.planner import Plan
from data4llm_assets.engine.state import State

AMOUNTS = ("cpu_seconds", "seconds", "tokens", "training_tokens", "money")


class Line(NamedTuple):
    """One asset, or all. amounts: of AMOUNTS; `tokens` are those of language models, prompts and answers. unknown: work of which
    no record tells, which is in no amount."""

    asset: str
    partitions: int
    amounts: dict[str, Range]
    unknown: tuple[str, ...] = ()


class Forecast(NamedTuple):
    """wall: seconds by so many workers, from the first partition that begins to the last that ends."""

    assets: tuple[Line, ...]
    total: Line
    wall: Range
    workers: int
    currency: str

    @property
    def unknown(self) -> tuple[str, ...]:
        return self.total.unknown

    @property
    def knows_nothing(self) -> bool:
        return bool(self.assets) and all(line.unknown and not line.amounts["cpu_seconds"].expected for line in self.assets)

    def json(self) -> dict[str, Any]:
        """As plain values."""

        def told(line: Line) -> dict[str, Any]:
            amounts = {name: _rounded(amount) for name, amount in line.amounts.items()}
            return {"partitions": line.partitions, **amounts, "unknown": list(line.unknown)}

        lines = {line.asset: told(line) for line in self.assets}
        wall = {"workers": self.workers, "wall_seconds": _rounded(self.wall), "currency": self.currency}
        return {"assets": lines, "total": {**told(self.total), **wall}}


def forecast(state: State, plan: Plan, workers: int, records: list[dict[str, Any]] | None = None) -> Forecast:
    """What everything that is due will take, were all that may follow to run. What is adopted takes nothing.

    records : of earlier work, by default those in the store.
    """
    forecaster = Forecaster(state, plan, workers, records)
    sums: dict[str, dict[str, Sum]] = {}
    counts: dict[str, int] = {}
    unknown: dict[str, tuple[str, ...]] = {}
    seconds: dict[tuple[str, str], float] = {}
    for item in plan.due("run", "follow"):
        node = state.graph.nodes[item.node]
        expected = forecaster.expect(node, item.partition)
        found = expected.sums()
        found["money"] = state.graph.spending.money(node, found)
        found["tokens"] = found.pop("prompt_tokens")
        found["tokens"].merge(found.pop("completion_tokens"))
        asset = sums.setdefault(item.node, {name: Sum() for name in AMOUNTS})
        for name in AMOUNTS:
            asset[name].merge(found[name])
        counts[item.node] = counts.get(item.node, 0) + 1
        unknown[item.node] = tuple(dict.fromkeys((*unknown.get(item.node, ()), *expected.unknown)))
        seconds[item.node, item.partition.key] = found["seconds"].expected
    total = {name: Sum() for name in AMOUNTS}
    for asset in sums.values():
        for name in AMOUNTS:
            total[name].merge(asset[name])
    lines = tuple(Line(name, counts[name], _ranges(asset), unknown[name]) for name, asset in sums.items())
    everything = tuple(dict.fromkeys(each for told in unknown.values() for each in told))
    whole = Line("total", sum(counts.values()), _ranges(total), everything)
    wall = _wall(state, seconds, workers)
    work = whole.amounts["seconds"]
    low, high = (bound * wall / work.expected if work.expected else bound for bound in (work.low, work.high))
    return Forecast(lines, whole, Range(wall, low, high), workers, state.graph.spending.prices.currency)


def _ranges(sums: dict[str, Sum]) -> dict[str, Range]:
    # Tokens do not depend on how fast the machine is.
    return {name: each.range(0.0) if name.endswith("tokens") else each.range() for name, each in sums.items()}


def _wall(state: State, seconds: dict[tuple[str, str], float], workers: int) -> float:
    """Stretch by stretch: as long as all of it shared by the workers, and no shorter than its longest job."""
    found = 0.0
    for stretch in state.graph.stretches:
        jobs: dict[str, float] = {}
        for (node, partition), taken in seconds.items():
            if node in stretch:
                jobs[partition] = jobs.get(partition, 0.0) + taken
        if jobs:
            found += max(sum(jobs.values()) / workers, *jobs.values())
    return found


def _rounded(amount: Range) -> dict[str, float]:
    return {name: float(f"{value:.4g}") for name, value in amount._asdict().items()}
