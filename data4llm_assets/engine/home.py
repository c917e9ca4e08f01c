"""Dagster's home: the folder of its event log and settings, made when it is first needed."""

from __future__ import annotations

import json
import os
from pathlib import Path


def dagster_home() -> str:
    """$DAGSTER_HOME, or `.dagster` here; gets the project's `dagster.yaml` unless it has one."""
    home = Path(os.environ.get("DAGSTER_HOME") or ".dagster").resolve()
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    if not settings.exists():
        # The folder itself, so that whoever opens the instance later needs no environment.
        settings.write_text(_settings().replace("{env: DAGSTER_HOME}", json.dumps(str(home))))
    return str(home)


def _settings() -> str:
    """The project's `dagster.yaml`: in the package when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    found = next(file for file in (package / "dagster.yaml", package.parent / "dagster.yaml") if file.is_file())
    return found.read_text()
