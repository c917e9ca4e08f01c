"""The process that `containment` starts for methods: it answers page by page, within its memory, and ends with its parent.

It imports what extraction needs, and no engine.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import resource
import select
import signal
import struct
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from data4llm_assets.extracted_text.extraction import Extraction, Refused

LENGTH = struct.Struct("<Q")
"""Before each answer: its bytes."""
NO_MEMORY, BROKEN = 86, 87
"""Exit statuses: of a process that ran out of memory, and of one that failed outside of any method."""
_STACK = 16 << 20
"""Bytes: how deep a parser written in C recurses must not hang on `ulimit -s`."""


def serve(pages: int, answers: int, lifeline: int, most_memory: int) -> None:
    """Answer what comes through the pipe `pages` until it ends. Every signal is blocked by now: see `_answer_all`."""
    for pipe in (pages, answers, lifeline):
        os.set_inheritable(pipe, False)
    for number in (signal.SIGINT, signal.SIGTERM):
        # The parent decides when it is over. Not SIG_IGN, which programs that a method starts would inherit.
        signal.signal(number, lambda *_: None)
    _end_with_parent(lifeline)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _limit_memory(most_memory)
    # Parsers recurse. In a thread of their own they always start with the same stack, so that a document is beyond a limit of
    # recursion or not whatever the machine; what they give must not hang on that.
    threading.stack_size(_STACK)
    parsers = threading.Thread(target=_answer_all, args=(pages, answers), name="parsers")
    parsers.start()
    threading.stack_size(0)
    parsers.join()


def _answer_all(pages: int, answers: int) -> None:
    # In this thread alone: a signal to the process then stops the parser where it is, and not when it is a page further.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
    status = 1
    try:
        _answer(pages, answers)
        status = 0
    except MemoryError:
        status = NO_MEMORY
    except BrokenPipeError:
        pass
    except Exception:
        traceback.print_exc()
        status = BROKEN
    except SystemExit as error:
        status = error.code & 0xFF if isinstance(error.code, int) else int(error.code is not None)
    finally:
        # Without Python's own way out: threads of libraries, and what they do at exit, are nobody's affair.
        os._exit(status)


def _answer(pages: int, answers: int) -> None:
    from data4llm_assets.extracted_text.documents import FAILED, extracted  # which imports this module

    methods: dict[int, Extraction] = {}
    with open(pages, "rb") as asked, open(answers, "wb") as said:
        while True:
            try:
                number, *told = pickle.load(asked)
            except (EOFError, pickle.UnpicklingError):
                return
            if number in methods:
                (record,) = told
                found: Any = extracted(methods[number], record)
            else:
                found = _begin(methods, number, *told)
            try:
                answer = pickle.dumps((found, time.process_time()), pickle.HIGHEST_PROTOCOL)
            except MemoryError:
                raise
            except Exception as error:
                failed = Refused(FAILED, f"{methods[number].method} failed: {type(error).__name__}")
                answer = pickle.dumps((failed, time.process_time()))
            said.write(LENGTH.pack(len(answer)))
            said.write(answer)
            said.flush()


def _begin(methods: dict[int, Extraction], number: int, method: bytes, path: list[str]) -> str | None:
    """Add a method to those that are known, ready for its first page; says why that cannot be, if so."""
    sys.path[:] = path
    try:
        methods[number] = pickle.loads(method)
        methods[number].prepare()
    except MemoryError:
        raise
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def _end_with_parent(lifeline: int) -> None:
    """When the parent's end of the pipe closes, however it died, the kernel ends this process and those it started, by a signal.

    A parser that hangs lets no thread of Python look after that. Elsewhere than on Linux this signal ends nobody, and the process
    ends when it has worked off its pages.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:
        os._exit(1)


def _limit_memory(most: int) -> None:
    """Limit the data of this process, where Linux says what it has. Not its address space: libraries reserve and map far more than
    they use, those for a GPU a hundred times more."""
    with suppress(FileNotFoundError):
        pages = int(Path("/proc/self/statm").read_text().split()[5])
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limit = pages * resource.getpagesize() + most
        resource.setrlimit(resource.RLIMIT_DATA, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
