"""A thousand tiny partitions: in this process without Dagster, or by the command with so many workers; or no engine at all.

`how`: `functions` (read, extract and write with plain calls), `inline`, or a number of workers of `data4llm run`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl

from benchmarks.ours import tiny, told
from data4llm_assets.extracted_text.extraction import tidy

given = told.arguments()
folder, how = Path(given["folder"]), given["how"]
count = given["partitions"]
files = tiny.files(folder / "files", count)
recipe = tiny.recipe(folder / "files", count)
warm = tiny.recipe(folder / "files", 1)
(folder / "recipe.yaml").write_text(json.dumps(recipe))
results: dict[str, float] = {}
if how == "functions":
    (folder / "out").mkdir()
    with told.Clock() as clock:
        for number in range(count):
            rows = [json.loads(line) for file in files[number::count] for line in file.read_text().splitlines()]
            frame = pl.DataFrame({"id": [row["id"] for row in rows], "text": [tidy(row["text"]) for row in rows]})
            frame.write_parquet(folder / "out" / f"{number}.parquet")
elif how == "inline":
    told.build({**warm, "corpus": "warm"}, folder / "warm")
    with told.Clock() as clock:
        told.build(recipe, folder / "store")
else:
    surroundings = {**os.environ, "DATA4LLM_STORE": str(folder / "store"), "DAGSTER_HOME": str(folder / "dagster")}
    command = [sys.executable, "-m", "data4llm_assets.commands.main", "run", str(folder / "recipe.yaml"), "--workers", str(how)]
    with told.Clock() as clock:
        subprocess.run(command, env=surroundings, capture_output=True, text=True, check=True)
    results["dagster_bytes_per_run"] = told.size_of(folder / "dagster") / count
if (folder / "store").exists():
    results["store_bytes_per_partition"] = told.size_of(folder / "store") / count
told.tell(clock, documents=count, size=0, results={"milliseconds_per_partition": clock.seconds / count * 1000, **results})
