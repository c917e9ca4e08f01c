"""`data4llm ui`: Dagster's web interface and daemon on the same recipe and store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Annotated

import typer

from data4llm_assets.commands.options import RecipeArgument, StoreOption, out
from data4llm_assets.engine.home import dagster_home, limit_pools
from data4llm_assets.engine.store import Store
from data4llm_assets.recipe import find_recipe, load_recipe
from data4llm_assets.settings import RECIPE_VARIABLE, STORE_VARIABLE, recipe_of, store_of


def ui(
    recipe: RecipeArgument = None,
    store: StoreOption = None,
    port: Annotated[int, typer.Option("--port", help="Port of the web interface.")] = 3000,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; others can reach it only if you say so.")
    ] = "127.0.0.1",
) -> None:
    """Open Dagster on the corpus: assets, partitions, checks, lineage, backfills. Stops with Ctrl-C.

    Starts the web server and the daemon (which runs backfills, the schedule and the planner's sensor).
    """
    path, home = str(find_recipe(recipe_of(recipe)).resolve()), dagster_home()
    limit_pools(home, load_recipe(path).compute.pools)
    environment = {**os.environ, RECIPE_VARIABLE: path, STORE_VARIABLE: Store(store_of(store)).uri, "DAGSTER_HOME": home}
    where = f"http://{host}:{port}"
    out.print(f"Dagster on {where} (Ctrl-C stops it)", markup=False)
    python = [sys.executable, "-m"]
    code = ["-m", "data4llm_assets.definitions"]
    # One code server for both, so that the definitions are loaded once.
    commands = [
        [*python, "dagster_webserver", "-h", host, "-p", str(port), *code],
        [*python, "dagster._daemon", "run", *code],
    ]
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        # Also where a shell started us in the background and told us to ignore Ctrl-C.
        signal.signal(signal_number, signal.default_int_handler)
    running = [subprocess.Popen(command, env=environment) for command in commands]
    try:
        while all(process.poll() is None for process in running):
            time.sleep(0.5)
    except KeyboardInterrupt:
        out.print("stopping")
    finally:
        _stop(running)
    if any(process.returncode not in (0, -signal.SIGTERM, -signal.SIGKILL, -signal.SIGINT, 130, 143) for process in running):
        raise typer.Exit(1)


def _stop(running: list[subprocess.Popen[bytes]]) -> None:
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            # The daemon finishes a tick first; a long one does not have to hold us up, for what it launched runs on its own.
            process.kill()
            process.wait()
