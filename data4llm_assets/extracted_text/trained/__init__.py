"""The models that come with data4llm, as files. What reads them loads a compiler, and is asked for when a page is there."""

from __future__ import annotations

from pathlib import Path

from data4llm_assets.method import ModelUnavailable

KIND, VERSION = "extractor", 1
"""Of the file behind `blocks` and `auto`."""
SHIPPED = Path(__file__).parent / "extractor.model"


def chosen(model: str, shipped: Path, method: str, trained_by: str) -> Path:
    """The file that a recipe names, or the shipped one. Raises ModelUnavailable if it is not there."""
    path = Path(model) if model else shipped
    if not path.is_file():
        how = f"train one with `data4llm train {trained_by}`, or name another path"
        offline = "model: '', the one that comes with data4llm"
        raise ModelUnavailable(method, "data4llm", f"the model file {path}", how, offline)
    return path
