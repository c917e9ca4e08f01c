"""Every test reaches loopback at most, and no library phones home."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pytest_socket import socket_allow_hosts

if TYPE_CHECKING:
    from live_dagster import Live

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "true")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.insert(0, str(Path(__file__).parent / "engine"))


def pytest_runtest_setup() -> None:
    socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture
def evaluation_data() -> Path:
    """The folder of evaluation data, or a visible skip."""
    folder = os.environ.get("DATA4LLM_EVAL_DATA")
    if not folder:
        pytest.skip("DATA4LLM_EVAL_DATA names no folder of evaluation data")
    return Path(folder)


@pytest.fixture(scope="session")
def micro_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The micro corpus, built once without Dagster. Do not write to it: take `store`."""
    from data4llm_assets.corpus import Corpus

    folder = tmp_path_factory.mktemp("micro") / "store"
    corpus = Corpus("micro", folder)
    report = corpus.build()
    assert report.ok, [done.error for done in report.failures] + [(o.node, o.partition, o.checks) for o in report.refused()]
    return folder


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Dagster's servers on a built micro corpus. A test that changes the recipe leaves the corpus current."""
    from live_dagster import live_dagster

    with live_dagster(tmp_path_factory.mktemp("live")) as found:
        yield found


@pytest.fixture
def built(micro_store: Path, tmp_path: Path) -> Path:
    """A copy of the built micro store, to change at will."""
    return Path(shutil.copytree(micro_store, tmp_path / "store"))


@pytest.fixture
def micro_text() -> str:
    """The micro recipe as text, to change at will."""
    from data4llm_assets.recipe import find_recipe

    return find_recipe("micro").read_text()
