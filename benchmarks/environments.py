"""Virtual environments of the peers: one for each requirements file in `peers/`, made on demand and kept.

The files pin every distribution, so pip installs them without looking at dependencies. That is what lets a peer be installed
without the gigabytes it declares and never imports on the path measured here; each file says what it leaves out.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PEERS = Path(__file__).parent / "peers"
_MARK = "requirements.sha256"
_SECONDS = 900
_ERROR = re.compile(r"\s*error: (?![a-z-]+$)", re.I)
_PLACE = re.compile(r"\s*\((?:file://)?/[^)]*\)|(?:file://)?/\S+")


@dataclass(frozen=True)
class Unavailable:
    """Why a peer cannot be run here: shown in the place of its figures."""

    reason: str


def peers() -> list[str]:
    """Names of the environments that can be asked for."""
    return sorted(path.stem for path in PEERS.glob("*.txt"))


def environment(name: str, folder: Path) -> Path | Unavailable:
    """The Python of the virtual environment `folder/name`, installed from `peers/name.txt` unless that was done before.

    An environment is kept for as long as its requirements and the running Python stay the same. What cannot be installed here
    (no wheel and no compiler, no network) is `Unavailable`, with pip's own reason.
    """
    requirements = PEERS / f"{name}.txt"
    if not requirements.is_file():
        return Unavailable(f"there is no {requirements.name} among the peers")
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    place = folder / name
    python, mark = place / "bin" / "python", place / _MARK
    if python.exists() and mark.is_file() and mark.read_text() == digest:
        return python
    shutil.rmtree(place, ignore_errors=True)
    failure = _run([sys.executable, "-m", "venv", str(place)])
    failure = failure or _run([str(python), "-m", "pip", "install", "--no-deps", "--requirement", str(requirements)])
    if failure:
        shutil.rmtree(place, ignore_errors=True)
        return Unavailable(failure)
    mark.write_text(digest)  # last: its existence means that the installation was completed
    return python


def _run(command: list[str]) -> str | None:
    """None when the command succeeds, else the most telling line it printed."""
    settings = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONPATH": ""}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, env=settings, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{type(error).__name__}: {command[-1]}" if isinstance(error, OSError) else f"no end after {_SECONDS} seconds"
    if done.returncode == 0:
        return None
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    telling = [line for line in lines if _ERROR.match(line)] or lines or [f"exit status {done.returncode}"]
    return _PLACE.sub("", telling[-1]).strip()
