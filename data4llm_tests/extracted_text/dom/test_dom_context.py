from __future__ import annotations

import numpy as np
import pytest

from data4llm_assets.extracted_text.dom.context import NAMES, _context, context
from data4llm_assets.extracted_text.dom.features import LEVELS, features
from data4llm_assets.extracted_text.dom.tree import Tree, parse


def judged(html: str, *probabilities: float) -> dict[str, list[float]]:
    tree = parse(html)
    assert isinstance(tree, Tree)
    found = context(tree, features(tree), np.array(probabilities, np.float32))
    assert found.dtype == np.float32
    assert found.shape == (len(probabilities), len(NAMES))
    return dict(zip(NAMES, found.T.tolist(), strict=True))


def test_what_is_said_of_three_blocks() -> None:
    """The words of each, times their probability: 2, 9 and 0.2; together 11.2 of 16."""
    found = judged("<main><h2>a b c d</h2><p>a b c d e f g h i j</p></main><p>a b</p>", 0.5, 0.9, 0.1)
    expected = {
        "judged": [0.5, 0.9, 0.1],
        "judged_-4": [-0.1] * 3,
        "judged_-2": [-0.1, -0.1, 0.5],
        "judged_-1": [-0.1, 0.5, 0.9],
        "judged_+1": [0.9, 0.1, -0.1],
        "judged_+3": [-0.1] * 3,
        "judged_within_3": [0.7] * 3,
        "judged_within_30": [0.7] * 3,
        "judged_before": [0, 2 / 11.2, 11 / 11.2],
        "judged_page": [0.7] * 3,
        "judged_most": [0.9] * 3,
        # Its own element; main, or the body around the last; the body; and that again.
        "judged_holder_0": [0.5, 0.9, 0.1],
        "judged_holder_share_0": [2 / 11.2, 9 / 11.2, 0.2 / 11.2],
        "judged_holder_1": [11 / 14, 11 / 14, 0.7],
        "judged_holder_share_1": [11 / 11.2, 11 / 11.2, 1],
        "judged_holder_2": [0.7] * 3,
        f"judged_holder_share_{LEVELS - 1}": [1] * 3,
        # Neither stands where the other does.
        "judged_alike": [0.5, 0.9, 0.1],
        "judged_heading": [0.5] * 3,
        "judged_section": [0.7] * 3,
    }
    assert {name: found[name] for name in expected} == {name: pytest.approx(values, abs=1e-6) for name, values in expected.items()}


def test_blocks_know_what_is_alike_and_what_their_section_is() -> None:
    page = "<p>a</p><h1>b</h1><h2>c</h2><p>d e</p><h2>f</h2><p>g</p>"
    found = judged(page, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
    alike = (0.1 + 0.4 + 0.6) / 3
    assert found["judged_alike"] == pytest.approx([alike, 0.2, 0.4, alike, 0.4, alike])
    # A heading right below another begins no section.
    assert found["judged_heading"] == pytest.approx([-1, 0.2, 0.2, 0.2, 0.5, 0.5])
    second, third = (0.2 + 0.3 + 2 * 0.4) / 4, (0.5 + 0.6) / 2
    assert found["judged_section"] == pytest.approx([0.1, second, second, second, third, third])


def test_reaches_are_blocks_to_either_side() -> None:
    count = 50
    found = judged("<p>a</p>" * count, *[1.0 if block == 20 else 0.0 for block in range(count)])
    for reach in (3, 10, 30):
        expected = [(abs(block - 20) <= reach) / (min(block, reach) + min(count - 1 - block, reach) + 1) for block in range(count)]
        assert found[f"judged_within_{reach}"] == pytest.approx(expected)


def test_a_page_of_headings_alone_and_a_page_of_nothing() -> None:
    assert judged("<h1>a</h1>" + "<h2>b</h2><p>*</p>" * 2, 0.5, 0.1, 0.2)["judged_section"] == pytest.approx([0.8 / 3] * 3)
    assert judged("<h1>a</h1><p>b</p><h1>c</h1>", 0.5, 0.1, 0.2)["judged_section"] == pytest.approx([0.3, 0.3, 0.2])
    assert judged("<p>*</p>")["judged"] == []
    assert judged("<p>a</p>", 0)["judged_before"] == [0]


@pytest.mark.parametrize("headings", [[], [1], [0, 1, 0, 2]])
def test_no_section_ends_beyond_what_there_is_room_for(headings: list[int]) -> None:
    """In the loop as it is written an index out of range is an error."""
    ones = np.ones(len(headings), np.float32)
    holders, over = np.zeros((len(ones), LEVELS), np.int32), np.ones((1, 2), np.float32)
    rows = _context.py_func(
        ones, ones, holders, over, ones, np.array(headings, np.float32), np.array([-1, 1]), np.array([3]), 10 + 2 * LEVELS
    )
    assert len(rows) == len(headings)
