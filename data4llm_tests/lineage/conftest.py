from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def town_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The notes, built once. Do not write to it: take `town`."""
    import notes

    folder = tmp_path_factory.mktemp("town")
    notes.build(notes.recipe(notes.write(folder / "notes", **notes.NOTES)), folder / "store")
    return folder


@pytest.fixture
def town(town_store: Path, tmp_path: Path) -> Path:
    """A copy: the sources in `notes`, the store in `store`."""
    return Path(shutil.copytree(town_store, tmp_path / "town"))
