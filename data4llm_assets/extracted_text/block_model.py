"""The models that judge blocks: two that look at the page, one that also knows what another engine took, one of the page's type.

`first` judges each block by its features; `second` judges again, knowing how the blocks around were judged; `joint` knows besides
what another engine made of the page; `types` says what kind of page it is. All stand in one file, with a record of their training.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data4llm_assets.extracted_text.dom import context, features, page_signals
from data4llm_assets.extracted_text.dom import measures as m
from data4llm_assets.extracted_text.dom.features import Features
from data4llm_assets.extracted_text.dom.tree import Tree
from data4llm_assets.extracted_text.page_types import PAGE_TYPES
from data4llm_assets.extracted_text.trained import KIND, VERSION
from data4llm_assets.models import model_file
from data4llm_assets.models.boosted_trees import Trees, trees

Array = NDArray[Any]
OTHER_NAMES = ("taken", "taken_before", "taken_after", "taken_page", "taken_words")
RUN_LENGTH = 3
"""Words that follow each other in a block and in the other engine's text: such a run has been taken from there."""
COLUMNS: dict[str, tuple[str, ...]] = {
    "first": features.NAMES,
    "second": (*features.NAMES, *context.NAMES),
    "joint": (*features.NAMES, *context.NAMES, *OTHER_NAMES, *(f"type_{name}" for name in PAGE_TYPES)),
    "types": (*features.NAMES, *page_signals.NAMES),
}
"""What each model looks at, in order."""


class Judged(NamedTuple):
    """A page's blocks: the rows of `Features`, and how probable it is that each is main text. float32."""

    features: Features
    first: Array
    probabilities: Array


class BlockModel(NamedTuple):
    """What stands in a file of kind `extractor`."""

    first: Trees
    second: Trees
    joint: Trees
    types: tuple[Trees, ...]
    digest: str

    def judge(self, tree: Tree) -> Judged:
        """How probable each block of a page is."""
        found = features.features(tree)
        first = self.first.probabilities(found.blocks)
        return Judged(found, first, self.second.probabilities(with_context(tree, found, first)))

    def judge_with(self, tree: Tree, judged: Judged, other: str, types: Array) -> Array:
        """The same, knowing the text that another engine gave and the probabilities of the page's types."""
        rows = with_context(tree, judged.features, judged.first)
        return self.joint.probabilities(np.hstack([rows, taken(judged.features, other), _everywhere(types, len(rows))]))

    def page_types(self, tree: Tree, found: Features) -> Array:
        """Probabilities of PAGE_TYPES, float32."""
        row = page_row(tree, found)[None]
        each = np.array([one.probabilities(row)[0] for one in self.types], np.float32)
        return each / each.sum()


def with_context(tree: Tree, found: Features, first: Array) -> Array:
    """Columns of `second`."""
    return np.hstack([found.blocks, context.context(tree, found, first)])


def taken(found: Features, other: str) -> Array:
    """Columns OTHER_NAMES: how much of each block, of those beside it and of the page stands in another engine's text."""
    shares = m.covered(found.stream, found.ends, features.word_hashes(other.encode("utf-8", "replace")), RUN_LENGTH)
    inside = float((shares * found.words).sum(dtype=np.float64))
    beside = np.pad(shares, 1)
    page = np.array([inside / max(float(found.words.sum()), 1), inside], np.float32)
    return np.hstack([np.stack([shares, beside[:-2], beside[2:]], axis=1), _everywhere(page, len(shares))])


def page_row(tree: Tree, found: Features) -> Array:
    """Columns of `types`, float32: means over the page's words, what is said of the page as a whole, and signals of its kind."""
    weight = found.words.astype(np.float64)
    means = (found.blocks * weight[:, None]).sum(axis=0) / max(weight.sum(), 1) if len(weight) else np.zeros(len(features.NAMES))
    return np.concatenate([means, page_signals.signals(tree.data.tobytes())]).astype(np.float32)


def _everywhere(values: Array, rows: int) -> Array:
    return np.broadcast_to(values.astype(np.float32), (rows, len(values)))


def load(path: Path) -> BlockModel:
    """The models in a file, read again when it has changed.

    Raises
    ------
    ModelFileError
        If it is damaged, of another kind or version, or for other features.
    FileNotFoundError
    """
    told = path.stat()
    return _load(path, told.st_mtime_ns, told.st_size)


@cache
def _load(path: Path, _changed: int, _size: int) -> BlockModel:
    file = model_file.read(path, KIND, VERSION)
    if (columns := {name: tuple(told) for name, told in file.record["columns"].items()}) != COLUMNS:
        differing = ", ".join(name for name in COLUMNS if columns.get(name) != COLUMNS[name])
        msg = f"{path}: trained on other features than this data4llm has ({differing}); train it anew (data4llm train extractor)"
        raise model_file.ModelFileError(msg)
    first, second, joint = (trees(file.arrays, name) for name in ("first", "second", "joint"))
    return BlockModel(first, second, joint, tuple(trees(file.arrays, f"type_{name}") for name in PAGE_TYPES), file.digest)
