from __future__ import annotations

from pathlib import Path

import pytest
from toy import build, graph, world

from data4llm_assets.engine.alerts import Finding, findings, message, of_record, tell, without_words
from data4llm_assets.engine.budget import Allowance, Budget, Held, Prices, Spending
from data4llm_assets.engine.operation import Alerts, Webhook
from data4llm_assets.engine.records import read_records
from data4llm_assets.engine.run import Done, Job, Report
from data4llm_assets.engine.store import Store
from listeners import Hook, serving


@pytest.fixture
def report(tmp_path: Path) -> Report:
    """Of a run that refused the one shard of source b."""
    folder = world(tmp_path / "world", a__one="hello", b__x="yes", b__y="never mind")
    build(store := Store(str(tmp_path / "store")), graph(folder))
    return build(store, graph(folder, minimum=100, retention=(0.05, 1.0)), run="second")


def test_a_refusal_is_told_with_its_numbers_and_where_to_look(report: Report) -> None:
    (found,) = findings(report)
    assert (found.kind, found.asset, found.partition) == ("refused", "kept", "b-0|first")
    (failed,) = found.expectations
    assert (failed["column"], failed["observed"], failed["bounds"]) == ("retention", 0.0, {"min_value": 0.05, "max_value": 1.0})
    told = message(Alerts(interface="http://data.example.org:3000/"), "toy", "second", "toy: 1 refused", [found])
    assert told["text"].splitlines() == [
        "toy: 1 refused (run second)",
        f"refused kept b-0|first: [abundance] retention is 0, outside 0.05 to 1. {failed['why']}",
        "What was published before stays current and readable.",
        "Look at http://data.example.org:3000/assets/toy/kept?view=checks",
    ]
    assert told["counts"] == {"refused": 1}
    assert told["findings"][0]["expectations"] == [failed]


def test_records_of_a_run_tell_the_same(report: Report, tmp_path: Path) -> None:
    records = [of_record(record) for record in read_records(Store(str(tmp_path / "store")), "second")]
    assert [found for found in records if found is not None] == findings(report)


def test_no_words_of_an_error_are_told_for_they_may_be_a_documents() -> None:
    job = Job(("filtered",), "docs-0|first")
    report = Report("run")
    report.failures = [
        Done(job, (), "filtered: ValueError: cannot parse 'Dear Jane: my number'", "Traceback …"),
        Done(job, (), "filtered: package.errors.Broken: Jane", "Traceback …"),
        Done(job, (), "filtered: killed its worker 2 times (out of memory?)"),
    ]
    assert [found.error for found in findings(report)] == [
        "ValueError",
        "package.errors.Broken",
        "killed its worker 2 times (out of memory?)",
    ]
    assert without_words("what Jane said") == "an error"
    record = {"result": "failed", "node": "filtered", "partition": "p", "error": "KeyError: 'Jane'"}
    assert of_record(record) == Finding("failed", "filtered", "p", error="KeyError")
    assert of_record({"result": "published", "node": "filtered", "partition": "p"}) is None


def test_an_observed_value_that_is_no_number_is_left_out() -> None:
    check = {"quality": "sanitization", "severity": "critical", "passed": False, "frame": "partition", "column": "worst"}
    checks = [check | {"observed": ["Jane Roe"], "bounds": {}, "why": "Nothing private stays."}]
    found = of_record({"result": "refused", "node": "filtered", "partition": "p", "checks": checks})
    assert found is not None
    assert "Jane" not in str(found)


def test_one_message_tells_of_many_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_URL", "")
    said = [Finding("failed", "filtered", f"p{number}", error="ValueError") for number in range(150)]
    with serving(Hook()) as server:
        monkeypatch.setenv("HOOK_URL", server.url)
        alerts = Alerts(on=("failed", "budget"), webhook=Webhook(url_env="HOOK_URL"))
        assert tell(alerts, "toy", "run", [*said, Finding("refused", "kept")]) == []
        assert tell(alerts, "toy", "run", [Finding("refused", "kept")]) == []
        assert tell(alerts, "toy", "run", []) == []
    ((_, posted),) = server.posted
    assert posted["text"].startswith("toy: 150 failed (run run)\nfailed filtered p0: ValueError\n")
    assert "and 140 more\n" in posted["text"]
    assert posted["counts"] == {"failed": 150}
    assert len(posted["findings"]) == 100


def test_what_a_budget_held_back_is_told() -> None:
    allowance = Allowance(Spending(Prices(), Budget(tokens=10)))
    allowance.held["texts", "a-0|first"] = Held("texts", "a-0|first", "tokens", 30.0, 10.0, True)
    (finding,) = findings(Report("run", allowance=allowance))
    assert finding.told() == "budget texts a-0|first: not begun, for budget.tokens might not suffice"
