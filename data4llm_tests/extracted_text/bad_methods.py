"""A user's own method for web pages that does what a page tells it, and notes down every page it is given."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from typing import Any, Literal

from data4llm_assets.extracted_text.extraction import Extracted, Extraction, Refused
from data4llm_assets.raw_crawl.source import Record


class Obedient(Extraction):
    method: Literal["extracted_text.bad_methods:Obedient"] = "extracted_text.bad_methods:Obedient"
    notes: str
    preparation: float = 0.0

    def prepare(self) -> None:
        time.sleep(self.preparation)

    def extract(self, payload: bytes, record: Record) -> Extracted | Refused:
        order = payload.decode()
        with open(self.notes, "a") as notes:
            notes.write(f"{os.getpid()} {order[:20]}\n")
        obey(order)
        return Extracted(order.upper(), meta={"by": "me"})


def obey(order: str) -> None:
    held: list[Any] = []
    match order.split()[0]:
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "hang":
            time.sleep(600)
        case "hang_in_c":
            # The interpreter's lock is held all the while.
            re.match(r"(a+)+$", "a" * 64 + "b")
        case "hang_with_child":
            held.append(subprocess.Popen(["sleep", "600"]))
            time.sleep(600)
        case "allocate":
            while True:
                held.append(bytearray(1 << 24))
        case "exit":
            sys.exit(3)
        case "exit_at_once":
            os._exit(4)
        case "fail":
            raise RecursionError(order)
        case "recurse":
            obey(order)


def record(order: str) -> Record:
    return Record((order, order), order, order, order.encode(), order, "text/plain")


def ran(notes: os.PathLike[str]) -> list[str]:
    """The pages that a method was given, in order."""
    with open(notes) as file:
        return [line.split(maxsplit=1)[1].strip() for line in file]
