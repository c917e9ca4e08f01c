from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import polars as pl
import psutil
import pytest

from data4llm_assets.extracted_text import child_process, containment, outcomes
from data4llm_assets.extracted_text.containment import ContainmentFailed, contained
from data4llm_assets.extracted_text.extraction import Extracted, Extraction, Refused
from data4llm_assets.extracted_text.plain import Plain
from data4llm_assets.extracted_text.stage import ExtractedText
from data4llm_assets.node import Ref, View
from data4llm_assets.raw_crawl.files import Files
from data4llm_assets.raw_crawl.stage import RawCrawl
from extracted_text.bad_methods import Obedient, ran, record
from raw_crawl.crawl_work import CrawlWork, place

RECORDS = Ref("raw_crawl", "records")
FILES = Files(kind="files", path="x", domain="docs")
NO_FILES: Mapping[str, bytes] = MappingProxyType({})
NAME = "extracted_text.bad_methods:Obedient"


@pytest.fixture(autouse=True)
def nobody_left() -> Iterator[None]:
    """No process of a test outlives it, but for the one that is kept."""
    containment.end_idle()
    before = set(below(os.getpid()))
    yield
    containment.end_idle()
    assert not left([pid for pid in below(os.getpid()) if pid not in before], timeout=5)


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes"
    path.touch()
    return path


class Made(NamedTuple):
    documents: pl.DataFrame
    decisions: pl.DataFrame
    reasons: dict[str, str]
    """Rule and reason by file."""
    work: CrawlWork


def extract(
    orders: list[str], notes: Path, before: Made | None = None, *, others: Mapping[str, bytes] = NO_FILES, **parameters: Any
) -> Made:
    """A partition with a file for each order, and `others`. `before`: one whose records are known."""
    source = CrawlWork({**{f"{number:02}.txt": order.encode() for number, order in enumerate(orders)}, **others})
    (crawl,) = RawCrawl().nodes(place("raw_crawl", FILES))
    crawl.make(source)
    records = source.table("records", crawl)
    section = ExtractedText.model_validate({"code": None, "plain": {"method": NAME, "notes": str(notes), **parameters}})
    (node,) = section.nodes(place("extracted_text", FILES, View(kept=RECORDS)))
    work = CrawlWork(source._files, {RECORDS: records})
    if before is not None:
        work.records = before.work.records
    node.make(work)
    found, decisions = work.table("documents", node), work.table("decisions", node)
    assert sorted([*found["doc_id"], *decisions["doc_id"]]) == sorted(records["doc_id"])
    reasons = decisions.join(records, on="doc_id").select("locator", pl.format("{}: {}", "rule", "reason"))
    return Made(found, decisions, dict(reasons.iter_rows()), work)


def pids(notes: Path) -> set[str]:
    return {line.split()[0] for line in notes.read_text().splitlines()}


ORDERS = [f"page {number}" for number in range(30)]


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ("crash", f"extracted_text.crashed: {NAME} killed its worker (signal 11)"),
        ("hang", f"extracted_text.hung: {NAME} did not come back within 1 s"),
        ("hang_in_c", f"extracted_text.hung: {NAME} did not come back within 1 s"),
        ("hang_with_child", f"extracted_text.hung: {NAME} did not come back within 1 s"),
        ("allocate", f"extracted_text.crashed: {NAME} killed its worker (out of memory)"),
        ("exit", f"extracted_text.crashed: {NAME} killed its worker (exit status 3)"),
        ("exit_at_once", f"extracted_text.crashed: {NAME} killed its worker (exit status 4)"),
    ],
)
def test_a_page_that_a_method_does_not_survive_is_named_and_never_tried_again(
    order: str, reason: str, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containment, "MOST_SECONDS", 1.0 if order.startswith("hang") else 60.0)
    monkeypatch.setattr(containment, "MOST_MEMORY", 1 << 30)
    orders = [*ORDERS[:13], order, *ORDERS[13:]]
    made = extract(orders, notes)
    assert made.documents["text"].to_list() == [each.upper() for each in ORDERS]
    assert made.reasons == {"13.txt": reason}
    assert made.work.counters["documents_parsed"] == 31
    assert made.work.metrics["partition"]["failed"].to_list() == [1]
    assert len(pids(notes)) > 1

    notes.write_text("")
    again = extract(orders, notes, made)
    assert again.documents.equals(made.documents)
    assert again.decisions.equals(made.decisions)
    assert ran(notes) == ORDERS
    assert again.work.counters["pages_spared"] == 1
    assert again.work.counters["documents_parsed"] == 30


def test_several_bad_pages_one_after_the_other(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containment, "MOST_SECONDS", 1.0)
    orders = ["crash 0", "crash 1", "page", "exit 0", "hang 0", "crash 2", "other page", "exit 1"]
    made = extract(orders, notes)
    assert made.documents["text"].to_list() == ["PAGE", "OTHER PAGE"]
    assert sorted(made.decisions["rule"]) == ["extracted_text.crashed"] * 5 + ["extracted_text.hung"]
    # A page that kills a child which had worked before is given to a fresh one, and to no other.
    assert [ran(notes).count(order) for order in orders] == [1, 1, 1, 2, 1, 1, 1, 2]


def test_a_method_that_raises_costs_its_page_and_no_process(notes: Path) -> None:
    made = extract(["a", "fail", "recurse", "b"], notes)
    assert made.documents["text"].to_list() == ["A", "B"]
    assert set(made.reasons.values()) == {f"extracted_text.failed: {NAME} failed: RecursionError"}
    assert len(pids(notes)) == 1
    assert made.work.records == {}


def test_what_is_recorded_hangs_on_all_that_a_method_may_look_at() -> None:
    page = record("page")
    changes: list[dict[str, Any]] = [
        {"identity": ("b", "page")}, {"payload_digest": "b"}, {"media_type": "b"}, {"url": "b"}, {"title": "b"}, {"language": "b"},
        {"license": "b"}, {"meta": {"b": "b"}},
    ]  # fmt: skip
    others = {outcomes._decisive(page._replace(**change)) for change in changes}
    assert len(others | {outcomes._decisive(page)}) == 9
    # Where it lies and when it was fetched decides nothing.
    assert outcomes._decisive(page._replace(locator="a#2", fetched_at="today")) == outcomes._decisive(page)


def test_a_record_is_of_one_method_with_all_its_parameters(notes: Path) -> None:
    made = extract(["crash", "page"], notes)
    other = extract(["crash", "page"], notes, made, preparation=0.01)
    assert "pages_spared" not in other.work.counters
    assert len(other.work.records) == 2


def test_the_child_is_kept_and_learns_further_methods(notes: Path) -> None:
    for name in ("a", "b", "c"):
        extract([f"{name} 1", f"{name} 2"], notes)
    extract(["d"], notes.with_name("others"))
    assert len(ran(notes)) == 6
    assert pids(notes) == pids(notes.with_name("others"))
    assert len(pids(notes)) == 1


def test_a_new_child_is_told_of_the_methods_it_needs(notes: Path) -> None:
    extract(["a", "crash"], notes)
    assert extract(["b"], notes.with_name("others")).documents["text"].to_list() == ["B"]
    assert extract(["c"], notes).documents["text"].to_list() == ["C"]
    assert len(pids(notes.with_name("others")) | pids(notes)) == 3


def test_what_a_method_prepares_is_no_pages_time(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containment, "MOST_SECONDS", 0.5)
    monkeypatch.setattr(containment, "_TICK", 0.1)
    assert extract(["a", "b"], notes, preparation=1.5).documents["text"].to_list() == ["A", "B"]


def test_methods_of_the_package_alone_run_beside_the_reader() -> None:
    class Mine(Plain):
        pass

    assert not outcomes.is_contained(Plain())
    assert outcomes.is_contained(Mine())
    assert outcomes.is_contained(ExtractedText().html)  # type: ignore[arg-type]


def test_pages_larger_than_any_pipe_and_many_come_through_in_order(notes: Path) -> None:
    orders = [f"{'x' * (7_000_000 if number % 20 == 3 else 40_000)} {number}" for number in range(60)]
    made = extract(orders, notes)
    assert made.documents["text"].to_list() == [order.upper() for order in orders]
    assert made.work.cpu_elsewhere > 0


def test_how_much_is_under_way_alters_nothing(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others = {f"{number:02}.{kind}": f"# *{kind}* {number}".encode() for number in range(0, 30, 3) for kind in ("md", "py")}
    orders = [*ORDERS[:7], "crash", *ORDERS[8:]]
    made = extract(orders, notes, others=others)
    assert made.documents["locator"].is_sorted()
    assert made.decisions["doc_id"].is_unique().all()
    assert made.decisions["rule"].to_list().count("extracted_text.unsupported") == 10
    for pages, size in ((0, 1 << 20), (3, 1 << 20), (64, 1)):
        monkeypatch.setattr(outcomes, "AHEAD_PAGES", pages)
        monkeypatch.setattr(outcomes, "AHEAD_BYTES", size)
        again = extract(orders, notes, others=others)
        assert again.documents.equals(made.documents)
        assert again.decisions.equals(made.decisions)


def test_a_page_that_kills_only_a_used_child_is_done_by_a_fresh_one(notes: Path) -> None:
    method = Obedient(notes=str(notes))
    with contained() as child:
        for order in ("page", "kill me"):
            child.give(method, record(order))
            if order == "page":
                assert child.take() == Extracted("PAGE", meta={"by": "me"})
                assert child._child is not None
                # As the system does when another program takes all memory.
                child._child._process.kill()
                child._child._process.wait()
        assert child.take() == Extracted("KILL ME", meta={"by": "me"})


def test_time_that_this_process_was_stopped_is_no_waiting(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(0, 10**9, 1000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(now)))
    monkeypatch.setattr(containment, "_TICK", 0.01)
    monkeypatch.setattr(containment, "MOST_SECONDS", 0.1)
    with contained() as child:
        child.give(Obedient(notes=str(notes)), record("hang"))
        assert child.take() == Refused("extracted_text.hung", f"{NAME} did not come back within 0.1 s")


@pytest.mark.parametrize("order", ["page", "hang", "hang_in_c"])
def test_an_interrupted_caller_leaves_no_child(order: str, notes: Path) -> None:
    def interrupt() -> None:
        with contained() as child:
            child.give(Obedient(notes=str(notes)), record(order))
            while not ran(notes):
                child._exchange(0.01)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert containment._free == []
    assert not left([int(pid) for pid in pids(notes)], timeout=0)


@pytest.mark.parametrize(
    ("order", "number"),
    [
        ("page", signal.SIGKILL),
        ("hang", signal.SIGKILL),
        ("hang_in_c", signal.SIGKILL),
        ("hang_with_child", signal.SIGKILL),
        ("hang_in_c", signal.SIGTERM),
        ("hang_in_c", signal.SIGINT),
    ],
)
def test_a_child_ends_with_its_parent_whatever_it_is_at(order: str, number: signal.Signals, notes: Path) -> None:
    program = (
        "import sys\n"
        "from data4llm_assets.extracted_text import containment\n"
        "from extracted_text.bad_methods import Obedient, record\n"
        "with containment.contained() as child:\n"
        "    child.give(Obedient(notes=sys.argv[1]), record(sys.argv[2]))\n"
        "    while True: child._exchange(0.05)"
    )
    path = os.pathsep.join(child_process.module_path())
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(notes), order], env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: ran(notes) and len(below(parent.pid)) == 1 + (order == "hang_with_child"))
        its_own = below(parent.pid)
        parent.send_signal(number)
        parent.wait(10)
        assert not left(its_own, timeout=5)
    finally:
        parent.kill()


def test_a_method_that_no_other_process_can_import_is_named() -> None:
    class Local(Extraction):
        method: str = "local"

    with pytest.raises(ContainmentFailed, match=r"imports it by the names of its module and class: .*Local"), contained() as child:
        child.give(Local(), record("page"))


def test_a_method_of_a_module_that_the_child_does_not_find_is_named(monkeypatch: pytest.MonkeyPatch, notes: Path) -> None:
    monkeypatch.setattr(containment, "module_path", lambda: [each for each in sys.path if "data4llm_tests" not in each])
    with pytest.raises(ContainmentFailed, match=r"Obedient cannot begin in a process of its own, .*: ModuleNotFoundError"):
        extract(["page"], notes)


def test_a_child_that_does_not_start_is_no_pages_fault(monkeypatch: pytest.MonkeyPatch, notes: Path) -> None:
    monkeypatch.setattr(child_process, "_MAIN", "raise SystemExit(7)")
    with pytest.raises(ContainmentFailed, match=r"did not get to its page \(exit status 7\)"):
        extract(["page"], notes)


def test_what_is_broken_outside_of_methods_is_no_pages_fault(notes: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with contained() as child:
        child.give(Obedient(notes=str(notes)), record("a"))
        child.take()
        child._sent.add(1)
        child.give(Obedient(notes="never told of"), record("b"))
        with pytest.raises(ContainmentFailed, match="did not get to its page"):
            child.take()
    assert "Traceback" in capfd.readouterr().err


def test_a_forked_process_takes_a_child_of_its_own(notes: Path) -> None:
    extract(["a"], notes)
    assert len(containment._free) == 1
    if (pid := os.fork()) == 0:
        os._exit(len(containment._free))
    assert os.waitpid(pid, 0)[1] == 0
    extract(["b"], notes)
    assert len(pids(notes)) == 1


def test_a_class_that_was_loaded_again_takes_a_new_child(notes: Path) -> None:
    renewed = type("Obedient", (Obedient,), {"__module__": Obedient.__module__})
    assert containment._renewed(Obedient(notes=""), renewed(notes=""))
    assert not containment._renewed(Obedient(notes="a"), Obedient(notes="b"))
    with contained() as child:
        child.give(Obedient(notes=str(notes)), record("a"))
        child.take()
        # As if its class had been another one.
        child._methods[0] = renewed(notes=str(notes))
        child.give(Obedient(notes=str(notes)), record("b"))
        child.take()
    assert len(pids(notes)) == 2


def test_two_callers_at_a_time_have_two_children() -> None:
    with contained() as one, contained() as other:
        assert one is not other
    with contained() as again:
        assert again in (one, other)


def wait_for(what: Any) -> None:
    until = time.monotonic() + 20
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


def below(pid: int) -> list[int]:
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def left(pids: list[int], timeout: float) -> list[psutil.Process]:
    """Those of the processes that are still there after so many seconds."""
    there = []
    for pid in pids:
        try:
            there.append(psutil.Process(pid))
        except psutil.NoSuchProcess:
            continue
    return psutil.wait_procs(there, timeout=timeout)[1]
