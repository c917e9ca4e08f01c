"""Speed against quality as SVG: a panel for each set of measurements, a labelled dot for each system. Reads in light and in dark.

Drawn by hand: colours follow the reader's scheme. No label lies on another or on a dot; where there is no room beside its dot, a
label stands off, and a line leads to it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

WIDTH, PANEL, LEFT, RIGHT, TOP, BOTTOM = 760, 420, 64, 24, 58, 52
_CHARACTER, _LINE, _DOT, _NEAR = 7.2, 16, 5, 9
"""Pixels: a wide guess at the width of a character, the height of a line, the radius of a dot, from a dot to its label."""
_DECADES, _QUALITY = 0.8, 0.1
"""The axes reach at least so far."""
STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 } .quiet { fill: #57606a; font-size: 11px } .axis { stroke: #d0d7de } .lead { stroke: #8c959f }
.ours { fill: #0969da } .peer { fill: #8c959f } text.ours { font-weight: 600 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .quiet { fill: #9198a1 } .axis { stroke: #3d444d } .lead { stroke: #656c76 }
.ours { fill: #4493f8 } .peer { fill: #656c76 }
}
</style>"""


class Point(NamedTuple):
    """A system. speed: above 0. ours: stands out."""

    label: str
    speed: float
    quality: float
    ours: bool = False


class Panel(NamedTuple):
    title: str
    points: Sequence[Point]


class Box(NamedTuple):
    """Where something is drawn, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        return self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom


def speed_and_quality(panels: Sequence[Panel], speed: str, quality: str) -> str:
    """One SVG. speed, quality: what the axes say. The speed is on a logarithmic axis."""
    parts = [line for number, panel in enumerate(panels) for line in _panel(panel, number * PANEL, speed, quality)]
    size = f'viewBox="0 0 {WIDTH} {len(panels) * PANEL}" width="{WIDTH}" height="{len(panels) * PANEL}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n{STYLE}\n' + "\n".join(parts) + "\n</svg>\n"


def label_boxes(points: Sequence[Point], dots: Sequence[tuple[float, float]], frame: Box) -> list[Box]:
    """Where the label of each point goes: as near to its dot as the frame, all dots and the labels before it leave room.

    Only where a frame is full of labels do some lie on others.
    """
    taken = [Box(x - _DOT, y - _DOT, x + _DOT, y + _DOT) for x, y in dots]
    found: list[Box] = []
    for point, (x, y) in zip(points, dots, strict=True):
        places = list(_places(x, y, _CHARACTER * len(point.label), frame))
        box = next((place for place in places if not any(place.meets(other) for other in taken)), places[0])
        found.append(box)
        taken.append(box)
    return found


def _places(x: float, y: float, width: float, frame: Box) -> Iterator[Box]:
    """Boxes within the frame: beside the dot, below it, above it, then everywhere, the nearest to the dot first."""
    near = [(x + _NEAR, y), (x - _NEAR - width, y), (x - width / 2, y + _LINE), (x - width / 2, y - _LINE)]
    columns = range(int(frame.left), max(int(frame.right - width), int(frame.left)) + 1, 8)
    rows = range(int(frame.top + _LINE / 2), int(frame.bottom - _LINE / 2) + 1, 4)
    anywhere = [(float(left), float(middle)) for left in columns for middle in rows]
    anywhere.sort(key=lambda place: math.dist((x, y), (min(max(x, place[0]), place[0] + width), place[1])))
    for left, middle in near + anywhere:
        box = Box(left, middle - _LINE / 2, left + width, middle + _LINE / 2)
        if frame.left <= box.left and box.right <= frame.right and frame.top <= box.top and box.bottom <= frame.bottom:
            yield box


def _panel(panel: Panel, top: float, speed: str, quality: str) -> Iterator[str]:
    frame = Box(LEFT, top + TOP, WIDTH - RIGHT, top + PANEL - BOTTOM)
    begin, end = _stretch([math.log10(point.speed) for point in panel.points], _DECADES)
    low, high = _stretch([point.quality for point in panel.points], _QUALITY)

    def across(value: float) -> float:
        return frame.left + (frame.right - frame.left) * (math.log10(value) - begin) / (end - begin)

    def up(value: float) -> float:
        return frame.bottom - (frame.bottom - frame.top) * (value - low) / (high - low)

    yield f'<text x="12" y="{top + 20:.0f}" class="title">{escape(panel.title)}</text>'
    yield f'<text x="12" y="{top + 42:.0f}" class="quiet">↑ {escape(quality)}</text>'
    yield f'<text x="{frame.right:.0f}" y="{frame.bottom + 38:.0f}" text-anchor="end" class="quiet">{escape(speed)} →</text>'
    for value in _powers(begin, end):
        x = across(value)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{frame.top:.0f}" y2="{frame.bottom:.0f}" class="axis"/>'
        yield f'<text x="{x:.1f}" y="{frame.bottom + 16:.0f}" text-anchor="middle" class="quiet">{value:,g}</text>'
    for value in _steps(low, high):
        y = up(value)
        yield f'<line x1="{frame.left:.0f}" x2="{frame.right:.0f}" y1="{y:.1f}" y2="{y:.1f}" class="axis"/>'
        yield f'<text x="{frame.left - 8:.0f}" y="{y + 4:.1f}" text-anchor="end" class="quiet">{value:.2f}</text>'
    dots = [(across(point.speed), up(point.quality)) for point in panel.points]
    for point, (x, y), box in zip(panel.points, dots, label_boxes(panel.points, dots, frame), strict=True):
        kind, middle = "ours" if point.ours else "peer", (box.top + box.bottom) / 2
        near = min(max(x, box.left), box.right)
        if math.dist((x, y), (near, middle)) > _LINE + 1:
            yield f'<line x1="{x:.1f}" x2="{near:.1f}" y1="{y:.1f}" y2="{middle:.1f}" class="lead"/>'
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_DOT}" class="{kind}"/>'
        # By the side that is next to the dot: how wide the characters are is a guess.
        centre = (box.left + box.right) / 2
        anchor, at = ("start", box.left) if box.left > x else ("end", box.right) if box.right < x else ("middle", centre)
        style = ' class="ours"' if point.ours else ""
        yield f'<text x="{at:.1f}" y="{middle + 4.5:.1f}" text-anchor="{anchor}"{style}>{escape(point.label)}</text>'


def _stretch(values: Sequence[float], least: float) -> tuple[float, float]:
    """From below the least to above the most of them, and at least so far: what differs little must not look as if it did much."""
    low, high = min(values), max(values)
    margin = max((high - low) / 8, (least - high + low) / 2)
    return low - margin, high + margin


def _powers(begin: float, end: float) -> list[float]:
    """1, 2, 5, 10, 20, … within the powers of ten that the axis begins and ends with."""
    every = [step * 10.0**power for power in range(math.floor(begin), math.ceil(end) + 1) for step in (1, 2, 5)]
    return [value for value in every if 10.0**begin <= value <= 10.0**end]


def _steps(low: float, high: float) -> list[float]:
    """Multiples of a round step, nine of them at most."""
    step = next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if (high - low) / step < 9)
    return [round(number * step, 2) for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
