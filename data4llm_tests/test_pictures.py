"""The README's pictures of Dagster: wide enough to read, small enough to load. `make screenshots` takes them anew."""

from __future__ import annotations

from pathlib import Path

import pytest

PICTURES = sorted((Path(__file__).parents[1] / "docs").glob("dagster-*.png"))


@pytest.mark.parametrize("file", PICTURES, ids=lambda file: file.name)
def test_a_picture_is_1400_pixels_wide_and_small(file: Path) -> None:
    data = file.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(data[16:20], "big") == 1400
    assert len(data) <= 150_000


def test_there_are_two() -> None:
    assert [file.name for file in PICTURES] == ["dagster-graph.png", "dagster-refused.png"]
