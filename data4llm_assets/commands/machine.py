"""What `data4llm doctor` looks at: this machine's threads, memory and disk, the store, and Dagster's home. Leaves nothing behind.

Not here: what is installed (`health.py`), or how findings are shown (`doctor.py`).
"""

from __future__ import annotations

import glob
import os
import re
import shutil
from pathlib import Path
from typing import Any

from data4llm_assets.commands.health import Finding, first_line
from data4llm_assets.engine.snapshots import root_of, wanted
from data4llm_assets.raw_crawl.source import SourceSection

DISK_FACTOR = 2
"""Bytes of store for a byte of source: 1.9 were measured for plain files, 0.3 for compressed HTML."""
LEAST_DISK = 1_000_000_000


def cores() -> int:
    """Cores that this process may use: those it is bound to, and no more than its container's quota."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = re.fullmatch(r"(\d+) (\d+)", _control_group("cpu.max"))
    return max(1, min(bound, int(quota[1]) // int(quota[2]))) if quota else bound


def threads(workers: int) -> Finding:
    import polars as pl

    available = cores()
    found = f"{available} to run on, Polars uses {pl.thread_pool_size()}, the recipe asks for {workers} workers"
    if workers > available:
        return Finding("threads", "warning", found, f"set compute.workers to {available} or less: more only wait for one another")
    return Finding("threads", "ok", found)


def memory(workers: int, each: int) -> Finding:
    """each: bytes that the recipe lets a corpus-wide step use."""
    available = _memory()
    needed = workers * each
    found = f"{available / 1e9:.1f} GB free, the recipe may use {needed / 1e9:.1f} GB ({workers} × {each / 1e9:.1f})"
    if needed > available:
        return Finding("memory", "warning", found, "lower compute.memory or compute.workers in the recipe")
    return Finding("memory", "ok", found)


def disk(folder: Path, source_bytes: int) -> Finding:
    """Free space where the store lies, against what sources of `source_bytes` bytes may come to."""
    free = shutil.disk_usage(_existing(folder)).free
    needed = max(LEAST_DISK, DISK_FACTOR * source_bytes)
    found = f"{free / 1e9:,.1f} GB free, about {needed / 1e9:,.1f} GB may be needed for {source_bytes / 1e9:,.2f} GB of sources"
    if free < needed:
        return Finding("disk", "warning", found, "free some space, or name a store on another disk with --store")
    return Finding("disk", "ok", found)


def source_bytes(section: SourceSection) -> int:
    """Bytes of a source's files as they lie there now; 0 for a bucket, and for a source that makes its own.

    Raises
    ------
    FileNotFoundError
        If it has no files.
    """
    if "://" in section.path or hasattr(section, "land"):
        return 0
    root = root_of(section.path)
    if glob.has_magic(section.path):
        found = [Path(each) for each in glob.iglob(section.path, recursive=True)]
    else:
        found = [Path(section.path)] if root != Path(section.path) else list(root.rglob("*"))
    sizes = [each.stat().st_size for each in found if wanted(each.relative_to(root).as_posix(), section) and each.is_file()]
    if not sizes:
        msg = f"nothing under {section.path} matches"
        raise FileNotFoundError(msg)
    return sum(sizes)


def store(uri: str) -> Finding:
    """Writes an object, tries to create it again (which must be refused: runs that publish at once rely on it), and removes it."""
    from data4llm_assets.engine.store import Store

    folder = Path(uri).absolute()
    made = [] if "://" in uri else [folder / "doctor", *(each for each in (folder, *folder.parents) if not each.exists())]
    try:
        Store(uri)  # of an older or newer format, it says so
        opened = Store(uri, of_any_format=True)  # what is only tried is not marked as a store
        path = f"doctor/{os.getpid()}-{os.urandom(4).hex()}"
        try:
            first, second = opened.create(path, b"1"), opened.create(path, b"2")
        finally:
            opened.delete([path])
    except Exception as error:  # whatever a disk or a bucket answers is the finding
        return Finding("store", "failed", f"{uri}: {first_line(error)}", "name one that can be written with --store")
    finally:
        _remove_empty(made)
    if not first or second:
        found = f"{uri}: creating an object is not exclusive, so two runs could both publish"
        return Finding("store", "failed", found, "use another store")
    return Finding("store", "ok", f"{uri}: writable, and creates exclusively")


def dagster_home() -> Finding:
    """The folder of Dagster's event log can be written, and its settings send nothing home."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    home = Path(os.environ.get("DAGSTER_HOME") or ".dagster").absolute()
    if not os.access(_existing(home), os.W_OK):
        return Finding("Dagster home", "failed", f"{home} cannot be written", "set DAGSTER_HOME to a folder that can")
    settings = home / "dagster.yaml"
    if not settings.is_file():
        return Finding("Dagster home", "ok", f"{home}, made when it is first needed")
    try:
        written: Any = YAML(typ="safe").load(settings) or {}
        telemetry = written.get("telemetry", {}).get("enabled", True)
    except (YAMLError, AttributeError, OSError) as error:
        return Finding("Dagster home", "failed", f"{settings}: {first_line(error)}", "mend the file, or remove it for the default")
    if telemetry:
        return Finding("Dagster home", "warning", f"{settings} leaves Dagster's telemetry on", "telemetry: {enabled: false} there")
    return Finding("Dagster home", "ok", f"{home}, telemetry off")


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    return next(each for each in (path, *path.absolute().parents) if each.exists())


def _remove_empty(folders: list[Path]) -> None:
    """Take back the folders that looking made, the deepest first."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            continue


def _memory() -> int:
    """Free bytes: the machine's, and no more than what is left of the container's."""
    import psutil

    free = int(psutil.virtual_memory().available)
    limit, used = _control_group("memory.max"), _control_group("memory.current")
    return min(free, int(limit) - int(used)) if limit.isdigit() and used.isdigit() else free


def _control_group(name: str) -> str:
    try:
        return Path("/sys/fs/cgroup", name).read_text().strip()
    except OSError:
        return ""
