"""Dragnet's weights, trained on labelled pages: a logistic model with an L2 penalty, by Newton's method. Always the same bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data4llm_assets.evaluation.extraction import Score, score, words
from data4llm_assets.evaluation.labelled_pages import LabelledPage
from data4llm_assets.extracted_text.charset import decode
from data4llm_assets.extracted_text.dom.tree import Tree, parse
from data4llm_assets.extracted_text.dragnet import Model, main_blocks
from data4llm_assets.extracted_text.dragnet_features import NAMES, DragnetFeatures, dragnet_features
from data4llm_assets.extracted_text.extraction import Refused, plain_form
from data4llm_assets.extracted_text.rendering import write_text
from data4llm_assets.training.extractor import FOLDS, data_digest, fold
from data4llm_assets.training.labels import block_labels, block_words

Array = NDArray[Any]
WORD_CAP = 200
"""Words: a longer block weighs no more (Peters, Lecocq 2013). All pages weigh the same."""
PENALTY = 0.03
"""Half of it times the sum of the squared weights (of standardised features) is added to the mean loss."""
THRESHOLD = 0.5
_LEAST = 0.01
"""No block is labelled as more certain than that: without it a page set that has one label only has no best bias."""
_STEPS, _CLOSE = 100, 1e-10


class Example(NamedTuple):
    """A page. labels : float64, the share of each coarse block's words that is main text."""

    page: LabelledPage
    tree: Tree
    features: DragnetFeatures
    labels: Array


def train_dragnet(pages: Iterable[LabelledPage]) -> tuple[dict[str, Array], dict[str, Any]]:
    """(arrays, record) of a model file of kind `dragnet`: the model of these pages, and how such models do on sites unseen.

    The order of the pages makes no difference.

    Raises
    ------
    ValueError
        If the pages with text are of fewer sites than there are folds, or all in one.
    """
    given = sorted(pages, key=lambda page: page.name)
    examples = [found for page in given if (found := _example(page)) is not None]
    folds = np.array([fold(each.page.site) for each in examples])
    sites = {each.page.site for each in examples}
    if len(sites) < FOLDS or len(set(folds)) < 2:
        msg = f"{len(examples)} pages with text of {len(sites)} sites: at least {FOLDS} sites are needed to learn from"
        raise ValueError(msg)
    models = {number: fitted([each for each, its in zip(examples, folds, strict=True) if its != number]) for number in set(folds)}
    scores = [_score(each, models[number]) for each, number in zip(examples, folds, strict=True)]
    types = np.array([each.page.page_type for each in examples])
    record = {
        "features": list(NAMES),
        "pages": len(examples),
        "passed_over": len(given) - len(examples),
        "sites": len(sites),
        "blocks": sum(len(each.labels) for each in examples),
        "data": data_digest(given),
        "parameters": {"word_cap": WORD_CAP, "penalty": PENALTY, "threshold": THRESHOLD, "folds": FOLDS},
        "sites_unseen": {
            "all pages": _means(scores),
            **{name: _means([scores[row] for row in np.flatnonzero(types == name)]) for name in sorted(set(types.tolist()))},
        },
    }
    return fitted(examples).arrays(), record


def fitted(examples: Sequence[Example]) -> Model:
    """The model of some pages."""
    blocks = np.concatenate([each.features.blocks for each in examples]).astype(np.float64)
    labels = np.clip(np.concatenate([each.labels for each in examples]), _LEAST, 1 - _LEAST)
    weights = np.concatenate([_weights(each.features.words) for each in examples]) / len(examples)
    mean = weights @ blocks
    scale = np.sqrt(weights @ (blocks - mean) ** 2)
    # A feature that is the same everywhere says nothing.
    scale[scale < 1e-9] = 1
    found = newton((blocks - mean) / scale, labels, weights, PENALTY)
    return Model(mean, scale, found[:-1], float(found[-1]))


def newton(features: Array, labels: Array, weights: Array, penalty: float) -> Array:
    """Coefficients of the logistic model with the least loss, the bias last, unpenalised: float64.

    Parameters
    ----------
    features : float64, (rows, columns). labels : float64, probabilities. weights : float64, of rows; they sum up to 1.
    """
    rows = np.column_stack([features, np.ones(len(features))])
    found = np.zeros(rows.shape[1])
    ridge = np.full(len(found), penalty)
    ridge[-1] = 0

    def loss(coefficients: Array) -> float:
        logits = rows @ coefficients
        return float(weights @ (np.logaddexp(0, logits) - labels * logits) + ridge @ coefficients**2 / 2)

    now = loss(found)
    for _ in range(_STEPS):
        likely = 1 / (1 + np.exp(-(rows @ found)))
        gradient = rows.T @ (weights * (likely - labels)) + ridge * found
        if np.abs(gradient).max() < _CLOSE:
            break
        curvature = (rows.T * (weights * likely * (1 - likely))) @ rows + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        # Far from the minimum a whole step may lead away from it. Close to it a loss is as good as rounding lets it be.
        while (then := loss(found - step)) > now + 1e-12:
            step /= 2
        found, now = found - step, then
    return found


def _example(page: LabelledPage) -> Example | None:
    """None for a page without any words, or beyond the parser's limits."""
    tree = parse(plain_form(decode(page.html, None, markup=True).text))
    if isinstance(tree, Refused):
        return None
    features = dragnet_features(tree)
    if not len(features.words):
        return None
    blocks = np.flatnonzero(features.row >= 0)
    counts = np.array([len(each) for each in block_words(tree, blocks)])
    row, size = features.row[blocks], len(features.words)
    true = np.bincount(row, block_labels(tree, blocks, page.text) * counts, size)
    return Example(page, tree, features, true / np.maximum(np.bincount(row, counts, size), 1))


def _weights(counts: Array) -> Array:
    capped = np.minimum(counts, WORD_CAP).astype(np.float64)
    return capped / capped.sum()


def _score(example: Example, model: Model) -> Score:
    text = write_text(example.tree, main_blocks(example.tree, model, THRESHOLD), markdown=False)
    return score(Counter(words(text)), Counter(words(example.page.text)))


def _means(scores: Sequence[Score]) -> dict[str, float]:
    return {name: round(float(np.mean([getattr(each, name) for each in scores])), 4) for name in Score._fields}
