"""Runs `data4llm` as a user does: another process, its own Dagster home, its own store."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def environment(folder: Path) -> dict[str, str]:
    """Everything under `folder`; nothing of the machine's own data4llm settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DATA4LLM_RECIPE", "DATA4LLM_STORE", "DAGSTER_HOME"))
    }
    return {**kept, "DAGSTER_HOME": str(folder / "dagster"), "DATA4LLM_STORE": str(folder / "store"), "COLUMNS": "160"}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "data4llm_assets.commands.main", *arguments]


def data4llm(folder: Path, *arguments: str, expect: int = 0) -> str:
    """Standard output of a command that ends with the expected status."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(command(*arguments), cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=600)
    assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout if expect == 0 else done.stdout + done.stderr
