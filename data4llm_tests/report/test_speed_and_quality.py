from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from data4llm_assets.report.speed_and_quality import WIDTH, Box, Panel, Point, label_boxes, speed_and_quality

PLACES = st.tuples(st.sampled_from([1.0, 10.0, 10.1, 4000.0]), st.sampled_from([0.0, 0.5, 0.51, 1.0]))


@settings(max_examples=20, deadline=None)
@given(st.lists(PLACES, min_size=1, max_size=14))
def test_labels_lie_neither_on_labels_nor_on_dots(places: list[tuple[float, float]]) -> None:
    points = [Point(f"engine:number={number}", *place) for number, place in enumerate(places)]
    frame = Box(64, 58, WIDTH - 24, 368)
    dots = [(80 + 140 * float(np.log10(speed)), 70 + 250 * quality) for speed, quality in places]
    boxes = label_boxes(points, dots, frame)
    assert not any(left.meets(right) for left, right in combinations(boxes, 2))
    assert not any(box.meets(Box(x - 5, y - 5, x + 5, y + 5)) for box in boxes for x, y in dots)
    assert all(frame.left <= box.left and box.right <= frame.right for box in boxes)
    assert all(frame.top <= box.top and box.bottom <= frame.bottom for box in boxes)


def test_a_plot_is_well_formed_and_names_every_engine() -> None:
    points = [Point("a<b", 5, 0.8), Point("ours", 300, 0.82, ours=True), Point("c&d", 5, 0.8)]
    drawn = speed_and_quality([Panel("one & all", points), Panel("alone", points[:1])], "pages/s", "F1")
    root = ElementTree.fromstring(drawn)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a<b", "ours", "c&d", "one & all", "alone"} < set(texts)
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) == 4
    assert "prefers-color-scheme: dark" in drawn
    for tick in ("10", "100", "0.80"):
        assert tick in texts
