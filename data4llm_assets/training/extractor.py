"""The models behind `blocks` and `auto`, trained on labelled pages: LightGBM, cross-fitted by site, the same bytes every time.

The second model is trained on what the first says of pages whose sites it has not seen; else it would trust it too much.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data4llm_assets.evaluation.labelled_pages import LabelledPage
from data4llm_assets.extracted_text.block_model import COLUMNS, BlockModel, page_row, taken, with_context
from data4llm_assets.extracted_text.charset import decode
from data4llm_assets.extracted_text.dom.features import Features, features
from data4llm_assets.extracted_text.dom.tree import Tree, parse
from data4llm_assets.extracted_text.extraction import Refused, line_feeds
from data4llm_assets.extracted_text.page_types import PAGE_TYPES
from data4llm_assets.extracted_text.selection import select
from data4llm_assets.extracted_text.trafilatura import Trafilatura
from data4llm_assets.extracted_text.trained import KIND, VERSION
from data4llm_assets.method import library_version
from data4llm_assets.models import model_file
from data4llm_assets.models.boosted_trees import Trees
from data4llm_assets.raw_crawl.source import Record
from data4llm_assets.training.labels import block_labels
from data4llm_assets.training.tree_arrays import tree_arrays

Array = NDArray[Any]
FOLDS = 5
LEAST_PAGES = 20
BLOCK_PARAMETERS: dict[str, Any] = {
    "objective": "cross_entropy",
    "learning_rate": 0.12,
    "num_leaves": 20,
    "max_depth": 6,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 63,
}
BLOCK_ROUNDS = 80
JOINT_BAGS = 3
"""Models that `joint` is the mean of, each on other draws: it is asked of few pages, and may take its time."""
TYPE_PARAMETERS: dict[str, Any] = {
    "objective": "multiclassova",
    "num_class": len(PAGE_TYPES),
    "learning_rate": 0.06,
    "num_leaves": 6,
    "min_data_in_leaf": 6,
    "feature_fraction": 0.2,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 3.0,
    "max_bin": 63,
}
TYPE_ROUNDS = 80
_COMMON: dict[str, Any] = {"seed": 20261129, "deterministic": True, "force_row_wise": True, "num_threads": 1, "verbose": -1}


class Prepared(NamedTuple):
    """A page, ready to be learned from. labels : share of each block's words that is main text. other : Trafilatura's text."""

    page: LabelledPage
    tree: Tree
    features: Features
    labels: Array
    other: str


class Trained(NamedTuple):
    """As `model_file.write` takes them."""

    arrays: Mapping[str, Array]
    record: Mapping[str, Any]


def prepare(page: LabelledPage) -> Prepared | None:
    """None for a page without any words, or beyond the parser's limits."""
    html = line_feeds(decode(page.html, None, markup=True).text)
    tree = parse(html)
    if isinstance(tree, Refused):
        return None
    found = features(tree)
    if not len(found.rows):
        return None
    other = Trafilatura().page(html, Record((page.name,), page.name, page.name, page.html, "", "text/html", page.url))
    text = "" if isinstance(other, Refused) else other.text
    return Prepared(page, tree, found, block_labels(tree, found.rows, page.text), text)


def train(
    pages: Sequence[LabelledPage], held_out: Sequence[LabelledPage] = (), tell: Callable[[str], None] = lambda _line: None
) -> Trained:
    """Train all models on these pages, and on nothing else. What they are worth on pages held out goes into the record.

    Raises
    ------
    ValueError
        If there are fewer than LEAST_PAGES pages with text, or they are of fewer than FOLDS sites.
    """
    prepared = _prepared(pages)
    sites = {each.page.site for each in prepared}
    if len(prepared) < LEAST_PAGES or len(sites) < FOLDS:
        msg = f"{len(prepared)} pages with text of {len(sites)} sites: at least {LEAST_PAGES} of {FOLDS} are needed to learn from"
        raise ValueError(msg)
    if len({fold(site) for site in sites}) == 1:
        msg = f"all {len(sites)} sites are of one fold, and none is left to ask what it was not trained on: add pages of others"
        raise ValueError(msg)
    tell(f"{len(prepared)} pages of {len(sites)} sites, {sum(len(each.labels) for each in prepared):,} blocks")
    folds = np.array([fold(each.page.site) for each in prepared])
    rows = [each.features.blocks for each in prepared]
    first, unseen = _boosted(rows, prepared), _out_of_fold(rows, prepared, folds)
    tell("first: trained")
    rows = [with_context(each.tree, each.features, seen) for each, seen in zip(prepared, unseen, strict=True)]
    second = _boosted(rows, prepared)
    tell("second: trained")
    types, kinds = _types(prepared, folds)
    tell("types: trained")
    rows = [
        np.hstack([row, taken(each.features, each.other), np.broadcast_to(kind, (len(row), len(kind)))])
        for row, each, kind in zip(rows, prepared, kinds, strict=True)
    ]
    joint = _boosted(rows, prepared, JOINT_BAGS)
    tell("joint: trained")
    model = BlockModel(first, second, joint, types, "")
    arrays = {**first.named("first"), **second.named("second"), **joint.named("joint")}
    for name, one in zip(PAGE_TYPES, types, strict=True):
        arrays |= one.named(f"type_{name}")
    record = {
        "columns": {name: list(columns) for name, columns in COLUMNS.items()},
        "pages": len(prepared),
        "sites": len(sites),
        "data": data_digest(pages),
        "parameters": {
            "blocks": BLOCK_PARAMETERS,
            "rounds": BLOCK_ROUNDS,
            "joint_bags": JOINT_BAGS,
            "types": TYPE_PARAMETERS,
            "type_rounds": TYPE_ROUNDS,
        },
        "libraries": {name: library_version(name) for name in ("lightgbm", "trafilatura", "Resiliparse")},
        "scores": {"held_out": _scores(model, held_out)} if held_out else {},
    }
    return Trained(arrays, record)


def _prepared(pages: Iterable[LabelledPage]) -> list[Prepared]:
    return [found for page in _in_order(pages) if (found := prepare(page)) is not None]


def _in_order(pages: Iterable[LabelledPage]) -> list[LabelledPage]:
    """By name, and by content where folders have pages of one name: the same order whoever hands them in."""
    return sorted(pages, key=lambda page: (page.name, page.html, page.text))


def _scores(model: BlockModel, pages: Sequence[LabelledPage]) -> dict[str, Any]:
    """Mean F1 of what is selected, counted by the labels of blocks: quicker than by words, and nearly the same."""
    scores: list[tuple[float, float, float, bool]] = []
    for each in _prepared(pages):
        judged, types = model.judge(each.tree), model.page_types(each.tree, each.features)
        together = model.judge_with(each.tree, judged, each.other, types)
        right = PAGE_TYPES[int(types.argmax())] == each.page.page_type
        scores.append((_f1(each, judged.first), _f1(each, judged.probabilities), _f1(each, together), right))
    means = [round(float(np.mean(column)), 4) for column in zip(*scores, strict=True)]
    named = dict(zip(("first", "second", "joint", "types"), means, strict=False))
    return {"pages": len(scores), "data": data_digest(pages), **named}


def _f1(prepared: Prepared, judged: Array) -> float:
    words, kept = prepared.features.words.astype(np.float64), select(prepared.features.words, judged).kept
    right = float((words * prepared.labels)[kept].sum())
    return 2 * right / max(float(words[kept].sum() + (words * prepared.labels).sum()), 1.0)


def fold(site: str) -> int:
    """Pages of one site are in one fold."""
    return int.from_bytes(hashlib.sha256(f"fold {site}".encode()).digest()[:8], "big") % FOLDS


def data_digest(pages: Iterable[LabelledPage]) -> str:
    """SHA-256 over the digests of pages and true texts, in order of their names: 32 hex digits."""
    state = hashlib.sha256()
    for page in _in_order(pages):
        state.update(hashlib.sha256(page.html).digest() + hashlib.sha256(page.text.encode()).digest())
    return state.hexdigest()[:32]


def weights(words: Array) -> Array:
    """How much each block of a page counts: every page the same, long blocks more than short ones, none nothing."""
    root = np.sqrt(words.astype(np.float64))
    return 100 * root / root.sum() + 0.02


def _out_of_fold(rows: Sequence[Array], prepared: Sequence[Prepared], folds: Array) -> list[Array]:
    """What models that have not seen a page's site say of its blocks."""
    out: list[Array] = [np.zeros(0, np.float32)] * len(rows)
    for number in range(FOLDS):
        inside, outside = np.flatnonzero(folds != number).tolist(), np.flatnonzero(folds == number).tolist()
        model = _boosted([rows[at] for at in inside], [prepared[at] for at in inside])
        for at in outside:
            out[at] = model.probabilities(rows[at])
    return out


def _boosted(rows: Sequence[Array], prepared: Sequence[Prepared], bags: int = 1) -> Trees:
    import lightgbm

    data = lightgbm.Dataset(
        np.concatenate(rows),
        np.concatenate([each.labels for each in prepared]),
        weight=np.concatenate([weights(each.features.words) for each in prepared]),
        free_raw_data=False,
    )
    trees: list[dict[str, Any]] = []
    for bag in range(bags):
        parameters = {**BLOCK_PARAMETERS, **_COMMON, "seed": _COMMON["seed"] + bag}
        trees += lightgbm.train(parameters, data, BLOCK_ROUNDS).dump_model()["tree_info"]
    found = tree_arrays(trees)
    return found._replace(value=(found.value / bags).astype(np.float32))


def _types(prepared: Sequence[Prepared], folds: Array) -> tuple[tuple[Trees, ...], Array]:
    rows = np.stack([page_row(each.tree, each.features) for each in prepared])
    known = np.array([PAGE_TYPES.index(each.page.page_type) if each.page.page_type in PAGE_TYPES else 0 for each in prepared])
    out = np.zeros((len(rows), len(PAGE_TYPES)), np.float32)
    for number in range(FOLDS):
        inside = folds != number
        for kind, model in enumerate(_kinds(rows[inside], known[inside])):
            out[~inside, kind] = model.probabilities(rows[~inside])
    return _kinds(rows, known), out / out.sum(axis=1, keepdims=True)


def _kinds(rows: Array, known: Array) -> tuple[Trees, ...]:
    import lightgbm

    booster = lightgbm.train({**TYPE_PARAMETERS, **_COMMON}, lightgbm.Dataset(rows, known), TYPE_ROUNDS)
    every = booster.dump_model()["tree_info"]
    return tuple(tree_arrays(every[kind :: len(PAGE_TYPES)]) for kind in range(len(PAGE_TYPES)))


def write(trained: Trained, path: Path) -> None:
    model_file.write(path, KIND, VERSION, trained.arrays, trained.record)
