"""What other systems test near-duplicates by, under their names: shingles, bands and rows, as published or as their code has them.

Where a system states from which similarity on documents are duplicates, `similarity` is that; else it is the nominal threshold of
its bands, (1 / bands)^(1 / rows), rounded. Most compare no pair and drop whatever shares a band: ours drops fewer, since matches
are verified. Seeds are the published ones, else 1. Texts are normalised as `minhash` does it, whatever the system does. Those
whose shingles are tokens of a language model (RefinedWeb, duplodocus for Olmo 3) are not here: no n-gram of words or characters is
the same test.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args

Preset: TypeAlias = Literal[
    "fineweb", "fineweb_2", "nemo", "data_juicer", "data_juicer_benchmark", "redpajama_0_7", "redpajama_0_8", "redpajama_0_9",
    "data_prep_kit", "text_dedup", "text_dedup_core", "marin", "dataflow",
]  # fmt: skip


def _words(ngram: int, bands: int, rows: int, similarity: float, **more: int) -> Mapping[str, Any]:
    return MappingProxyType({"unit": "words", "ngram": ngram, "bands": bands, "rows": rows, "similarity": similarity, **more})


def _characters(ngram: int, bands: int, rows: int, similarity: float, **more: int) -> Mapping[str, Any]:
    return MappingProxyType({**_words(ngram, bands, rows, similarity, **more), "unit": "characters"})


PRESETS: Mapping[Preset, Mapping[str, Any]] = {
    "fineweb": _words(5, 14, 8, 0.75, seed=1),  # stated: bands made for 75 %; compares no pair
    "fineweb_2": _words(5, 14, 8, 0.75),  # the same bands; compares no pair
    "nemo": _characters(24, 20, 13, 0.8, seed=42),  # stated; compares no pair (older releases did)
    "data_juicer": _words(5, 25, 10, 0.7),  # stated: 25 x 10 of 256 are what its optimiser finds for 0.7; compares no pair
    "data_juicer_benchmark": _words(5, 32, 8, 0.65),  # nominal; compares no pair
    "redpajama_0_7": _words(13, 14, 9, 0.7),  # stated, as the next two; compares no pair
    "redpajama_0_8": _words(13, 9, 13, 0.8),
    "redpajama_0_9": _words(13, 5, 25, 0.9),
    "data_prep_kit": _words(5, 14, 8, 0.75, seed=42),  # stated, and verified by Jaccard similarity as here
    "text_dedup": _words(5, 24, 10, 0.73),  # nominal; verifies if asked to
    "text_dedup_core": _words(2, 50, 4, 0.5),  # stated; its bands let far less similar pairs in
    "marin": _characters(5, 26, 11, 0.74),  # nominal; compares no pair
    "dataflow": _characters(5, 5, 25, 0.9),  # stated
}
assert tuple(PRESETS) == get_args(Preset)
