from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data4llm_assets.evaluation.labelled_pages import LabelledPage, part, read_folder
from data4llm_assets.extracted_text.dragnet import KIND, SHIPPED, VERSION, of_arrays
from data4llm_assets.extracted_text.dragnet_features import NAMES
from data4llm_assets.models.model_file import read, write
from data4llm_assets.training.dragnet import newton, train_dragnet

SENTENCE = "The quick brown fox jumps over the lazy dog, and the dog does not mind it in the least."


def page(number: int, site: str) -> LabelledPage:
    text = f"{SENTENCE} Number {number} says so. {SENTENCE}"
    html = (
        f"<div class=menu><a>Home</a> <a>About {number}</a></div><div class=content><p>{text}</p><p>{text}</p></div>"
        f"<div class=footer><a>Copyright {number}</a></div>"
    )
    return LabelledPage(f"p{number}", site, None, html.encode(), f"{text}\n{text}", "article" if number % 2 else "forum")


PAGES = tuple(page(number, f"site{number % 8}.org") for number in range(16))


def loss(coefficients: np.ndarray, features: np.ndarray, labels: np.ndarray, weights: np.ndarray, penalty: float) -> float:
    likely = 1 / (1 + np.exp(-(features @ coefficients[:-1] + coefficients[-1])))
    entropy = -(labels * np.log(likely) + (1 - labels) * np.log(1 - likely))
    return float((weights * entropy).sum() + penalty / 2 * (coefficients[:-1] ** 2).sum())


@pytest.mark.parametrize("penalty", [0.001, 0.1, 10])
def test_newton_finds_the_least_loss(penalty: float) -> None:
    draw = np.random.default_rng(3)
    features, labels, weights = draw.normal(size=(200, 4)) * [1, 9, 1, 1], draw.random(200), draw.random(200)
    weights /= weights.sum()
    found = newton(features, labels, weights, penalty)
    least = loss(found, features, labels, weights, penalty)
    for step in np.vstack([np.eye(5), -np.eye(5)]) * 1e-3:
        assert loss(found + step, features, labels, weights, penalty) > least


def test_newton_takes_labels_that_can_be_told_apart() -> None:
    features = np.array([[-100.0], [-1.0], [1.0], [100.0]])
    found = newton(features, np.array([0.01, 0.01, 0.99, 0.99]), np.full(4, 0.25), 1e-6)
    assert np.isfinite(found).all()
    assert found[0] > 0


def test_a_model_knows_what_it_was_made_of_and_keeps_to_it(tmp_path: Path) -> None:
    arrays, record = train_dragnet(PAGES)
    assert (record["features"], record["pages"], record["passed_over"], record["sites"]) == (list(NAMES), 16, 0, 8)
    assert record["blocks"] == 16 * 4
    assert list(record["sites_unseen"]) == ["all pages", "article", "forum"]
    assert all(scores == {"f1": 1.0, "precision": 1.0, "recall": 1.0} for scores in record["sites_unseen"].values())
    model = of_arrays(arrays)
    assert model.weights[NAMES.index("link_density")] < 0 < model.weights[NAMES.index("has_content")]
    # A feature that is the same on all pages says nothing.
    assert model.weights[NAMES.index("has_forum")] == 0
    write(tmp_path / "a.model", KIND, VERSION, arrays, record)
    assert read(tmp_path / "a.model", KIND, VERSION).record == record


def test_the_order_of_the_pages_makes_no_difference() -> None:
    one, other = train_dragnet(PAGES), train_dragnet(reversed(PAGES))
    assert one[1] == other[1]
    assert all(np.array_equal(one[0][name], other[0][name]) for name in one[0])
    changed = train_dragnet([*PAGES[:-1], PAGES[-1]._replace(text="Number")])[1]
    assert changed["data"] != one[1]["data"]


def test_pages_without_words_are_passed_over() -> None:
    empty = LabelledPage("empty", "site9.org", None, b"<p>*</p>", "", "article")
    assert train_dragnet([*PAGES, empty])[1]["passed_over"] == 1


def test_too_few_sites_are_refused() -> None:
    with pytest.raises(ValueError, match=r"4 pages with text of 1 sites: at least 5 sites"):
        train_dragnet(each._replace(site="one.org") for each in PAGES[:4])


def test_the_shipped_model_comes_out_again(evaluation_data: Path) -> None:
    folders = (evaluation_data / name for name in ("wcxb", "readability-pages"))
    pages = [each for folder in folders for each in read_folder(folder).pages if part(each.site) == "develop"]
    arrays, record = train_dragnet(pages)
    shipped = read(SHIPPED, KIND, VERSION)
    assert record["data"] == shipped.record["data"]
    for name, values in arrays.items():
        # Another machine may round sums otherwise.
        assert np.allclose(values, shipped.arrays[name], rtol=1e-4, atol=1e-6), name
