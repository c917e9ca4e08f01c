"""A site that is served for one crawl alone: a program on a free port of loopback, there from before the first request."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import Field, field_validator

from data4llm_assets.method import Parameters
from data4llm_assets.node import Delivery, LandingFailed
from data4llm_assets.raw_crawl.address import request_url
from data4llm_assets.raw_crawl.crawling.addresses import Place

LOOPBACK = "127.0.0.1"
_PATIENCE = 60.0
_TRIES = 3


class Serve(Parameters):
    """A program that serves the site while it is crawled. Its standard input is a pipe that closes when the crawl is over."""

    host: str = Field(description="name that URLs have, such as docs.test: it stays the same, whatever the port")
    command: tuple[str, ...] = Field(
        min_length=1,
        description="program and arguments; {python}, {port}, {arrival} (1 for the first snapshot) and {snapshot} are filled in",
    )

    @field_validator("host")
    @classmethod
    def _is_a_host(cls, host: str) -> str:
        if "/" in host or request_url(f"http://{host}/") != f"http://{host}/" or ":" in host:
            msg = "a host is written in lower case and without scheme, port and path, such as `docs.test`"
            raise ValueError(msg)
        return host


@contextmanager
def served(site: Serve | None, delivery: Delivery) -> Iterator[dict[str, Place]]:
    """Hosts that are served, and where; the program has ended when this does.

    Raises
    ------
    LandingFailed
        If the program cannot be started, or answers on its port not within a minute.
    """
    if site is None:
        yield {}
        return
    program, port = _started(site, delivery)
    try:
        yield {site.host: Place(LOOPBACK, port)}
    finally:
        _end(program)


def _started(site: Serve, delivery: Delivery) -> tuple[subprocess.Popen[bytes], int]:
    for _ in range(_TRIES):
        port = _free_port()
        values = {"python": sys.executable, "port": port, "arrival": delivery.arrival, "snapshot": delivery.snapshot}
        command = [_filled(argument, values) for argument in site.command]
        try:
            program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except OSError as error:
            msg = f"`serve`: {site.command[0]} cannot be started: {error.strerror}"
            raise LandingFailed(msg) from None
        try:
            if _answers(program, port):
                return program, port
        except BaseException:
            _end(program)
            raise
        ended = program.poll()
        _end(program)
        if ended is None:
            break
    what = "did not listen on its port within a minute" if ended is None else f"ended with exit status {ended}"
    msg = f"`serve`: the program for {site.host} {what}; run it yourself to see why: {' '.join(site.command)}"
    raise LandingFailed(msg)


def _filled(argument: str, values: dict[str, object]) -> str:
    # Not str.format: other braces in a command mean what they mean there.
    for name, value in values.items():
        argument = argument.replace(f"{{{name}}}", str(value))
    return argument


def _answers(program: subprocess.Popen[bytes], port: int) -> bool:
    """Whether somebody listens on the port before the program ends or a minute is over."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and program.poll() is None:
        try:
            with socket.create_connection((LOOPBACK, port), timeout=1):
                return program.poll() is None
        except OSError:
            time.sleep(0.02)
    return False


def _end(program: subprocess.Popen[bytes]) -> None:
    if program.stdin is not None:
        program.stdin.close()
    if program.poll() is None:
        program.terminate()
        try:
            program.wait(5)
        except subprocess.TimeoutExpired:
            program.kill()
    program.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
