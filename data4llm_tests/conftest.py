"""Every test reaches loopback at most, and no library phones home."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from pytest_socket import socket_allow_hosts

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
