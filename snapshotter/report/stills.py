"""The charts as they look without scripts and on paper, drawn from the data of the scripts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from math import ceil
from typing import Any

from snapshotter.report.svg import (
    BOTTOM,
    HEIGHT,
    LEFT,
    MAX_BARS,
    MAX_LEVELS,
    TOP,
    WIDTH,
    Drawing,
    Frame,
    Mark,
    Points,
    Text,
    cells,
    diamonds,
    frame,
    legend,
    line,
    number,
    stacks,
    ticks,
)
from snapshotter.texts import counted

Data = Mapping[str, Any]  # what `charts` returns
_Line = tuple[str, Points, bool]  # name, points, and whether gaps are joined
MAX_SERIES = 8
_NAME_LENGTH, _REASON_LENGTH = 32, 52
_WHOLE = "all of it"  # drawn thick, for its parts may be the same
_UNITS = ((10_800, 3_600, "hours"), (180, 60, "minutes"), (-1, 1, "seconds"))


def stills(data: Data) -> dict[str, Drawing]:
    """Return each chart of all packages and accounts by its key; none if there is no data."""
    return {key: draw(data) for key, draw in _DRAWN.items()} if data else {}


def _runtime(data: Data) -> Drawing:
    chosen = [index for index in data["top"] if data["runtime"][index]][:MAX_SERIES]
    lines: list[_Line] = []
    for index in chosen:
        name, weekly = data["packages"][index]["name"], data["weekly"][index]
        lines.append((name, _points(weekly or data["runtime"][index]), bool(weekly)))
    ran = {day for columns in data["runtime"] if columns for day in _days(columns[0])}
    return _with_idle_days(data, _lines(data, lines, "median run time of"), ran)


def _failures(data: Data) -> Drawing:
    days = data["days"]
    ends = [[0.0] * days for _ in range(3)]
    for steps, runs, failed, stopped in filter(None, data["failures"]):
        for row, day in enumerate(_days(steps)):
            if day < days:
                counts = (runs[row] - failed[row] - stopped[row], failed[row], stopped[row])
                for end, count in zip(ends, counts, strict=True):
                    end[day] += count
    width = ceil(days / MAX_BARS)
    series = [[sum(end[at : at + width]) for at in range(0, days, width)] for end in ends]
    of = frame(_first(data), days, [sum(bar) for bar in zip(*series, strict=True)])
    unit = "runs" if width == 1 else f"runs of {width} days"
    named = [
        ("fill completed", "completed"),
        ("fill failed", "failed"),
        ("fill stopped", "stopped"),
    ]
    return _bars(of, stacks(of, series, width), named, unit)


def _reasons(data: Data) -> Drawing:
    counts: dict[str, int] = {}
    for reasons in data["all_reasons"]:
        for reason, runs in reasons:
            counts[reason] = counts.get(reason, 0) + runs
    rows = sorted(counts.items(), key=lambda item: -item[1])[:12]
    most = max(counts.values(), default=1)
    bars, texts = "", list[Text]()
    for index, (reason, runs) in enumerate(rows):
        y, width = 8 + 24 * index, 290 * runs / most
        bars += f"M370 {y}h{number(width)}v15h-{number(width)}z"
        texts.append(
            Text(362, y + 12, _cut(reason or "no reason given", _REASON_LENGTH), "", "end")
        )
        texts.append(Text(376 + width, y + 12, f"{runs:,}"))
    about = "Why runs failed, the most frequent reason first." if rows else "No run failed."
    return Drawing(
        about, 16 + 24 * max(1, len(rows)), [Mark(bars, "fill failed")], texts or _nothing(18)
    )


def _waits(data: Data) -> Drawing:
    lines: list[_Line] = []
    if len(data["waits"]) > 1:
        for account, columns in zip(data["accounts"], data["waits"], strict=True):
            lines.append((account, _points(columns, 3), False))
    else:
        parts = ((_WHOLE, 3), ("for the cluster", 1), ("in its queue", 2))
        lines = [(name, _points(data["waits"][0], column), False) for name, column in parts]
    drawing = _lines(data, lines, "median wait")
    return _with_idle_days(data, drawing, {day for _, points, _ in lines for day, _ in points})


def _peaks(data: Data) -> Drawing:
    days = data["days"]
    width = ceil(days / MAX_BARS)
    columns = ceil(days / width)
    rows: list[list[float | None]] = [[None] * columns for _ in range(24)]
    for steps, hours, most in data["peaks"]:
        for row, day in enumerate(_days(steps)):
            if day < days:
                of_hour = rows[hours[row]]
                of_hour[day // width] = max(of_hour[day // width] or 0, most[row])
    highest = max((value or 0 for row in rows for value in row), default=0)
    whole = Frame(_first(data), days, 24)
    labels = whole.labels("hour, UTC")
    labels += [
        Text(LEFT - 6, TOP + HEIGHT * (hour + 0.5) / 24 + 4, str(hour), "tick", "end")
        for hour in (0, 6, 12, 18)
    ]
    paths = cells(Frame(_first(data), columns, 24), rows)
    marks = [Mark(path, f"heat h{level}") for level, path in enumerate(paths, 1) if path]
    named = [(f"fill heat h{level}", name) for level, name in _levels(highest)]
    swatches, names, height = legend(named)
    about = f"At most {counted(int(highest), 'job')} at once. {_period(whole)}"
    return Drawing(about, height, marks + swatches, labels + names)


def _levels(highest: float) -> list[tuple[int, str]]:
    """Return each level that a whole number of jobs can have, with its largest number."""
    largest = [int(highest * level / MAX_LEVELS) for level in range(1, MAX_LEVELS + 1)]
    named = {jobs: level for level, jobs in reversed(list(enumerate(largest, 1))) if jobs}
    return [(level, f"up to {jobs:,}") for jobs, level in sorted(named.items())]


def _records(data: Data) -> Drawing:
    totals: dict[int, float] = {}
    unusual: set[int] = set()
    for outputs in data["records"]:
        for _, steps, values, scores, _ in outputs:
            days = _days(steps)
            unusual |= {days[row] for row in scores}
            for row, day in enumerate(days):
                totals[day] = totals.get(day, 0) + (values[row] or 0)
    points = sorted((day, value) for day, value in totals.items() if day < data["days"])
    rare = bool(points) and len(points) < (points[-1][0] - points[0][0] + 1) / 2
    drawing = _lines(data, [("records of all outputs", points, rare)], "records of", "records")
    if points:
        of = frame(_first(data), data["days"], [value for _, value in points])
        marked = [(day, value) for day, value in points if day in unusual]
        drawing.marks.append(Mark(diamonds(of, marked), "unusual"))
    return drawing


def _nodes(data: Data) -> Drawing:
    weeks = [date.fromisoformat(week) for week in data["weeks"]]
    hours = [(index, row) for index, row in enumerate(data["node_hours"]) if row]
    hours.sort(key=lambda item: -sum(item[1]))
    most = MAX_SERIES if len(hours) <= MAX_SERIES else MAX_SERIES - 1
    series = [row for _, row in hours[:most]]
    names = [data["packages"][index]["name"] for index, _ in hours[:most]]
    if len(hours) > most:
        series.append(
            [sum(values) for values in zip(*(row for _, row in hours[most:]), strict=True)]
        )
        names.append(f"{len(hours) - most} others")
    if not series:
        return _empty(_first(data), data["days"])
    places = [(week - weeks[0]).days // 7 for week in weeks]
    spread = [[0.0] * (places[-1] + 1) for _ in series]
    for values, row in zip(spread, series, strict=True):
        for place, value in zip(places, row, strict=True):
            values[place] = value
    whole = frame(weeks[0], 7 * len(spread[0]), [sum(bar) for bar in zip(*spread, strict=True)])
    of = replace(whole, width=7)
    named = [(f"fill s{index}", _cut(name, _NAME_LENGTH)) for index, name in enumerate(names, 1)]
    return _bars(of, stacks(of, spread, 7), named, "node hours")


def _lines(data: Data, lines: Sequence[_Line], what: str, unit: str = "") -> Drawing:
    """Draw lines of seconds, or of `unit`."""
    lines = [each for each in lines if each[1]][:MAX_SERIES]
    if not lines:
        return _empty(_first(data), data["days"])
    size = 1
    if not unit:
        longest = max(value for _, points, _ in lines for _, value in points)
        size, unit = next((size, unit) for least, size, unit in _UNITS if longest > least)
    scaled = [[(day, value / size) for day, value in points] for _, points, _ in lines]
    of = frame(_first(data), data["days"], [value for points in scaled for _, value in points])
    names = [_cut(name, _NAME_LENGTH) for name, _, _ in lines]
    marks, texts = of.axes(unit)
    for index, (points, (_, _, joined)) in enumerate(zip(scaled, lines, strict=True), 1):
        path, dots = line(of, points, joined=joined)
        thick = " thick" if names[index - 1] == _WHOLE else ""
        marks += [Mark(path, f"line s{index}{thick}"), Mark(dots, f"dots s{index}")]
    swatches, named, height = legend([(f"line s{i}", name) for i, name in enumerate(names, 1)])
    about = f"Lines by day in {unit}: {what} {', '.join(names)}. {_period(of)}"
    return Drawing(about, height, marks + swatches, texts + named)


def _with_idle_days(data: Data, drawing: Drawing, ran: set[int]) -> Drawing:
    """Return the drawing with a tick for each day without a run, as the scripts draw them."""
    of = Frame(_first(data), data["days"], 1)
    idle = [day for day in range(data["days"]) if day not in ran]
    if idle and len(idle) <= MAX_BARS:
        drawing.marks.append(Mark(ticks(of, idle), "idle"))
    return drawing


def _bars(of: Frame, paths: Sequence[str], named: Sequence[tuple[str, str]], unit: str) -> Drawing:
    marks, texts = of.axes(unit)
    marks += [Mark(path, style) for path, (style, _) in zip(paths, named, strict=True) if path]
    swatches, names, height = legend(named)
    about = f"Bars of {unit}: {', '.join(name for _, name in named)}. {_period(of)}"
    return Drawing(about, height, marks + swatches, texts + names)


def _empty(first: date, days: int) -> Drawing:
    marks, texts = Frame(first, max(days, 1), 1).axes("")
    return Drawing("Nothing in these days.", BOTTOM + 26, marks, [*texts, *_nothing(BOTTOM / 2)])


def _nothing(y: float) -> list[Text]:
    return [Text(WIDTH / 2, y, "nothing in these days", "", "middle")]


def _period(of: Frame) -> str:
    last = of.first + timedelta(days=of.days - 1)
    return f"{of.first:%Y-%m-%d} to {last:%Y-%m-%d}."


def _first(data: Data) -> date:
    return date.fromisoformat(data["start"])


def _days(steps: Sequence[int]) -> list[int]:
    """Return the index of each row's day, from the steps between the days of rows."""
    day = 0
    return [day := day + step for step in steps]


def _points(columns: Sequence[Sequence[Any]], column: int = 1) -> Points:
    found = zip(_days(columns[0]), columns[column], strict=True)
    return [(day, value) for day, value in found if value is not None]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


_DRAWN: dict[str, Callable[[Data], Drawing]] = {
    "runtime": _runtime,
    "failures": _failures,
    "reasons": _reasons,
    "waits": _waits,
    "peaks": _peaks,
    "records": _records,
    "nodes": _nodes,
}
