"""Engines of extraction by what a person types: a name with parameters, a class of one's own, or the recipe that has one."""

from __future__ import annotations

import re

from pydantic import ValidationError

from data4llm_assets.extracted_text.extraction import Extraction
from data4llm_assets.extracted_text.stage import WEB_METHODS, ExtractedText
from data4llm_assets.recipe import load_recipe

_PARAMETERS = re.compile(r":(?=\w+=)")
_MODES = ("trafilatura:mode=precision", "trafilatura:mode=recall", "trafilatura:mode=fast")


def shipped() -> list[str]:
    """Every engine for web pages that needs no parameters, then the other modes of Trafilatura."""
    return [*(name for name, method in WEB_METHODS.items() if _needs_nothing(method)), *_MODES]


def engine(spelled: str) -> Extraction:
    """An engine with its parameters, validated as a recipe's are.

    Parameters
    ----------
    spelled : `trafilatura`; `trafilatura:mode=precision,include_tables=false`; `mypackage.rules:MyEngine`, with parameters or
        without; `recipe.yaml`, for what that recipe extracts web pages with.

    Raises
    ------
    ValueError
        If there is no such engine or parameter, it does not take the value, or the recipe extracts no web pages.
    """
    if spelled.endswith((".yaml", ".yml")):
        return _of_recipe(spelled)
    method, *rest = _PARAMETERS.split(spelled, maxsplit=1)
    pairs = [pair.partition("=") for pair in rest[0].split(",")] if rest else []
    try:
        section = ExtractedText.model_validate({"html": {"method": method, **{key: value for key, _, value in pairs}}})
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = "".join(f"{each}: " for each in fault["loc"][1:])
        msg = f"engine {spelled!r}: {key}{fault['msg'].removeprefix('Value error, ')}"
        raise ValueError(msg) from error
    assert section.html is not None
    return section.html


def _of_recipe(path: str) -> Extraction:
    for section in load_recipe(path).steps:
        if isinstance(section, ExtractedText) and section.html is not None:
            return section.html
    msg = f"{path} extracts no web pages"
    raise ValueError(msg)


def _needs_nothing(method: type[Extraction]) -> bool:
    try:
        method.model_validate({})
    except ValidationError:
        return False
    return True
