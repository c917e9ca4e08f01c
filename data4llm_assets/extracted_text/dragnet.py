"""Main text of web pages by Dragnet: Peters, Lecocq, "Content Extraction Using Diverse Feature Sets", WWW 2013 Companion.

A logistic model over what two others measure (text and link density, content-tag ratio), Readability's score, and ids and classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from data4llm_assets.extracted_text.dom import MAX_DEPTH
from data4llm_assets.extracted_text.extraction import Refused
from data4llm_assets.extracted_text.trained import chosen
from data4llm_assets.extracted_text.web_page import Page, WebExtraction
from data4llm_assets.method import Measure
from data4llm_assets.models import model_file
from data4llm_assets.models.model_file import ModelFileError, read
from data4llm_assets.raw_crawl.source import Record

if TYPE_CHECKING:
    from data4llm_assets.extracted_text.dom.tree import Tree

Array: TypeAlias = NDArray[Any]
KIND, VERSION = "dragnet", 1
SHIPPED = Path(__file__).parent / "trained" / "dragnet.model"


class Dragnet(WebExtraction):
    """Each block by its density, its links, its class names and its neighbours; 45 weights, which anyone can train again.

    Blocks are cut at headings, `p`, `div`, `table` and `map` alone: a menu that is one list in a `div` goes or stays as one.
    Its authors' later release puts randomised trees in place of the logistic model.
    """

    version: ClassVar[str] = "1"
    uses: ClassVar[tuple[str, ...]] = ("Resiliparse", "charset-normalizer")
    method: Literal["dragnet"] = "dragnet"
    threshold: Measure[float] = Field(
        0.5, ge=0, lt=1, description="of main text: a block above it is kept; published: .5. Less: more text, more boilerplate"
    )
    model: Measure[str] = Field("", description="path of a model file; empty: the one that comes with data4llm")
    max_bytes: Measure[int] = Field(20_000_000, ge=1, description="bytes of HTML")
    max_depth: Measure[int] = Field(MAX_DEPTH, ge=1, description="levels of elements within elements")

    def models(self) -> Mapping[str, str]:
        return {"dragnet.model": model_file.digest(self._file(), KIND, VERSION)}

    def parameters(self, tag: str | None = None) -> dict[str, Any]:
        # The digest of a model, not its path, says which it is.
        return {key: value for key, value in super().parameters(tag).items() if key != "model"}

    def prepare(self) -> None:
        self._loaded()

    def page(self, html: str, record: Record) -> Page | Refused:
        from data4llm_assets.extracted_text.dom.tree import parse
        from data4llm_assets.extracted_text.rendering import write_text

        tree = parse(html, max_elements=self.max_elements, max_depth=self.max_depth)
        if isinstance(tree, Refused):
            return tree
        kept = main_blocks(tree, self._loaded(), self.threshold)
        return Page(write_text(tree, kept, markdown=self.format == "markdown"))

    def _loaded(self) -> Model:
        path = self._file()
        status = path.stat()
        return _model(path, status.st_size, status.st_mtime_ns)

    def _file(self) -> Path:
        return chosen(self.model, SHIPPED, self.method, "dragnet")


class Model(NamedTuple):
    """σ(weights · (features − mean) / scale + bias) is the probability that a block is main text. Float64, by columns NAMES.

    digest : of the file it was read from.
    """

    mean: Array
    scale: Array
    weights: Array
    bias: float
    digest: str = ""

    def probabilities(self, blocks: Array) -> Array:
        """float64, one a row of `DragnetFeatures.blocks`."""
        # Sums that do not hang on which library of linear algebra there is.
        sums = ((blocks - self.mean) / self.scale * self.weights).sum(axis=1) + self.bias
        return 1 / (1 + np.exp(-np.clip(sums, -500, 500)))

    def arrays(self) -> dict[str, Array]:
        """As a model file holds them."""
        return {
            name: np.atleast_1d(np.asarray(values, np.float32))
            for name, values in (("mean", self.mean), ("scale", self.scale), ("weights", self.weights), ("bias", self.bias))
        }


def main_blocks(tree: Tree, model: Model, threshold: float) -> Array:
    """Which blocks are the main text: bool, one a block of the tree."""
    from data4llm_assets.extracted_text.dragnet_features import dragnet_features

    found = dragnet_features(tree)
    # The last stands for what has no word.
    kept = np.append(model.probabilities(found.blocks) > threshold, False)
    return kept[found.row]


def of_arrays(arrays: Mapping[str, Array], digest: str = "") -> Model:
    """The model that `Model.arrays` gave."""
    mean, scale, weights, bias = (arrays[name].astype(np.float64) for name in ("mean", "scale", "weights", "bias"))
    return Model(mean, scale, weights, float(bias[0]), digest)


@cache
def _model(path: Path, _size: int, _changed: int) -> Model:
    """Read once, and again when the file has changed. Raises ModelFileError: it is damaged, or is none of Dragnet's."""
    from data4llm_assets.extracted_text.dragnet_features import NAMES

    found = read(path, KIND, VERSION)
    if found.record.get("features") != list(NAMES):
        msg = f"{path}: the model was trained on other features than this data4llm measures; train it anew (data4llm train)"
        raise ModelFileError(msg)
    return of_arrays(found.arrays, found.digest)
