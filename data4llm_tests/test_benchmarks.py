"""The benchmarks themselves: turns, failures, figures, and that README and plots say what results.json has."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import contest, figures, plots, table
from benchmarks.contest import Contender, Measured, Run
from benchmarks.environments import Unavailable, environment

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results.json"
PROGRAM = """
import json, os, sys
given = json.load(open(sys.argv[1]))
open(given["trace"], "a").write(given["name"])
if given.get("broken"):
    sys.exit("no such luck")
taken = {"seconds": given["seconds"], "cpu_seconds": 0, "documents": 10, "bytes": 100}
taken["counters"] = {"cores": len(os.sched_getaffinity(0))}
print("some talk"); print(json.dumps(taken))
"""


def measured(name: str, *seconds: float, documents: int = 10) -> Measured:
    return Measured(
        name, "ours" if name == "ours" else "peer", tuple(Run(each, each, documents, 0, each, 1000) for each in seconds)
    )


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


def test_contenders_run_in_turn_pinned_to_their_cores_and_one_that_fails_is_told(program: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"

    def entered(name: str, repetitions: int, **more: object) -> Contender:
        given = {"name": name, "trace": str(trace), "seconds": 1.5, **more}
        return Contender(name, "peer", Path(sys.executable), program, given, repetitions)

    found = contest.race([entered("a", 2), entered("b", 3), entered("c", 2, broken=True)], lambda _line: None)
    assert trace.read_text() == "abcabb"
    assert [len(found[name].runs) for name in "abc"] == [2, 3, 0]
    assert found["c"].failure == "no such luck"
    assert found["a"].runs[0].counters == {"cores": 1}
    assert found["a"].runs[0].peak_memory > 0


def test_a_ratio_is_of_seconds_for_the_same_amount_of_work() -> None:
    rows = figures.rates({"ours": measured("ours", 1, 2, 9), "peer": measured("peer", 8, documents=2)}, "ours", "documents/s")
    assert [(row.contender, row.figure, row.ratio) for row in rows] == [
        ("ours", "5.0 documents/s", None),
        ("peer", "0.2 documents/s", 20),
    ]
    assert figures.ahead_of_all(rows).met
    assert figures.at_least("50 ×", figures.ratio_of(rows, "peer"), 50, "{:.0f} ×") == figures.Verdict("50 ×", "20 ×", False)


def test_a_peer_that_was_not_run_is_a_row_with_its_reason_and_no_verdict() -> None:
    failed = Measured("peer", "peer", failure="cannot be installed here: no wheel")
    rows = figures.rates({"ours": measured("ours", 1), "peer": failed}, "ours", "documents/s")
    assert (rows[1].figure, rows[1].note) == ("not run", "cannot be installed here: no wheel")
    assert figures.ahead_of_all(rows).met is None


def test_an_environment_without_requirements_is_unavailable(tmp_path: Path) -> None:
    assert isinstance(environment("nobody", tmp_path), Unavailable)


def test_the_documents_tables_and_the_plots_are_those_of_the_results(tmp_path: Path) -> None:
    results = json.loads(RESULTS.read_text())
    readme = (ROOT / "README.md").read_text()
    assert table.into(readme, table.RESULTS, table.as_markdown(results)) == readme, "make bench-report"
    engines = json.loads((ROOT / "benchmarks" / table.ENGINES).read_text())
    extraction = (ROOT / "docs" / "extraction.md").read_text()
    assert table.into(extraction, table.ENGINES, table.engines_as_markdown(engines)) == extraction, "make bench-report"
    for path in plots.write_plots(results, tmp_path):
        assert path.read_text() == (ROOT / "docs" / "plots" / path.name).read_text(), "make bench-report"


def test_every_comparison_of_the_code_is_in_the_results() -> None:
    from benchmarks.cases import CASES

    told = [comparison["name"] for comparison in json.loads(RESULTS.read_text())["comparisons"]]
    assert told == [case.__name__ for case in CASES]


def test_results_taken_again_replace_old_ones_and_new_comparisons_find_their_place() -> None:
    from benchmarks.__main__ import updated
    from benchmarks.cases import CASES

    first, second, third = (case.__name__ for case in CASES[:3])
    before = {"machine": "m", "comparisons": [{"name": first, "taken": 1}, {"name": third, "taken": 1}]}
    now = {"machine": "m", "comparisons": [{"name": third, "taken": 2}, {"name": second, "taken": 2}]}
    told = updated(before, now)
    assert [(each["name"], each["taken"]) for each in told["comparisons"]] == [(first, 1), (second, 2), (third, 2)]
    assert told["taken_again"] == sorted([second, third])
    with pytest.raises(ValueError, match="another machine"):
        updated(before, {**now, "machine": "n"})
