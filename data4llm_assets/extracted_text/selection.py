"""Which blocks make up the text, once it is known how probable each is: those whose expected score is best, and how good it is."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Selection(NamedTuple):
    """kept : bool, by block. expected : the F1 over words to be expected of it. threshold : the least probability that is kept."""

    kept: Array
    expected: float
    threshold: float


def select(words: Array, probabilities: Array, strictness: float = 1.0) -> Selection:
    """The blocks that maximise 2 Σ w p / (strictness Σ w + Σ all w p): the expected word F1, where strictness is 1.

    One threshold for all pages would keep too little of pages on which nothing is certain, and too much of clear ones: the best
    threshold of a page is half of its best F1 (Lipton et al. 2014, arXiv 1402.1892). Strictness above 1 prefers precision.
    Of blocks that are equally probable all are kept or none.
    """
    if not len(words):
        return Selection(np.zeros(0, np.bool_), 0.0, 1.0)
    order = np.argsort(-probabilities, kind="stable")
    weight, sure = words[order].astype(np.float64), probabilities[order].astype(np.float64)
    right = np.cumsum(weight * sure)
    length = np.cumsum(weight)
    last = np.append(sure[1:] < sure[:-1], True)
    scores = np.where(last, 2 * right / (strictness * length + right[-1]), -1.0)
    best = int(scores.argmax())
    expected = 2 * right[best] / (length[best] + right[-1])
    return Selection(probabilities >= probabilities[order][best], float(expected), float(sure[best]))
