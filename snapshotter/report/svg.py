"""Charts as drawings in SVG: axes, lines, bars and cells as paths, which style sheets colour.

A drawing is `WIDTH` wide, whatever the page's width, and scales with it. Its styles are `s1` to
`s8` for the series, `h1` to `h5` for how full a cell is, and those of axes and texts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, floor, log10
from statistics import median

WIDTH = 720
LEFT, RIGHT, TOP, HEIGHT = 62, 708, 8, 92  # of the part between the axes
BOTTOM = TOP + HEIGHT
MAX_POINTS = 320  # of a line: more are closer than two pixels
MAX_BARS = 366
MAX_LEVELS = 5
_MAX_TICKS = 7
_MARKED = 62  # points; of more, only those without a neighbour have a mark
_LETTER, _SWATCH, _ROW = 6.4, 24, 18
_STEPS = (1, 2, 7, 14, 28, 56, 91, 182, 364)  # days between ticks

Points = Sequence[tuple[int, float]]  # the index of a day, and its value


@dataclass(frozen=True)
class Mark:
    d: str
    style: str


@dataclass(frozen=True)
class Text:
    x: float
    y: float
    text: str
    style: str = ""
    anchor: str = "start"


@dataclass(frozen=True)
class Drawing:
    """`about` describes it in a sentence for those who cannot see it."""

    about: str
    height: float
    marks: list[Mark]
    texts: list[Text]


@dataclass(frozen=True)
class Frame:
    """Places days and values between the axes; `top` is the value at the upper edge.

    `width` is how many days a bar stands for: its first one is in its label.
    """

    first: date
    days: int
    top: float
    width: int = 1

    def x(self, day: float) -> float:
        return LEFT + (RIGHT - LEFT) * day / self.days

    def y(self, value: float) -> float:
        return BOTTOM - HEIGHT * min(value, self.top) / self.top

    def axes(self, unit: str) -> tuple[list[Mark], list[Text]]:
        """Return the grid and the labels; the last day, or bar, always has one."""
        values = _ticks(self.top)
        grid = "".join(f"M{LEFT} {number(self.y(value))}H{RIGHT}" for value in values)
        texts = [Text(LEFT - 6, self.y(value) + 4, short(value), "tick", "end") for value in values]
        return [Mark(grid, "grid")], [*texts, *self.labels(unit)]

    def labels(self, unit: str) -> list[Text]:
        """Return the unit of the values, and the days."""
        return [
            Text(12, TOP + HEIGHT / 2, unit, "unit", "middle"),
            *(self._label(day) for day in self._days()),
        ]

    def _days(self) -> list[int]:
        steps = [step for step in _STEPS if step % self.width == 0]
        step = next((step for step in steps if self.days / step <= _MAX_TICKS), self.days)
        return list(range(self.days - self.width, -1, -step))

    def _label(self, day: int) -> Text:
        at = self.first + timedelta(days=day)
        text = f"{at.day} {at:%b %Y}" if self.days > 300 else f"{at.day} {at:%b}"  # noqa: PLR2004
        x, half = self.x(day + self.width / 2), _LETTER * len(text) / 2
        if x + half > WIDTH:
            return Text(WIDTH - 2, BOTTOM + 17, text, "tick", "end")
        return Text(x, BOTTOM + 17, text, "tick", "middle")


def frame(first: date, days: int, values: Sequence[float]) -> Frame:
    """Return a frame for values of which none is negative."""
    highest = max(values, default=0) or 1
    step = _step(highest)
    return Frame(first, max(days, 1), ceil(highest / step - 1e-9) * step)


def number(value: float) -> str:
    """Return a coordinate; a tenth of a pixel is as exact as anybody sees."""
    return f"{value:.1f}".removesuffix(".0")


def short(value: float) -> str:
    """Return the label of a tick: in millions or thousands if it is large."""
    for size, unit in ((10**9, " bn"), (10**6, " M"), (10**4, None)):
        if value >= size:
            return f"{value:,.0f}" if unit is None else f"{value / size:g}{unit}"
    return f"{value:g}"


def _step(highest: float) -> float:
    """Return a round step that divides up to `highest` into at most five parts."""
    size: float = 10.0 ** floor(log10(highest / 5))
    return next(factor * size for factor in (1, 2, 5, 10) if highest <= 5 * factor * size * 1.0001)


def _ticks(top: float) -> list[float]:
    step = _step(top)
    return [index * step for index in range(round(top / step) + 1)]


def thinned(points: Points, days: int) -> tuple[Points, int]:
    """Return at most `MAX_POINTS` points of a line, and how many days one of them stands for."""
    width = ceil(days / MAX_POINTS)
    if width == 1:
        return points, 1
    parts: dict[int, list[tuple[int, float]]] = {}
    for day, value in points:
        parts.setdefault(day // width, []).append((day, value))
    return [(part[-1][0], median(value for _, value in part)) for part in parts.values()], width


def line(of: Frame, points: Points, *, joined: bool) -> tuple[str, str]:
    """Return the paths of a line and of its points; if not `joined`, a day without a value ends it.

    A point is a line of no length: round ends make it a dot.
    """
    points, width = thinned(points, of.days)
    path: list[str] = []
    dots: list[str] = []
    for index, (day, value) in enumerate(points):
        at = f"{number(of.x(day + 0.5))} {number(of.y(value))}"
        near = index > 0 and (joined or day - points[index - 1][0] < 2 * width)
        path.append(f"{'L' if near else 'M'}{at}")
        more = index + 1 < len(points) and (joined or points[index + 1][0] - day < 2 * width)
        if len(points) <= _MARKED or not (near or more):
            dots.append(f"M{at}h0")
    return "".join(path), "".join(dots)


def ticks(of: Frame, days: Sequence[int]) -> str:
    """Return the path of short lines along the foot, like those of days without a run."""
    return "".join(f"M{number(of.x(day + 0.5))} {BOTTOM}v-6" for day in days)


def diamonds(of: Frame, points: Points) -> str:
    return "".join(
        f"M{number(of.x(day + 0.5))} {number(of.y(value) - 6)}l6 6-6 6-6-6z"
        for day, value in points
    )


def stacks(of: Frame, series: Sequence[Sequence[float]], width: float = 1) -> list[str]:
    """Return the path of each series of bars, one on the other; `width`: the days of a bar."""
    paths: list[list[str]] = [[] for _ in series]
    gap = min(0.12 * width, 0.5)
    across = number(of.x(width - 2 * gap) - LEFT)
    for place in range(len(series[0]) if series else 0):
        below = 0.0
        for path, values in zip(paths, series, strict=True):
            if values[place]:
                at = f"M{number(of.x(place * width + gap))} {number(of.y(below))}"
                below += values[place]
                path.append(f"{at}h{across}V{number(of.y(below))}h-{across}z")
    return ["".join(path) for path in paths]


def cells(of: Frame, rows: Sequence[Sequence[float | None]]) -> list[str]:
    """Return the path of the cells of each level from 1 on; equal neighbours are one shape."""
    highest = max((value or 0 for row in rows for value in row), default=0) or 1
    paths: list[list[str]] = [[] for _ in range(MAX_LEVELS)]
    tall = HEIGHT / max(len(rows), 1)
    for index, row in enumerate(rows):
        levels = [ceil(MAX_LEVELS * (value or 0) / highest) for value in row] + [0]
        start = 0
        for place in range(1, len(levels)):
            if levels[place] != levels[start]:
                if levels[start]:
                    at = f"M{number(of.x(start))} {number(TOP + index * tall)}"
                    across = number(of.x(place) - of.x(start))
                    paths[levels[start] - 1].append(f"{at}h{across}v{number(tall)}h-{across}z")
                start = place
    return ["".join(path) for path in paths]


def legend(entries: Sequence[tuple[str, str]]) -> tuple[list[Mark], list[Text], float]:
    """Return swatches and names below the axes, and the height of the drawing; style and name."""
    marks: list[Mark] = []
    texts: list[Text] = []
    x, y = float(LEFT), BOTTOM + 40.0
    for style, name in entries:
        width = _SWATCH + _LETTER * len(name) + 14
        if x + width > WIDTH and x > LEFT:
            x, y = float(LEFT), y + _ROW
        swatch = f"M{number(x)} {number(y - 5)}h16"
        if style.startswith("fill"):
            swatch = f"M{number(x)} {number(y - 10)}h16v11h-16z"
        marks.append(Mark(swatch, style))
        texts.append(Text(x + _SWATCH, y, name))
        x += width
    return marks, texts, (y + 10 if entries else BOTTOM + 26)
