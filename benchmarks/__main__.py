"""`python -m benchmarks`: make the inputs, run every comparison, print the table, write the JSON behind README and plots."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from benchmarks.cases import CASES, NOT_BEFORE, Bench
from benchmarks.figures import Comparison
from benchmarks.table import as_text

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).parent / "results.json"


def main() -> int:
    names = [case.__name__ for case in CASES]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small inputs, one run each: whether all works, in minutes")
    parser.add_argument("--only", action="append", choices=names, help="this comparison alone (again for more)")
    parser.add_argument("--update", action="store_true", help="with --only: take these comparisons into results.json")
    parser.add_argument("--folder", type=Path, default=ROOT / ".bench", help="where inputs and the peers' environments are kept")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    began = time.time()

    def tell(line: str) -> None:
        print(f"[{time.time() - began:6.0f} s] {line}", flush=True)

    bench = Bench(chosen.folder, chosen.quick, tell)
    finished: list[Comparison] = []
    for case in CASES:
        if chosen.only and case.__name__ not in chosen.only:
            continue
        tell(case.__name__)
        try:
            comparison = case(bench)
        except Exception as error:  # one comparison that breaks must not cost the figures of the others
            tell(f"  broke: {type(error).__name__}: {error}")
            finished.append(Comparison(case.__name__, case.__name__, f"broke: {type(error).__name__}: {error}", (), ()))
            continue
        if chosen.quick:
            # Small inputs measure start-up more than work: they show that all runs, and say nothing of bars.
            comparison = replace(comparison, verdicts=tuple(replace(verdict, met=None) for verdict in comparison.verdicts))
        finished.append(comparison)
        print(as_text(comparison.as_json()), flush=True)
    results: dict[str, Any] = {
        "command": "make bench-quick" if chosen.quick else "make bench",
        "date": time.strftime("%Y-%m-%d", time.gmtime(began)),
        "minutes": round((time.time() - began) / 60, 1),
        "machine": machine(),
        "inputs": inputs(chosen.folder),
        "comparisons": [comparison.as_json() for comparison in finished],
    }
    whole = not chosen.quick and (chosen.update or not chosen.only)
    if whole and (needed := [row["note"] for each in results["comparisons"] for row in each["rows"] if NOT_BEFORE in row["note"]]):
        tell(f"not written: {', '.join(sorted(set(needed)))}; name it with --only, too")
        return 1
    if whole and chosen.update:
        results = updated(json.loads(RESULTS.read_text()), results)
    target = RESULTS if whole else chosen.folder / "results.json"
    target.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    tell(f"written: {os.path.relpath(target)}" + ("; README and plots: make bench-report" if whole else ""))
    missed = [verdict["bar"] for each in results["comparisons"] for verdict in each["verdicts"] if verdict["met"] is False]
    broken = [each.name for each in finished if not each.rows]
    tell(f"bars missed: {', '.join(missed) or 'none'}" + (f"; broken: {', '.join(broken)}" if broken else ""))
    return 1 if broken else 0


def updated(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Results with the comparisons of `now`, new or in the place of old ones. Raises ValueError on another machine."""
    if before["machine"] != now["machine"]:
        msg = "results.json was taken on another machine or Python: run all of it again"
        raise ValueError(msg)
    fresh = {comparison["name"]: comparison for comparison in now["comparisons"]}
    known = {comparison["name"]: comparison for comparison in before["comparisons"]} | fresh
    again = sorted({*before.get("taken_again", ()), *fresh})
    return {
        **before,
        "taken_again": again,
        "comparisons": [known[case.__name__] for case in CASES if case.__name__ in known],
    }


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), platform.machine()
    )
    memory = round(psutil.virtual_memory().total / 2**30)
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_GiB": memory,
        "python": sys.version.split()[0],
        "system": platform.platform(),
    }


def inputs(folder: Path) -> dict[str, Any]:
    """The descriptions that lie beside the inputs: counts, digests, versions of the packages they come from."""
    found = [path for depth in ("*", "*/*") for path in sorted((folder / "inputs").glob(f"{depth}.json"))]
    return {path.relative_to(folder / "inputs").with_suffix("").as_posix(): json.loads(path.read_text()) for path in found}


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


if __name__ == "__main__":
    raise SystemExit(main())
