from __future__ import annotations

from pathlib import Path

import pytest

from data4llm_assets.evaluation import engines
from data4llm_assets.evaluation.engines import engine, shipped
from data4llm_assets.extracted_text.trafilatura import Trafilatura
from data4llm_assets.extracted_text.web_page import WebExtraction
from data4llm_assets.recipe import RecipeError

OWN = f"{__name__}:Demanding"


class Demanding(WebExtraction):
    """An engine of a user's own."""

    method: str = "demanding"
    recipe: str


def test_engines_are_named_with_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine("trafilatura:mode=precision,include_tables=false") == Trafilatura(mode="precision", include_tables=False)
    assert engine(f"{OWN}:recipe=a=b") == Demanding(method=OWN, recipe="a=b")
    monkeypatch.setattr(engines, "WEB_METHODS", {"trafilatura": Trafilatura, "demanding": Demanding})
    assert shipped() == ["trafilatura", "trafilatura:mode=precision", "trafilatura:mode=recall", "trafilatura:mode=fast"]
    assert all(engine(name).method == "trafilatura" for name in shipped())


RECIPE = """
corpus: toy
sources:
  web: {kind: jsonl, path: web, domain: web, license: MIT}
steps:
  - stage: raw_crawl
  - {stage: extracted_text, html: HTML}
"""


def test_the_engine_of_a_recipe(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(RECIPE.replace("HTML", "{method: trafilatura, mode: recall}"))
    assert engine(str(file)) == Trafilatura(mode="recall")
    file.write_text(RECIPE.replace("HTML", "null"))
    with pytest.raises(ValueError, match=r"recipe\.yaml extracts no web pages"):
        engine(str(file))
    with pytest.raises(RecipeError, match=r"nothing\.yaml"):
        engine("nothing.yaml")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "engine '': no method is called ''"),
        ("autp", "engine 'autp': no method is called 'autp'"),
        ("trafilatura:mode=best", "engine 'trafilatura:mode=best': mode: Input should be 'balanced'"),
        ("trafilatura:speed=1", "speed: Extra inputs are not permitted"),
        (OWN, "recipe: Field required"),
        ("data4llm_assets.deduped.minhash:MinHash", "extracts no text"),
    ],
)
def test_engines_that_are_not_there_are_refused(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        engine(name)
