"""A process of Python, and what travels to and from it: messages out, answers in, in one order. Decides nothing of what they mean.

No call blocks on a process that does not read, does not answer, or has gone.
"""

from __future__ import annotations

import fcntl
import json
import os
import pickle
import select
import signal
import subprocess
import sys
from collections import deque
from contextlib import suppress
from typing import Any

from data4llm_assets.extracted_text.parser_process import LENGTH

_MAIN = (
    "import json, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()); "
    "sys.path[:] = json.loads(sys.argv[1]); "
    "from data4llm_assets.extracted_text.parser_process import serve; serve(*map(int, sys.argv[2:]))"
)
_PIPE = 1 << 20
"""Bytes that travel ahead of the process while its parent does something else."""
_LAST_WORDS = 5.0
"""Seconds between the end of what a process says and its own."""


class ChildProcess:
    """Runs `parser_process.serve`. It ends with this process at the latest."""

    def __init__(self, most_memory: int) -> None:
        """most_memory : bytes of data that it may take beyond what it starts with."""
        pages, self._to = os.pipe()
        self._from, answers = os.pipe()
        lifeline, held = os.pipe()
        self._pipes: tuple[int, ...] = (self._to, self._from, held)
        for pipe in (self._to, self._from):
            os.set_blocking(pipe, False)
        with suppress(OSError, AttributeError):  # not on Linux, or beyond what a user may have
            fcntl.fcntl(self._to, fcntl.F_SETPIPE_SZ, _PIPE)
        theirs = (pages, answers, lifeline)
        command = [sys.executable, "-c", _MAIN, json.dumps(module_path()), *map(str, (*theirs, most_memory))]
        try:
            # A session of its own: Ctrl-C in the terminal is the parent's affair, and what a method starts ends with the process.
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=theirs, start_new_session=True)
        finally:
            for pipe in theirs:
                os.close(pipe)
        self._unwritten: deque[memoryview] = deque()
        self._unread = bytearray()
        self._unanswered = 0
        self.ended = False
        """Whether it says no more."""

    def write(self, message: Any) -> None:
        """Have a message sent, which `exchange` does."""
        self._unanswered += 1
        self._unwritten.append(memoryview(pickle.dumps(message, pickle.HIGHEST_PROTOCOL)))

    def exchange(self, seconds: float) -> list[Any]:
        """Send what the pipe takes and give the answers that are there, waiting so long for either."""
        answers: list[Any] = []
        poll = select.poll()
        poll.register(self._from, select.POLLIN)
        # Who waits for an answer need not wake up for each piece that the pipe takes while the process has its next message.
        if self._unwritten and (not seconds or self._unanswered - len(self._unwritten) < 2):
            poll.register(self._to, select.POLLOUT)
        for pipe, _ in poll.poll(seconds * 1000):
            try:
                if pipe == self._to:
                    self._send()
                else:
                    answers += self._receive()
            except BlockingIOError:
                pass
            except BrokenPipeError:
                # It has ended, or never answers again: what it had answered before is still to be read.
                self._unwritten.clear()
        return answers

    def look(self) -> None:
        """See whether it has ended though its pipe has not: a process that it started may hold that open."""
        self.ended |= self._process.poll() is not None

    def end(self) -> int:
        """Kill it and what it started. Gives the status it ended with, if it had: a signal is negative."""
        if self.ended:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_LAST_WORDS)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        status = self._process.wait()
        self.leave()
        return status

    def leave(self) -> None:
        """Let go of it without a word: after its end, or where it belongs to the process that this one was forked from."""
        pipes, self._pipes = self._pipes, ()
        for pipe in pipes:
            os.close(pipe)

    def _send(self) -> None:
        while self._unwritten:
            first = self._unwritten[0]
            written = os.write(self._to, first)
            if written == len(first):
                self._unwritten.popleft()
            else:
                self._unwritten[0] = first[written:]

    def _receive(self) -> list[Any]:
        data = os.read(self._from, _PIPE)
        self.ended = not data
        self._unread += data
        answers = []
        while len(self._unread) >= LENGTH.size:
            end = LENGTH.size + LENGTH.unpack_from(self._unread)[0]
            if len(self._unread) < end:
                break
            answers.append(pickle.loads(bytes(self._unread[LENGTH.size : end])))
            del self._unread[:end]
        self._unanswered -= len(answers)
        return answers


def module_path() -> list[str]:
    """Where this process finds modules: a recipe's own lie beside it."""
    return [os.fspath(each) or os.getcwd() for each in sys.path]
