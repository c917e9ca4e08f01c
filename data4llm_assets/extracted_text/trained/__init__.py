"""The models that come with data4llm, as files. What reads them loads a compiler, and is asked for when a page is there."""

from __future__ import annotations

from pathlib import Path

KIND, VERSION = "extractor", 1
"""Of the file behind `blocks` and `auto`."""
SHIPPED = Path(__file__).parent / "extractor.model"
