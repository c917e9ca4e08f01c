"""What is told when a run did not end well: which partitions were refused or failed, with the numbers, and where to look.

One message a run. It holds numbers, names of assets and sentences of this program: no text of documents, hence no words of
errors either, which quote what they stumbled over; Dagster shows those. How it travels: `messengers`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data4llm_assets.engine.budget import Held
from data4llm_assets.engine.expectations import refused, sentence
from data4llm_assets.engine.messengers import DEADLINE, deliver
from data4llm_assets.engine.operation import Alerts, Kind
from data4llm_assets.engine.run import Done, Report

_LINES = 10
"""Partitions that the text names; the others are counted."""
_FINDINGS = 100
"""Partitions that the structured fields name."""
_RAISED = re.compile(r"[A-Za-z_][\w.]*(?=:|$)")
_LOOK = "What was published before stays current and readable."


@dataclass(frozen=True)
class Finding:
    """One partition that was refused or failed, or a budget that ran out. `error`: a kind of exception, or our own sentence."""

    kind: Kind
    asset: str
    partition: str = ""
    expectations: tuple[Mapping[str, Any], ...] = ()
    error: str = ""

    def told(self) -> str:
        """One line for people."""
        what = "; ".join(f"[{each['quality']}] {sentence(each)}" for each in self.expectations) or self.error
        return f"{self.kind} {self.asset} {self.partition}".rstrip() + (f": {what}" if what else "")


def findings(report: Report) -> list[Finding]:
    """What went wrong in a run."""
    found = [refusal(outcome.node, outcome.partition, outcome.checks) for outcome in report.refused()]
    held = report.allowance.held.values() if report.allowance is not None else ()
    return found + [_failure(done) for done in report.failures] + [_short(each) for each in held]


def of_record(record: Mapping[str, Any]) -> Finding | None:
    """What a run record says of a partition, if it did not end well."""
    if record["result"] == "refused":
        return refusal(record["node"], record["partition"], record["checks"])
    if record["result"] == "failed":
        return Finding("failed", record["node"], record["partition"], error=without_words(record["error"]))
    return None


def refusal(asset: str, partition: str, checks: Sequence[Mapping[str, Any]]) -> Finding:
    """The failed expectations with their numbers; an observed value that is none is left out."""
    kept = ("quality", "column", "observed", "bounds", "why")
    failed = tuple({name: each[name] for name in kept} | {"observed": _number(each["observed"])} for each in refused(checks))
    return Finding("refused", asset, partition, failed)


def tell(alerts: Alerts, corpus: str, run: str, found: Iterable[Finding], *, deadline: float = DEADLINE) -> list[str]:
    """Send one message about a run, if there is anything to tell and anybody to be told; what could not be delivered, a line each.

    Never raises for a server that is down, slow or strange, and never takes much longer than `deadline` seconds.
    """
    said = [finding for finding in found if finding.kind in alerts.on]
    if not said or not alerts.wanted:
        return []
    counts = Counter(finding.kind for finding in said)
    head = f"{corpus}: " + ", ".join(f"{counts[kind]} {kind}" for kind in ("refused", "failed", "budget") if counts[kind])
    return deliver(alerts, f"data4llm {head}", message(alerts, corpus, run, head, said), deadline=deadline)


def message(alerts: Alerts, corpus: str, run: str, head: str, said: Sequence[Finding]) -> dict[str, Any]:
    """The JSON of a message: `text` for people, the rest for programs."""
    lines = [finding.told() for finding in said[:_LINES]]
    if len(said) > _LINES:
        lines.append(f"and {len(said) - _LINES} more")
    places = dict.fromkeys(_place(alerts, corpus, finding.asset) for finding in said[:_LINES] if finding.asset)
    text = "\n".join([f"{head} (run {run})" if run else head, *lines, _LOOK, *(f"Look at {place}" for place in places)])
    told = [
        {
            "kind": finding.kind,
            "asset": finding.asset,
            "partition": finding.partition,
            "expectations": [dict(each) for each in finding.expectations],
            "error": finding.error,
            "look": _place(alerts, corpus, finding.asset) if finding.asset else "",
        }
        for finding in said[:_FINDINGS]
    ]
    counts = dict(Counter(finding.kind for finding in said))
    return {"text": text, "corpus": corpus, "run": run, "counts": counts, "findings": told}


def without_words(error: str) -> str:
    """The kind of an exception out of `ValueError: …`: what it says may be what a document says."""
    raised = _RAISED.match(error.strip())
    return raised[0] if raised else "an error"


def _short(held: Held) -> Finding:
    return Finding("budget", held.node, held.partition, error=f"not begun, for budget.{held.limit} might not suffice")


def _failure(done: Done) -> Finding:
    node, _, rest = str(done.error).partition(": ")
    # With a trace it is somebody's exception, without one a sentence of ours.
    return Finding("failed", node, done.job.partition, error=without_words(rest) if done.trace else rest)


def _place(alerts: Alerts, corpus: str, asset: str) -> str:
    if alerts.interface is not None:
        return f"{alerts.interface.rstrip('/')}/assets/{corpus}/{asset}?view=checks"
    return f"the checks of the asset {corpus}/{asset} in Dagster (data4llm ui)"


def _number(value: Any) -> float | int | str | None:
    return value if isinstance(value, (int, float)) else "(not a number: see Dagster)"
