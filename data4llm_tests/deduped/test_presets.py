from __future__ import annotations

from typing import Literal, get_args

import pytest
from pydantic import ValidationError

from data4llm_assets.deduped.minhash import Banded, MinHash
from data4llm_assets.deduped.presets import PRESETS, Preset
from data4llm_assets.deduped.stage import Deduped


@pytest.mark.parametrize("name", get_args(Preset))
def test_a_preset_is_what_is_written_out_in_its_place(name: Preset) -> None:
    short, long = MinHash(preset=name), MinHash(**PRESETS[name])
    assert short == long
    assert short.parameters() == long.parameters()
    assert short.identity() == long.identity()
    assert "preset" not in short.parameters("measure")
    assert MinHash.model_validate(short.model_dump()) == short
    assert MinHash.model_validate_json(short.model_dump_json()) == short


def test_figures_of_the_presets() -> None:
    written = {name: MinHash(preset=name) for name in get_args(Preset)}
    assert {name: (each.ngram, each.unit, each.bands, each.rows, each.similarity) for name, each in written.items()} == {
        "fineweb": (5, "words", 14, 8, 0.75),
        "fineweb_2": (5, "words", 14, 8, 0.75),
        "nemo": (24, "characters", 20, 13, 0.8),
        "data_juicer": (5, "words", 25, 10, 0.7),
        "data_juicer_benchmark": (5, "words", 32, 8, 0.65),
        "redpajama_0_7": (13, "words", 14, 9, 0.7),
        "redpajama_0_8": (13, "words", 9, 13, 0.8),
        "redpajama_0_9": (13, "words", 5, 25, 0.9),
        "data_prep_kit": (5, "words", 14, 8, 0.75),
        "text_dedup": (5, "words", 24, 10, 0.73),
        "text_dedup_core": (2, "words", 50, 4, 0.5),
        "marin": (5, "characters", 26, 11, 0.74),
        "dataflow": (5, "characters", 5, 25, 0.9),
    }
    assert {name: each.seed for name, each in written.items() if each.seed != 1} == {"nemo": 42, "data_prep_kit": 42}


def test_a_key_that_is_given_counts_before_the_preset() -> None:
    method = MinHash(preset="nemo", similarity=0.9, seed=7)
    assert (method.ngram, method.unit, method.similarity, method.seed) == (24, "characters", 0.9, 7)


def test_a_recipe_names_a_preset() -> None:
    (method,) = Deduped.model_validate({"methods": [{"method": "minhash", "preset": "marin", "compare": 8}]}).methods
    assert method == MinHash(unit="characters", ngram=5, bands=26, rows=11, similarity=0.74, compare=8)


@pytest.mark.parametrize("preset", ["refinedweb", "", 7, ["fineweb"]])
def test_an_unknown_preset_is_refused(preset: object) -> None:
    with pytest.raises(ValidationError, match="preset"):
        MinHash.model_validate({"preset": preset})


class Estimated(Banded):
    """Compares nothing, and so has no threshold of similarity."""

    method: Literal["estimated"] = "estimated"


def test_a_method_takes_of_a_preset_what_it_knows() -> None:
    assert Estimated.model_validate({"preset": "nemo"}) == Estimated(unit="characters", ngram=24, bands=20, rows=13, seed=42)
