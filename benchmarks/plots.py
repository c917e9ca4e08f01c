"""Plots of the results as SVG, drawn by hand so that they read in light and in dark: colours follow the reader's scheme."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, BAR, GAP = 760, 250, 120, 18, 8
STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 } .quiet { fill: #57606a; font-size: 11px } .axis { stroke: #d0d7de }
.ours { fill: #0969da; stroke: #0969da } .peer { fill: #8c959f } .line { fill: none; stroke-width: 2; stroke: #0969da }
.even { stroke: #8c959f; stroke-dasharray: 4 3; fill: none }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .quiet { fill: #9198a1 } .axis { stroke: #3d444d }
.ours { fill: #4493f8; stroke: #4493f8 } .peer { fill: #656c76 }
.line { stroke: #4493f8 } .even { stroke: #656c76 }
}
</style>"""


def write_plots(results: Mapping[str, Any], folder: Path) -> list[Path]:
    """`ratios.svg`, and a curve for each comparison that has one. Returns what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {"ratios": ratios(results["comparisons"])}
    for comparison in results["comparisons"]:
        for name, points in comparison["curves"].items():
            numbers = {float(size): float(value) for size, value in points.items()}
            if len(numbers) > 1:
                drawn[f"{comparison['name']}"] = curve(comparison["title"], name, numbers)
    paths = []
    for name, text in drawn.items():
        path = folder / f"{name}.svg"
        path.write_text(text)
        paths.append(path)
    return paths


def ratios(comparisons: Sequence[Mapping[str, Any]]) -> str:
    """How many times our time each peer takes, on a logarithmic axis: one bar for each peer of each comparison."""
    rows = [(each["title"], row) for each in comparisons for row in each["rows"] if row["ratio"]]
    most = max((row["ratio"] for _, row in rows), default=10.0)
    span = WIDTH - LEFT - RIGHT
    decades = max(1, math.ceil(math.log10(most)))

    def at(value: float) -> float:
        return LEFT + span * math.log10(max(value, 1)) / decades

    parts, y, title = [], 50, None
    for name, row in rows:
        if name != title:
            y += 22
            parts.append(f'<text x="12" y="{y}" class="title">{escape(name.partition(":")[0])}</text>')
            y, title = y + GAP, name
        length = at(row["ratio"]) - LEFT
        parts.append(f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(row["contender"])}</text>')
        parts.append(f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" class="peer" rx="2"/>')
        parts.append(f'<text x="{LEFT + length + 6:.1f}" y="{y + 14}">{row["ratio"]:,.1f} ×</text>')
        y += BAR + GAP
    grid = []  # drawn first, so that the bars lie on it
    for power in range(decades + 1):
        x = at(10.0**power)
        grid.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="44" y2="{y}" class="axis"/>')
        grid.append(f'<text x="{x:.1f}" y="38" text-anchor="middle" class="quiet">{10**power:,} ×</text>')
    head = '<text x="12" y="18" class="title">How many times our time the peers take for the same (logarithmic; ours is 1 ×)</text>'
    return _svg(y + 16, [head, *grid, *parts])


def curve(title: str, unit: str, points: Mapping[float, float]) -> str:
    """Values over sizes, both logarithmic, beside the line on which cost would grow as the input does."""
    sizes, values = sorted(points), [points[size] for size in sorted(points)]
    even = [values[0] * size / sizes[0] for size in sizes]
    low, high = math.log10(min(values) / 1.5), math.log10(max(*values, *even) * 1.3)
    begin, end = math.log10(sizes[0]), math.log10(sizes[-1])

    def at(size: float, value: float) -> str:
        x = 80 + (WIDTH - 200) * (math.log10(size) - begin) / (end - begin)
        y = 260 - 200 * (math.log10(value) - low) / (high - low)
        return f"{x:.1f},{y:.1f}"

    parts = [
        f'<text x="12" y="18" class="title">{escape(title)}</text>',
        f'<text x="12" y="38" class="quiet">{escape(unit)}, over size; both logarithmic</text>',
    ]
    parts.append(f'<polyline points="{" ".join(map(at, sizes, even))}" class="even"/>')
    parts.append(f'<polyline points="{" ".join(map(at, sizes, values))}" class="line"/>')
    for size, value in zip(sizes, values, strict=True):
        x, y = at(size, value).split(",")
        parts.append(f'<circle cx="{x}" cy="{y}" r="4" class="ours"/>')
        parts.append(f'<text x="{x}" y="{float(y) + 22:.1f}" text-anchor="middle">{value:,.2f}</text>')
        parts.append(f'<text x="{x}" y="296" text-anchor="middle" class="quiet">{size:,.0f}</text>')
    x, y = at(sizes[-1], even[-1]).split(",")
    parts.append(f'<text x="{float(x) + 8:.1f}" y="{y}" class="quiet">as the input</text>')
    return _svg(310, parts)


def _svg(height: float, parts: Sequence[str]) -> str:
    size = f'viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" height="{height:.0f}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n{STYLE}\n' + "\n".join(parts) + "\n</svg>\n"
