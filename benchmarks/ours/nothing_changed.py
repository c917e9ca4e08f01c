"""`data4llm run` on a corpus that is up to date, at several numbers of partitions: the whole command, from start to exit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.ours import tiny, told

given = told.arguments()
folder = Path(given["folder"])
seconds: dict[str, float] = {}
for partitions in given["partitions"]:
    place = folder / str(partitions)
    tiny.files(place / "files", partitions)
    rules = [{"method": "gopher_repetition"}, {"method": "gopher_quality", "min_words": 1}]
    steps = ({"stage": "deduped"}, {"stage": "filtered", "rules": rules}, {"stage": "packed", "sequence_length": 64, "parts": 1})
    recipe = tiny.recipe(place / "files", partitions, *steps)
    told.build(recipe, place / "store")
    (place / "recipe.yaml").write_text(json.dumps(recipe))
    surroundings = {**os.environ, "DATA4LLM_STORE": str(place / "store"), "DAGSTER_HOME": str(place / "dagster")}
    command = [sys.executable, "-m", "data4llm_assets.commands.main", "run", str(place / "recipe.yaml")]
    for _ in range(2):  # once to fill the file caches, once for the figure
        with told.Clock() as clock:
            done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=True)
    if "current" not in done.stdout:
        msg = f"it was not up to date: {done.stdout[-300:]}"
        raise SystemExit(msg)
    seconds[str(partitions)] = round(clock.seconds, 3)
told.tell(clock, documents=given["partitions"][-1], size=0, results={"seconds_by_partitions": seconds})
