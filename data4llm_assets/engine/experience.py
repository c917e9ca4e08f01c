"""What earlier runs tell of work: their records, which of them are of the same kind, and the rates they give (`engine.costs`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from data4llm_assets.engine.costs import Load, Rates, Seen, fit, places
from data4llm_assets.engine.store import Store

PROBES = "probes"
"""Folder of the records that probes left (`evaluation.probe`), beside `runs`."""
_NEWEST_RUNS = 8
"""Runs that a forecast looks back: older ones say how another machine, or another version, was."""
_MOST_OF_A_STEP = 128
"""Records of a step in a run that are read, spread over its partitions: more say the same."""
_NEAR = 8
"""Records that tell what a partition is like."""
_FADING = 0.6
"""What an observation says, for each run that came after it."""
_PROBED = 0.3
"""What an observation of a probe says beside those of runs."""
_OTHER_PARAMETERS, _OTHER_METHODS = 0.3, 1.0
"""Relative errors where only work with other parameters, or by other methods, was seen."""
_FINISHED = ("published", "refused")
Record = Mapping[str, Any]


class Experience:
    """Records, and rates fitted to them when they are asked for."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._records: list[Record] = []
        self._by_function: dict[str, list[Record]] = {}
        self._places: dict[str, dict[str, list[Record]]] = {}
        self._rates: dict[tuple[str, ...], Rates | None] = {}
        for record in records:
            self.learn(record)

    def learn(self, record: Record) -> None:
        """Add what was made, if it was made to its end: a failure says little of how long success takes."""
        if record.get("result") in _FINISHED and "code" in record:
            self._records.append(record)
            self._by_function.setdefault(record["function"], []).append(record)
            self._rates.clear()
            self._places.clear()

    def ratio(self, function: str, partition: str, of: Callable[[Record], float], otherwise: float) -> float:
        """A ratio as a partition, its shard or its source had it last, else on average; `otherwise` if nothing is known."""
        records = self.near(function, partition)
        if records and not set(places(partition)).isdisjoint(places(records[0]["partition"])):
            return of(records[0])
        return sum(map(of, records)) / len(records) if records else otherwise

    def near(self, function: str, partition: str) -> list[Record]:
        """The newest records of a step, newest first: of this partition, else of its shard, of its source, or of any."""
        if function not in self._places:
            found: dict[str, list[Record]] = {"": []}
            for record in reversed(self.past(function)):
                if record.get("rows_in") and "wrote" in record:
                    for place in ("", *places(record["partition"])):
                        found.setdefault(place, []).append(record)
            self._places[function] = found
        known = self._places[function]
        return next((known[place][:_NEAR] for place in (*places(partition), "") if place in known), [])

    def past(self, function: str) -> list[Record]:
        """All records of a step, the oldest first."""
        return self._by_function.get(function, [])

    def work(self, kind: Mapping[str, Any], quantity: str) -> Rates | None:
        """Rates of a step apart from what it measures; of tokens, by calls of a model. None if nothing is known.

        kind : as `loads.kind_of_work` has it.
        """
        key = ("work", kind["code"], quantity)
        if key not in self._rates:
            past = self.past(kind["function"])
            same = [record for record in past if record["code"] == kind["code"]]
            kin = [record for record in past if record["kin"] == kind["kin"]]
            doubt = 0.0 if same else _OTHER_PARAMETERS if kin else _OTHER_METHODS
            ages = _ages(same or kin or past)
            told = (_rest(record, quantity, ages) for record in same or kin or past)
            seen = [each for each in told if each is not None]
            self._rates[key] = fit(seen, doubt) if seen else None
        return self._rates[key]

    def measure(self, measure: str, kind: str, quantity: str) -> Rates | None:
        """Rates of a measure, in whichever step; else of others by the same kind of method."""
        key = ("measure", measure, quantity)
        if key not in self._rates:
            parts = [(record, part) for record in self._records for part in record["measured"] if part["rows"]]
            same = [(record, part) for record, part in parts if part["measure"] == measure]
            kin = [(record, part) for record, part in parts if part["kind"] == kind]
            ages = _ages([record for record, _ in same or kin])
            seen = [
                Seen(part[quantity], Load(part["rows"], part["bytes"]), part["first"], record["partition"], ages[_run(record)])
                for record, part in same or kin
            ]
            self._rates[key] = fit(seen, 0.0 if same else _OTHER_PARAMETERS) if seen else None
        return self._rates[key]


def earlier_records(store: Store) -> list[dict[str, Any]]:
    """What was made to its end in the newest runs, in order of time, after what the last probe made."""
    found = [{**record, "probe": True} for run, paths in _by_run(store, PROBES)[-1:] for record in _read(store, paths)]
    found += [record for run, paths in _by_run(store, "runs")[-_NEWEST_RUNS:] for record in _read(store, paths)]
    return [record for record in found if record.get("result") in _FINISHED]


def _by_run(store: Store, folder: str) -> list[tuple[str, list[str]]]:
    runs: dict[str, list[str]] = {}
    for path, _, _ in store.objects(f"{folder}/"):
        runs.setdefault(path.split("/")[1], []).append(path)
    return sorted(runs.items())


def _read(store: Store, paths: Iterable[str]) -> Iterator[dict[str, Any]]:
    steps: dict[str, list[str]] = {}
    for path in sorted(paths):
        steps.setdefault(path.rpartition("/")[0], []).append(path)
    chosen = [path for step in steps.values() for path in step[:: max(1, -(-len(step) // _MOST_OF_A_STEP))]]
    for data in store.get_all(chosen):
        if data is not None:
            yield json.loads(data)


def _rest(record: Mapping[str, Any], quantity: str, ages: Mapping[str, float]) -> Seen | None:
    """What a partition cost apart from what it measured; tokens by the calls that were made."""
    load = Load(record["rows_in"], record["bytes_in"])
    weight = ages[_run(record)]
    if quantity in ("cpu_seconds", "seconds"):
        cost = max(0.0, record[quantity] - sum(part[quantity] for part in record["measured"]))
        return Seen(cost, load, record["first"], record["partition"], weight)
    counters = record["counters"]
    if quantity == "training_tokens":
        return Seen(counters[quantity], Load(load.rows, 0), False, record["partition"], weight) if quantity in counters else None
    if not counters.get("model_calls"):
        return None
    return Seen(counters.get(quantity, 0), Load(counters["model_calls"], 0), False, "", weight)


def _ages(records: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """How much each run's observations say: the newest most, a probe's little."""
    found = list(records)
    runs = sorted({_run(record) for record in found if not record.get("probe")}, reverse=True)
    ages = {run: _FADING**age for age, run in enumerate(runs)}
    return {**{_run(record): _PROBED if runs else 1.0 for record in found if record.get("probe")}, **ages}


def _run(record: Mapping[str, Any]) -> str:
    return str(record["run"])
