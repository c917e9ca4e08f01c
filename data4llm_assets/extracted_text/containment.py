"""Methods in a process of their own: a parser that crashes or hangs takes that process with it, and costs its page, not the shard.

The child (`parser_process`) stays for the life of its parent and is replaced when it has to go. It is given the next pages while it
works on one, so that the parent reads the archive meanwhile. The price: 0.1 ms of CPU time for a page of 100 kB; for the child a
second and 220 MB with `auto`, a third of both with Trafilatura alone. Not here: what is recorded of pages that crash or hang
(`outcomes`).
"""

from __future__ import annotations

import atexit
import os
import pickle
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from data4llm_assets.extracted_text.child_process import ChildProcess, module_path
from data4llm_assets.extracted_text.extraction import Extracted, Extraction, Refused
from data4llm_assets.extracted_text.parser_process import BROKEN, NO_MEMORY
from data4llm_assets.raw_crawl.source import Record

CRASHED, HUNG = "extracted_text.crashed", "extracted_text.hung"
MOST_SECONDS = 60.0
"""Of waiting for one page. What takes longer hangs: limits of size come first, and seconds differ from machine to machine."""
MOST_MEMORY = 4 << 30
"""Bytes of data that a child may take beyond what it starts with, so that a bomb ends in it and not in the machine's memory."""
_START_SECONDS = 600.0
_TICK = 1.0


class ContainmentFailed(RuntimeError):
    """The process for methods did not start, or one of them cannot begin there. No page is to blame."""


class _Method(NamedTuple):
    """A method that goes by a number from now on, pickled, and where modules are found."""

    number: int
    method: bytes
    path: list[str]


class _Page(NamedTuple):
    method: int
    record: Record


class Containment:
    """One child, and the pages it was given. For one thread at a time: see `contained`."""

    def __init__(self) -> None:
        self._methods: list[Extraction] = []
        self._pickled: list[bytes] = []
        self._pages: deque[_Page] = deque()
        self._outcomes: deque[Extracted | Refused] = deque()
        self._child: ChildProcess | None = None
        self._spent = 0.0

    def give(self, method: Extraction, record: Record) -> None:
        """Have a record extracted. Does not wait; how many are under way is the caller's to bound.

        Raises
        ------
        ContainmentFailed
            If the method cannot be imported by the name of its module and its own.
        """
        if method not in self._methods:
            self._learn(method)
        page = _Page(self._methods.index(method), record)
        self._pages.append(page)
        if self._child is None:
            self._start()
        else:
            self._post(page, self._child)
        self._exchange(0.0)

    def ready(self) -> bool:
        """Whether `take` need not wait."""
        return bool(self._outcomes)

    def take(self) -> Extracted | Refused:
        """The outcome of the first record that was given and not taken yet.

        Raises
        ------
        ContainmentFailed
            If no child starts, or the method cannot begin there.
        """
        waited = 0.0
        while not self._outcomes:
            assert self._child is not None
            if self._child.ended:
                waited = 0.0
                self._replace()
                continue
            began = time.monotonic()
            if self._exchange(_TICK):
                waited = 0.0
                continue
            # Only waiting counts, and who was stopped for a while (Ctrl-Z, a machine that slept) has not waited.
            passed = min(time.monotonic() - began, _TICK)
            waited += passed
            if passed == _TICK:
                self._child.look()
            if isinstance(self._asked[0], _Method):
                if waited >= _START_SECONDS:
                    self._fail(f"has not begun for {_START_SECONDS:g} s")
            elif waited >= MOST_SECONDS:
                self._child.end()
                self._refuse(HUNG, f"did not come back within {MOST_SECONDS:g} s")
        return self._outcomes.popleft()

    def spent(self) -> float:
        """CPU seconds of the child since this was last asked, as far as it has told."""
        spent, self._spent = self._spent, 0.0
        return spent

    def close(self) -> None:
        """End the child, whatever it is at."""
        if self._child is not None:
            self._child.end()
        self._child = None
        self._pages.clear()
        self._outcomes.clear()

    def forget(self) -> None:
        """Leave the child to the process that this one was forked from."""
        if self._child is not None:
            self._child.leave()
            self._child = None

    def _learn(self, method: Extraction) -> None:
        if not self._pages and any(_renewed(known, method) for known in self._methods):
            # A notebook has loaded a module again, and the child knows it as it was.
            self.close()
            self._methods, self._pickled = [], []
        try:
            self._pickled.append(pickle.dumps(method))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ContainmentFailed(_cannot_begin(method, str(error))) from error
        self._methods.append(method)

    def _start(self) -> None:
        self._child = ChildProcess(MOST_MEMORY)
        self._asked: deque[_Method | _Page] = deque()
        self._sent: set[int] = set()
        self._told, self._worked = 0.0, False
        for page in self._pages:
            self._post(page, self._child)

    def _post(self, page: _Page, child: ChildProcess) -> None:
        asked: list[_Method | _Page] = [page]
        if page.method not in self._sent:
            self._sent.add(page.method)
            asked.insert(0, _Method(page.method, self._pickled[page.method], module_path()))
        self._asked += asked
        for each in asked:
            child.write(tuple(each))

    def _exchange(self, seconds: float) -> bool:
        """Send and receive; whether there was an answer."""
        assert self._child is not None
        answers = self._child.exchange(seconds)
        for answer, spent in answers:
            self._spent, self._told = self._spent + spent - self._told, spent
            if not isinstance(self._asked.popleft(), _Method):
                self._pages.popleft()
                self._outcomes.append(answer)
                self._worked = True
            elif answer is not None:
                method = self._methods[self._pages[0].method]
                self.close()
                raise ContainmentFailed(_cannot_begin(method, answer))
        return bool(answers)

    def _replace(self) -> None:
        """Go on after a child that ended by itself."""
        assert self._child is not None
        status = self._child.end()
        how = "out of memory" if status == NO_MEMORY else f"signal {-status}" if status < 0 else f"exit status {status}"
        if status == BROKEN or (isinstance(self._asked[0], _Method) and not self._worked):
            self._child = None
            self._fail(f"did not get to its page ({how})")
        elif self._worked:
            # Pages before may have brought it there: what becomes of a page must hang on that page alone, so a fresh one tries.
            self._start()
        else:
            self._refuse(CRASHED, f"killed its worker ({how})")

    def _refuse(self, rule: str, what: str) -> None:
        """The first page has no other outcome; those behind it go to the next child."""
        self._child = None
        page = self._pages.popleft()
        self._outcomes.append(Refused(rule, f"{self._methods[page.method].method} {what}"))
        if self._pages:
            self._start()

    def _fail(self, what: str) -> None:
        msg = f"the process for {self._methods[self._pages[0].method].method} {what}"
        self.close()
        raise ContainmentFailed(msg)


_free: list[Containment] = []


@contextmanager
def contained() -> Iterator[Containment]:
    """A child for one caller: one that is there and idle, or a new one, which starts with its first page.

    It is left idle afterwards, and ended if the caller fails.
    """
    containment = _free.pop() if _free else Containment()
    try:
        yield containment
    except BaseException:
        containment.close()
        raise
    _free.append(containment)


def end_idle() -> None:
    """End the children that nobody uses."""
    while _free:
        _free.pop().close()


def _forget() -> None:
    while _free:
        _free.pop().forget()


atexit.register(end_idle)
os.register_at_fork(after_in_child=_forget)


def _cannot_begin(method: Extraction, why: str) -> str:
    return f"{method.method} cannot begin in a process of its own, which imports it by the names of its module and class: {why}"


def _renewed(known: Extraction, method: Extraction) -> bool:
    """Whether two methods are of classes that differ and go by one name."""
    one, other = type(known), type(method)
    return one is not other and (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)
