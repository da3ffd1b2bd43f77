"""Rows over time beside the least time for so many rows: two runs of bench_limits.py, as an SVG on stdout.

    python benchmarks/plot_limits.py > docs/rows-over-time.svg

Rule 1: what is drawn was run: the scenarios are those of bench_limits.py, calm,
and a run that is not exact is not drawn.
Rule 2: a row is there when its sink is handed it.
Rule 3: the floor is drawn number by number: each point is the scenario's own floor
for as many rows as so many pages hold. No client can be left of any of them; the
last one is the floor of the whole. That one client can touch them all is not said.
Rule 4: every colour stands off white about as far as off black: GitHub has both.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench_limits import Ids, Result, Site, measure, scenarios

from extractor.messages import PAGE_SIZE, Row
from extractor.sandbox import clock

DRAWN = {"a": "bound by requests a second", "b2": "bound by method seconds in ten minutes"}

Points = Sequence[tuple[float, float]]  # seconds, and the rows that are there from then on

WIDTH, HEIGHT = 420, 336  # of a panel
LEFT, RIGHT, TOP, BOTTOM = 72, 404, 66, 290  # its axes
AIR = 1.03  # beyond the last point
FINE = 1.2  # pixels: a step that is smaller waits for the next one
OURS, FLOOR, INK = "#2f7de0", "#c8641b", "#797979"


class Timed(Ids):
    """A sink that also notes how many rows it had been handed when."""

    def __init__(self, seen: list[tuple[float, float]]) -> None:
        super().__init__()
        self._seen = seen

    def append(self, rows: Sequence[Row]) -> int:
        """Take rows."""
        super().append(rows)
        self._seen.append((asyncio.get_running_loop().time(), len(self.ids)))
        return 0


@dataclass(frozen=True, slots=True)
class Panel:
    """What one panel shows."""

    title: str
    why: str
    ours: Points
    floor: Points
    took: float

    @property
    def least(self) -> float:
        """The floor of all rows, in seconds."""
        return self.floor[-1][0]


def floor_of(site: Site) -> Points:
    """Compute the floor of every number of full pages, and of all rows (Rule 3)."""
    rows = len(site.expected[0])
    ends = [*range(PAGE_SIZE, rows, PAGE_SIZE), rows]
    return [(site.scenario.floor([page]).seconds, end) for page, end in enumerate(ends, 1)]


def ticks(most: float) -> range:
    """Choose at most six round ticks of an axis up to `most`."""
    step = next(step for power in range(9) for digit in (1, 2, 5) if (step := digit * 10**power) * 6 > most)
    return range(0, int(most) + 1, step)


def stairs(points: Points, across: float, up: float) -> str:
    """Write a path that climbs at each point; points closer than can be seen are left out, but not the last."""
    x, y = LEFT, BOTTOM
    path = [f"M{x} {y}"]
    for place, (seconds, rows) in enumerate(points, 1):
        to_x, to_y = round(LEFT + seconds * across, 1), round(BOTTOM - rows * up, 1)
        if abs(to_x - x) + abs(to_y - y) >= FINE or place == len(points):
            path.append(f"H{to_x:g}V{to_y:g}")
            x, y = to_x, to_y
    return "".join(path)


def text(x: float, y: float, words: str, more: str = "") -> str:
    """Write words."""
    return f'<text x="{x:g}" y="{y:g}" {more}>{words}</text>'


def axes(seconds: float, rows: float, across: float, up: float) -> Iterable[str]:
    """Write both axes, with their ticks and names."""
    yield f'<path class="axis" d="M{LEFT} {TOP}V{BOTTOM}H{RIGHT}"/>'
    for tick in ticks(seconds):
        x = round(LEFT + tick * across, 1)
        yield f'<path class="axis" d="M{x:g} {BOTTOM}v4"/>' + text(x, BOTTOM + 18, f"{tick:,}", 'text-anchor="middle"')
    for tick in ticks(rows):
        y = round(BOTTOM - tick * up, 1)
        yield f'<path class="axis" d="M{LEFT} {y:g}h-4"/>' + text(LEFT - 8, y + 4, f"{tick:,}", 'text-anchor="end"')
    yield text((LEFT + RIGHT) / 2, BOTTOM + 36, "seconds", 'text-anchor="middle"')
    yield text(LEFT - 8, TOP - 8, "rows", 'text-anchor="end"')


def drawn(panel: Panel, left: float) -> str:
    """Draw one panel; what the lines are stands below them, where no line comes."""
    rows = panel.floor[-1][1]
    across, up = (RIGHT - LEFT) / (panel.took * AIR), (BOTTOM - TOP) / (rows * AIR)
    key = [(FLOOR, f"floor: {panel.least:,.1f} s"), (OURS, f"b24x: {panel.took:,.1f} s, ratio {panel.took / panel.least:.3f}")]
    parts = [text(8, 18, panel.title, 'class="title"'), text(8, 36, panel.why), *axes(panel.took, rows, across, up)]
    parts += [f'<path class="line" stroke="{color}" d="{stairs(points, across, up)}"/>'
              for color, points in ((FLOOR, panel.floor), (OURS, panel.ours))]
    for y, (color, words) in zip((BOTTOM - 36, BOTTOM - 16), key, strict=True):
        parts += [f'<path class="line" stroke="{color}" d="M{RIGHT - 208} {y - 4}h18"/>', text(RIGHT - 184, y, words)]
    return f'<g transform="translate({left:g})">{"".join(parts)}</g>'


def picture(panels: Sequence[Panel]) -> str:
    """Draw the panels side by side."""
    wide = WIDTH * len(panels)
    style = (f"text{{font:12px sans-serif;fill:{INK}}}.title{{font-weight:bold}}"
             f".axis{{stroke:{INK};fill:none}}.line{{stroke-width:2;fill:none}}")
    body = "\n".join(drawn(panel, place * WIDTH) for place, panel in enumerate(panels))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {HEIGHT}" width="{wide}" height="{HEIGHT}">\n'
            f"<style>{style}</style>\n{body}\n</svg>\n")


def run(site: Site, why: str) -> Panel:
    """Read a site to its end, and see its rows come."""
    seen: list[tuple[float, float]] = []
    result: Result = clock.run(measure(site, faulty=False, sink_of=lambda: Timed(seen)))
    if not result.exact:
        sys.exit(f"{site.scenario.name}: the rows that came are not the portal's")
    return Panel(site.scenario.title, why, seen, floor_of(site), result.seconds)


if __name__ == "__main__":
    sys.stdout.write(picture([run(Site(one), DRAWN[one.name]) for one in scenarios(1.0) if one.name in DRAWN]))
