"""What a run may spend, what things cost, and the gate that jobs pass one by one: none begins that might exceed what is left.

A budget is that of one run. It is in no fingerprint: what is made within it is what would be made without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import Field

from data4llm_assets.engine.costs import MACHINE, Sum
from data4llm_assets.method import Parameters
from data4llm_assets.models.language_model import LanguageModelMethod
from data4llm_assets.node import Node

_TOLD = 8
"""Partitions that were not begun and are named one by one."""


class Price(Parameters):
    """What a model's tokens cost."""

    input: float = Field(0.0, ge=0, description="per million tokens of prompts")
    output: float = Field(0.0, ge=0, description="per million tokens that are generated")


class Prices(Parameters):
    """What a run is charged, for forecasts and for `budget.money`. Changes no result, so it is in no fingerprint."""

    currency: str = Field("USD", min_length=1, description="what the prices are in; only shown")
    cpu_hour: float = Field(0.0, ge=0, description="of one core")
    models: dict[str, Price] = Field(
        default_factory=dict, description="by the `model` that a server knows it by; an embedded model costs its CPU time"
    )


def price_name(model: LanguageModelMethod) -> str:
    """What a model is called in `prices`."""
    return str(getattr(model, "model", model.method))


class Budget(Parameters):
    """What one run may spend. Before it is exceeded the run stops: what is whole is published, and the next `data4llm run` goes on
    with a budget of its own. The unit is a partition: one whose forecast does not fit is not begun."""

    cpu_hours: float | None = Field(None, gt=0, description="CPU time of making partitions; starting workers is not counted")
    tokens: int | None = Field(None, ge=1, description="tokens of language models, prompts and answers together")
    money: float | None = Field(None, gt=0, description="in the currency of `prices`, which it needs")


class Spent(NamedTuple):
    """Amounts, spent or expected."""

    cpu_hours: float = 0.0
    tokens: float = 0.0
    money: float = 0.0

    def plus(self, other: Spent) -> Spent:
        return Spent(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


@dataclass(frozen=True)
class Spending:
    """The recipe's prices and budget, beside its graph."""

    prices: Prices = field(default_factory=Prices)
    budget: Budget = field(default_factory=Budget)

    @property
    def limited(self) -> bool:
        return any(limit is not None for limit in self.limits())

    def limits(self) -> tuple[float | None, float | None, float | None]:
        return self.budget.cpu_hours, self.budget.tokens, self.budget.money

    def price(self, node: Node) -> Price:
        """Of the model that a node asks."""
        models = (method for method in node.methods if isinstance(method, LanguageModelMethod))
        named = (self.prices.models.get(price_name(model)) for model in models)
        return next((price for price in named if price is not None), Price())

    def spent(self, node: Node, record: Mapping[str, Any]) -> Spent:
        """What a run record says was spent on a partition of a node."""
        counters = record.get("counters", {})
        asked, answered = counters.get("prompt_tokens", 0), counters.get("completion_tokens", 0)
        return self.charge(node, record["cpu_seconds"], asked, answered)

    def charge(self, node: Node, cpu_seconds: float, prompt_tokens: float, completion_tokens: float) -> Spent:
        price = self.price(node)
        tokens = (prompt_tokens * price.input + completion_tokens * price.output) / 1e6
        hours = cpu_seconds / 3600
        return Spent(hours, prompt_tokens + completion_tokens, hours * self.prices.cpu_hour + tokens)

    def money(self, node: Node, sums: Mapping[str, Sum]) -> Sum:
        """Expected money of expected work."""
        price = self.price(node)
        found = sums["cpu_seconds"].scaled(self.prices.cpu_hour / 3600)
        found.merge(sums["prompt_tokens"].scaled(price.input / 1e6))
        found.merge(sums["completion_tokens"].scaled(price.output / 1e6))
        return found

    def at_most(self, node: Node, sums: Mapping[str, Sum]) -> Spent:
        """The upper ends of the 90 % intervals of expected work: what is set aside for it."""
        tokens = Sum()
        tokens.merge(sums["prompt_tokens"])
        tokens.merge(sums["completion_tokens"])
        money = self.money(node, sums)
        return Spent(sums["cpu_seconds"].range().high / 3600, tokens.range(0.0).high, money.range(MACHINE).high)


class Held(NamedTuple):
    """A partition that was not begun, for its forecast did not fit. alone: nor would it into the whole budget."""

    node: str
    partition: str
    limit: str
    needs: float
    left: float
    alone: bool


Step = tuple[str, str]
"""A node and a partition."""
Expectation = Callable[[str, str], Spent]
"""What is to be set aside for a step."""


class Allowance:
    """The account of one run: what was spent, and what is set aside for what is under way."""

    def __init__(self, spending: Spending) -> None:
        self._spending = spending
        self.spent = Spent()
        self.held: dict[Step, Held] = {}
        self._under_way: dict[Step, Spent] = {}

    def fitting(self, steps: Sequence[Step], expect: Expectation) -> int:
        """How many of these steps, from the first on, fit into what is left. For those it is set aside; the next one is held."""
        for count, step in enumerate(steps):
            needs = expect(*step)
            if (held := self._held(step, needs)) is not None:
                self.held[step] = held
                return count
            self.held.pop(step, None)
            self._under_way[step] = needs
        return len(steps)

    def settle(self, steps: Sequence[Step], spent: Mapping[Step, Spent], *, failed: bool) -> None:
        """What became of steps that were under way. Of a job that failed, the first step without a record died at its work, and
        counts as what was set aside for it."""
        for step in steps:
            set_aside = self._under_way.pop(step, Spent())
            if step in spent:
                self.spent = self.spent.plus(spent[step])
            elif failed:
                self.spent, failed = self.spent.plus(set_aside), False

    def told(self) -> list[str]:
        """What was reached, what is left, and how to go on: a line each, for people."""
        if not self.held:
            return []
        limits = dict(zip(Spent._fields, self._spending.limits(), strict=True))
        used = dict(zip(Spent._fields, self.spent, strict=True))
        reached = dict.fromkeys(each.limit for each in self.held.values())
        lines = [f"budget.{name} of {self._amount(name, limits[name])}: {self._amount(name, used[name])} spent" for name in reached]
        for each in list(self.held.values())[:_TOLD]:
            needs, left = self._amount(each.limit, each.needs), self._amount(each.limit, each.left)
            line = f"not begun: {each.node} {each.partition}".rstrip() + f", which may need {needs} where {left} are left"
            if each.alone:
                line += f"; no run can begin it before budget.{each.limit} is raised to as much"
            lines.append(line)
        if len(self.held) > _TOLD:
            lines.append(f"nor {len(self.held) - _TOLD} more")
        return lines

    def _amount(self, name: str, value: float | None) -> str:
        number = value or 0.0
        if name == "tokens":
            return f"{number:,.0f} tokens"
        return f"{number:.4g} CPU hours" if name == "cpu_hours" else f"{number:,.4g} {self._spending.prices.currency}"

    def _held(self, step: Step, needs: Spent) -> Held | None:
        taken = self.spent
        for under_way in self._under_way.values():
            taken = taken.plus(under_way)
        named = zip(Spent._fields, self._spending.limits(), self.spent, taken, needs, strict=True)
        for name, limit, spent, used, need in named:
            if limit is None or (need <= 0 and not self._unforeseen(name)):
                continue
            if used + need > limit or used >= limit:
                return Held(*step, name, need, max(0.0, limit - spent), need > limit)
        return None

    def _unforeseen(self, name: str) -> bool:
        """Whether work of which nothing is known is sure to take some of it: it may begin as long as any is left."""
        return name == "cpu_hours" or (name == "money" and self._spending.prices.cpu_hour > 0)
