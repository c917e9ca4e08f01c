"""What is due will take: CPU, time, tokens, from the records of earlier runs and from what stands in the store.

For each partition: how many rows it will have to work on, which measures would be computed for them and which are remembered, and
what such work cost before (`engine.costs`). Nothing here looks at a stage by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from data4llm_assets.engine.costs import Guess, Load, Sum
from data4llm_assets.engine.experience import Experience, earlier_records
from data4llm_assets.engine.loads import driving, kind_of_work, listed, own_table
from data4llm_assets.engine.planner import Plan
from data4llm_assets.engine.records import LOADING, TEXTS
from data4llm_assets.engine.state import Missing, State
from data4llm_assets.engine.unmeasured import Unmeasured
from data4llm_assets.models.language_model import LanguageModelMethod
from data4llm_assets.node import Node, Partition

QUANTITIES = ("cpu_seconds", "seconds", "prompt_tokens", "completion_tokens", "training_tokens")
_NEW_TEXTS = 0.002
"""Share of texts that are new to a step although nothing that makes them changed: what comes before lets others through."""
_MAY_FOLLOW = 0.5
"""Share of what may follow that does, for what is paid once in each process: the fewer run, the more of them pay it."""
_LIKELY = 0.5
"""How likely a step must load a model for those after it to find it loaded."""
_PROMPT = 256
"""Tokens of a question before any was asked."""


class Expected(NamedTuple):
    """What one partition is expected to take, by quantity and by kind of work; and of which work nothing is known."""

    guesses: dict[str, list[tuple[str, Guess]]]
    unknown: tuple[str, ...]

    def sums(self) -> dict[str, Sum]:
        found: dict[str, Sum] = {}
        for quantity in QUANTITIES:
            found[quantity] = Sum()
            for kind, guess in self.guesses.get(quantity, ()):
                found[quantity].add(kind, guess)
        return found


class Forecaster:
    """Expectations for the partitions of one plan. `learn` takes in what a run did meanwhile."""

    def __init__(self, state: State, plan: Plan, workers: int, records: Iterable[Mapping[str, Any]] | None = None) -> None:
        """records: by default those of the newest runs in the store, and of probes."""
        self._state = state
        self._due = {(item.node, item.partition.key) for item in plan.due("run", "follow")}
        self._count: dict[str, float] = {}
        for item in plan.due("run", "follow"):
            sure = item.due == "run" or state.entry(item.node, item.partition.key).value is None
            self._count[item.node] = self._count.get(item.node, 0.0) + (1.0 if sure else _MAY_FOLLOW)
        self._workers = workers
        self._now = {name: kind_of_work(node) for name, node in state.graph.nodes.items() if name in self._count}
        given = records if records is not None else earlier_records(state.store) if self._due else []
        self._experience = Experience(given)
        self._rows: dict[tuple[str, str], float] = {}
        self._unmeasured = Unmeasured(state)
        self._loaders: dict[str, str] = {}
        """Who loads a model: the first that is found to need it."""

    def learn(self, record: Mapping[str, Any]) -> None:
        """Add what was just made."""
        self._experience.learn(record)

    def expect(self, node: Node, partition: Partition) -> Expected:
        """What a partition that is due will take, were it to run."""
        kind = self._now[node.name]
        past = self._experience.past(node.function)
        if not past:
            return Expected(self._asked_at_most(node, partition), (node.name,))
        load = self.load(node, partition)
        likely_first = min(1.0, self._workers / max(1.0, self._count[node.name]))
        guesses: dict[str, list[tuple[str, Guess]]] = {quantity: [] for quantity in QUANTITIES}
        unknown: list[str] = []
        if not any(record["kin"] == kind["kin"] for record in past):
            unknown.append(f"{node.name} by {', '.join(_short(each) for each in self._newcomers(node))}".removesuffix(" by "))
        for quantity in ("cpu_seconds", "seconds"):
            rates = self._experience.work(self._now[node.name], quantity)
            if rates is not None:
                guesses[quantity].append((f"{node.function}", rates.guess(load, likely_first, partition.key)))
        computing: dict[str, float] = {}
        for name, amount, part, luck in self._measures(node, partition, load):
            if amount.rows <= 0:
                continue
            few = amount.rows <= 2 * _NEW_TEXTS * load.rows
            computing[self._unmeasured.kind_of(part)] = min(_LIKELY - 0.1 if few else 1.0, amount.rows)
            for quantity in ("cpu_seconds", "seconds"):
                rates = self._experience.measure(part, self._unmeasured.kind_of(part), quantity)
                if rates is None:
                    unknown.append(f"{node.name}: {_short(name)}")
                    break
                guess = rates.guess(amount, likely_first, partition.key)
                chance = luck * (guess.expected / amount.rows) ** 2
                guesses[quantity].append((part, guess._replace(own=guess.own + chance)))
            if self._is_model(node, name):
                self._add_tokens(node, amount.rows, luck, guesses)
        for model, likely in self._loads(node, computing):
            for quantity in ("cpu_seconds", "seconds"):
                rates = self._experience.measure(model, "", quantity)
                if rates is not None:
                    guess, once = rates.guess(Load(1, 0)), likely * likely_first
                    own = once * (1 - once) * guess.expected**2
                    guesses[quantity].append((model, Guess(once * guess.expected, own, once * guess.shared)))
        trained = self._experience.work(self._now[node.name], "training_tokens")
        if trained is not None:
            guesses["training_tokens"].append((node.function, trained.guess(load, 0.0, partition.key)))
        return Expected(guesses, tuple(dict.fromkeys(unknown)))

    # How much there will be to do

    def load(self, node: Node, partition: Partition) -> Load:
        rows = self.rows(node, partition)
        files = listed(self._state, node, partition)
        if files is not None:
            return Load(rows if driving(node) else files.rows, files.bytes)
        return Load(
            rows,
            rows * self._experience.ratio(node.function, partition.key, lambda record: record["bytes_in"] / record["rows_in"], 0.0),
        )

    def rows(self, node: Node, partition: Partition) -> float:
        """Rows that will drive the work: those that stand, or those that what runs before is expected to leave."""
        if (node.name, partition.key) not in self._rows:
            self._rows[node.name, partition.key] = self._sum_rows(node, partition)
        return self._rows[node.name, partition.key]

    def _sum_rows(self, node: Node, partition: Partition) -> float:
        ref = driving(node)
        if ref is None:
            files = listed(self._state, node, partition)
            return files.rows if files is not None else 0.0
        above = self._state.graph.nodes[ref.node]
        read = next(read for read in self._state.graph.reads[node.name] if read.ref == ref)
        total = 0.0
        for each in self._state.reads_partitions(node, read, partition):
            if (above.name, each.key) in self._due:
                left = self.rows(above, each) * self._left(above, each, ref.table)
                total += left / self._state.graph.parts if node.grain == "part" else left
                continue
            try:
                file = self._state.table(above.name, each.key, own_table(ref.table, node, above, read, partition))
            except Missing:
                continue
            total += 0 if file is None else file.rows
        return total

    def _left(self, node: Node, partition: Partition, table: str) -> float:
        """Rows of a table for each row that comes in: as the partition, its shard, its source, or the step had it before."""
        return self._experience.ratio(
            node.function, partition.key, lambda record: record["wrote"].get(table, 0) / record["rows_in"], 1.0
        )

    # What is measured, and what is remembered

    def _measures(self, node: Node, partition: Partition, load: Load) -> Iterator[tuple[str, Load, str, float]]:
        """(kind of method, rows and bytes that would be computed, measure, variance of the rows) for each measure of a node."""
        now = {method.identity()["class"]: method for method in (*node.methods, *node.measures)}
        changed = self._texts_change(node, partition)
        seen = {
            name: part
            for name, part in self._parts(node, partition).items()
            if name != TEXTS and not name.startswith(LOADING) and (name in now or self._still_measured(name, node))
        }
        measures = {name: self._unmeasured.measure(now[name]) if name in now else part["measure"] for name, part in seen.items()}
        texts = Load(0.0, 0.0)
        for name, part in seen.items():
            measure = measures[name]
            asked, luck = load.rows * part["asked"], 0.0
            if self._is_model(node, name) and node.calls is not None:
                asked = node.calls(partition, load.rows) * part["called"]
            share = 1.0 if changed else self._unmeasured.share(node, partition, measure, measures.values(), asked)
            if (ref := driving(node)) is not None and (ref.node, partition.key) in self._due:
                share = max(share, _NEW_TEXTS)
            amount = Load(asked * share, asked * share * part["row_bytes"])
            if self._is_model(node, name):
                luck = amount.rows * (1 - share)
            if part["row_bytes"]:
                texts = max(texts, Load(min(amount.rows, load.rows), min(amount.bytes, load.rows * part["row_bytes"])))
            yield name, amount, measure, luck
        if texts.rows:
            yield TEXTS, texts, TEXTS, 0.0
        if node.calls is not None:
            # Of a partition like this none may have been asked about yet.
            calls = node.calls(partition, load.rows)
            for name in (name for name in now if name not in seen and self._is_model(node, name)):
                yield name, Load(calls, 0.0), self._unmeasured.measure(now[name]), 0.0
        if seen:
            earlier = {kind for record in self._experience.past(node.function) for kind in record.get("kinds", ())}
            for name in now.keys() - earlier:
                if node.calls is not None and self._is_model(node, name):
                    continue
                yield name, load, self._unmeasured.measure(now[name]), 0.0

    def _parts(self, node: Node, partition: Partition) -> dict[str, dict[str, Any]]:
        """The measures of a node's newest record: how often each was asked a row, and the bytes of one."""
        found: dict[str, dict[str, Any]] = {}
        for record in self._experience.near(node.function, partition.key):
            for part in record.get("measured", ()):
                asked = part["asked"] / record["rows_in"]
                called = part["asked"] / record["calls_at_most"] if record.get("calls_at_most") else 1.0
                told = {"measure": part["measure"], "asked": asked, "called": called, "row_bytes": 0.0}
                known = found.setdefault(part["kind"], told)
                if part["rows"] and not known["row_bytes"]:
                    known["row_bytes"] = part["bytes"] / part["rows"]
        return found

    def _loads(self, node: Node, computing: Mapping[str, float]) -> list[tuple[str, float]]:
        """Models that a node would load, and how likely: those it asks in any case, or for what it will have to measure, if none
        before it does."""
        found: dict[str, float] = {}
        for record in self._experience.past(node.function)[-8:]:
            computed = {part["kind"] for part in record["measured"] if part["rows"]}
            for part in record["measured"]:
                kind = part["kind"].removeprefix(LOADING)
                if kind != part["kind"] and part["asked"]:
                    likely = computing.get(kind, 0.0) if kind in computed else 1.0
                    found[part["measure"]] = max(likely, found.get(part["measure"], 0.0))
        for model, likely in found.items():
            if likely >= _LIKELY:
                self._loaders.setdefault(model, node.name)
        return [(model, likely) for model, likely in found.items() if self._loaders.get(model, node.name) == node.name]

    def _still_measured(self, name: str, node: Node) -> bool:
        """Whether a method that the recipe does not name, such as a tally's own, is still at work: if nothing else has gone."""
        earlier = {kind for record in self._experience.past(node.function) for kind in record.get("kinds", ())}
        return name not in earlier

    def _texts_change(self, node: Node, partition: Partition) -> bool:
        """Whether the texts that a node would measure are about to be made by other work than before."""
        if node.view is None or not node.view.texts:
            return False
        above = node.view.texts[0].node
        if (above, partition.key) not in self._due:
            return False
        function = self._state.graph.nodes[above].function
        before = [
            record for record in self._experience.past(function) if record["partition"] == partition.key and not record.get("probe")
        ]
        return not before or before[-1]["code"] != self._now[above]["code"]

    # Language models

    def _is_model(self, node: Node, name: str) -> bool:
        return any(isinstance(method, LanguageModelMethod) and method.identity()["class"] == name for method in node.methods)

    def _add_tokens(self, node: Node, calls: float, luck: float, guesses: dict[str, list[tuple[str, Guess]]]) -> None:
        for quantity in ("prompt_tokens", "completion_tokens"):
            rates = self._experience.work(self._now[node.name], quantity)
            if rates is not None:
                guess = rates.guess(Load(calls, 0))
                chance = luck * (guess.expected / calls) ** 2
                guesses[quantity].append((node.function, guess._replace(own=guess.own + chance)))
            else:
                guesses[quantity] += self._tokens_at_most(node, calls)[quantity]

    def _asked_at_most(self, node: Node, partition: Partition) -> dict[str, list[tuple[str, Guess]]]:
        if node.calls is None:
            return {}
        return self._tokens_at_most(node, node.calls(partition, self.rows(node, partition)))

    def _tokens_at_most(self, node: Node, calls: float) -> dict[str, list[tuple[str, Guess]]]:
        """Tokens of calls of which none was ever made: a guess for the question, the limit of the answer."""
        limits = [sampling.max_tokens for method in node.methods if (sampling := getattr(method, "sampling", None)) is not None]
        told = {"prompt_tokens": _PROMPT, "completion_tokens": max(limits, default=_PROMPT)}
        return {name: [(node.function, Guess(calls * each, 0.0, calls * each / 2))] for name, each in told.items()}

    def _newcomers(self, node: Node) -> list[str]:
        earlier = {kind for record in self._experience.past(node.function) for kind in record["kinds"]}
        return [kind for kind in self._now[node.name]["kinds"] if kind not in earlier]


def _short(kind: str) -> str:
    return kind.rpartition(":")[2]
