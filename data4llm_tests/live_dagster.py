"""The web server and the daemon, as `data4llm ui` starts them on a built micro corpus: one of each for all tests that need them."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from commands_fixture import command, data4llm, environment
from data4llm_assets.corpus import Corpus

LOCATION = {"repositoryLocationName": "data4llm_assets.definitions", "repositoryName": "__repository__"}


class Live:
    """`recipe.yaml` and `store` lie in `folder`; whoever changes the recipe brings the corpus back to it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.url = folder, f"http://127.0.0.1:{port}"

    def query(self, text: str, **variables: Any) -> Any:
        body = json.dumps({"query": text, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.load(answer)
        assert "errors" not in found, found
        return found["data"]

    def corpus(self) -> Corpus:
        return Corpus(self.folder / "recipe.yaml", self.folder / "store")


def wait_for(what: str, done: Callable[[], Any], seconds: float) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := done():
                return found
        except OSError:
            pass
        time.sleep(2)
    raise AssertionError(f"{what}: not within {seconds} s")


@contextmanager
def live_dagster(folder: Path) -> Iterator[Live]:
    """A micro corpus in `folder`, built, with its servers on a free port of this machine; they stop in the end."""
    from data4llm_assets.recipe import find_recipe

    (folder / "recipe.yaml").write_text(find_recipe("micro").read_text())
    data4llm(folder, "run", "recipe.yaml")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "ui.log").open("w") as log:
        ui = subprocess.Popen(
            command("ui", "recipe.yaml", "--port", str(port)), cwd=folder, env=environment(folder), stdout=log, stderr=log
        )
        found = Live(folder, port)
        try:
            wait_for("the web server", lambda: found.query("{ version }"), 120)
            yield found
        finally:
            ui.send_signal(signal.SIGINT)
            ui.wait(60)
