"""Jobs that kill the process they run in, for tests: each death leaves a line in a file."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

from toy import graph

from data4llm_assets.engine.run import Done, Job
from data4llm_assets.engine.state import Graph
from data4llm_assets.node import Node, Work


def die(deaths: Path, most: int) -> None:
    """Kill this process, unless it was done `most` times before."""
    before = len(deaths.read_text().splitlines()) if deaths.exists() else 0
    if before < most:
        with deaths.open("a") as file:
            file.write("died\n")
        os.kill(os.getpid(), signal.SIGKILL)


def carry_out(job: Job, deadly: str, deaths: Path, most: int) -> Done:
    if job.partition == deadly:
        die(deaths, most)
    time.sleep(0.05)
    return Done(job, ())


def deadly_graph(folder: Path, deadly: str, deaths: Path, most: int) -> Graph:
    """The toy, of which `texts` kills its process at one partition, `most` times."""
    toy = graph(folder)
    texts: Node = toy.nodes["texts"]

    def make(work: Work) -> None:
        if work.partition.key == deadly:
            die(deaths, most)
        texts.make(work)

    return replace(toy, nodes={**toy.nodes, "texts": replace(texts, make=make)})
