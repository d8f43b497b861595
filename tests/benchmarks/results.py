"""The figures of a run: what they are held against, and RESULTS.md, which is read back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from statistics import median
from typing import NamedTuple

NONE = "-"

SYNC_TO_FLOOR = "sync ÷ floor"
DLT_TO_SYNC = "dlt ÷ sync"
HAND_TO_SYNC = "hand script ÷ sync"
LATENCY = "first load at 100 ms ÷ its pages one by one"
NOTHING_NEW = "nothing new: seconds"
GROWTH = "a job's time, most jobs ÷ fewest"
GROWTH_PEAK = "first load: peak MB"
INCREMENTAL_REQUESTS = "200 changed: requests above the open jobs'"
INCREMENTAL_CPU = "200 changed: CPU seconds"
CSV = "CSV of jobs, pandas ÷ export"
SLOWEST_TREND = "slowest trend: seconds"
REPORT = "report: seconds"


class Target(NamedTuple):
    """What a figure must reach, and what is aimed at; by database."""

    limits: Mapping[str, float]
    aims: Mapping[str, float] = {}
    sign: str = "≤"

    def is_held(self, database: str, value: float) -> bool:
        limit = self.limits[database]
        return value <= limit if self.sign == "≤" else value >= limit


def _at_least(limits: Mapping[str, float], aims: Mapping[str, float] = {}) -> Target:
    return Target(limits, aims, "≥")


def _both(limit: float) -> dict[str, float]:
    return {"sqlite": limit, "postgresql": limit}


TARGETS = {
    SYNC_TO_FLOOR: Target(_both(1.5), _both(1.2)),
    DLT_TO_SYNC: _at_least({"sqlite": 4, "postgresql": 3}, {"sqlite": 6, "postgresql": 4.5}),
    HAND_TO_SYNC: _at_least({"sqlite": 2.5, "postgresql": 3}, {"sqlite": 4, "postgresql": 4.5}),
    LATENCY: Target(_both(0.35)),
    NOTHING_NEW: Target(_both(0.8)),
    GROWTH: Target({"sqlite": 1.2}),
    GROWTH_PEAK: Target({"sqlite": 150}),
    INCREMENTAL_REQUESTS: Target({"sqlite": 6}),
    INCREMENTAL_CPU: Target({"sqlite": 1}),
    CSV: _at_least({"sqlite": 0.5}),
    SLOWEST_TREND: Target({"sqlite": 5}),
    REPORT: Target({"sqlite": 30}),
}

Key = tuple[str, str]  # what, and on which database


class Measurement(NamedTuple):
    """What something took. Seconds of wall and CPU, MB at the peak, requests, rows a second."""

    wall: float
    cpu: float | None = None
    peak: float | None = None
    requests: float | None = None
    rows: float | None = None


def middle(measurements: Sequence[Measurement]) -> Measurement:
    """Return the median of each number; None if some lack it."""
    found: list[float | None] = []
    for column in zip(*measurements, strict=True):
        numbers = [number for number in column if number is not None]
        found.append(median(numbers) if len(numbers) == len(column) else None)
    wall, *others = found
    assert wall is not None
    return Measurement(wall, *others)


@dataclass
class Results:
    """`about` is of the machine, the versions and the run."""

    about: dict[str, str] = field(default_factory=dict)
    figures: dict[Key, float] = field(default_factory=dict)
    measurements: dict[Key, Measurement] = field(default_factory=dict)


_FIGURES = ("figure", "database", "value", "target", "aim", "held")
_MEASUREMENTS = ("what", "database", "wall s", "CPU s", "peak MB", "requests", "rows/s")
_ABOUT = ("about", "is")


BY_HAND = "## What bounds it"  # a heading; what follows is written by hand


def render(results: Results, last: Results | None = None) -> str:
    """Return the tables in Markdown, with the figures of `last` beside them if given."""
    more = ("last",) if last else ()
    figures = [
        (*_figure(key, value), *([_number(last.figures.get(key), 2)] if last else []))
        for key, value in results.figures.items()
    ]
    measurements = [
        (*_measurement(key, value), *(_last_wall(key, last) if last else []))
        for key, value in results.measurements.items()
    ]
    about = [
        (*item, *([last.about.get(item[0], NONE)] if last else []))
        for item in results.about.items()
    ]
    tables = (
        _table((*_FIGURES, *more), figures),
        _table((*_MEASUREMENTS, *(f"{name} wall s" for name in more)), measurements),
        _table((*_ABOUT, *more), about),
    )
    return "\n\n".join(tables) + "\n"


def parse(text: str) -> Results:
    """Read back what `render` gave, whatever stands around it."""
    results = Results()
    for header, rows in _tables(text):
        for cells in rows:
            if header[: len(_FIGURES)] == _FIGURES:
                results.figures[cells[0], cells[1]] = float(cells[2].replace(",", ""))
            elif header[: len(_MEASUREMENTS)] == _MEASUREMENTS:
                wall, *others = map(_read, cells[2 : len(_MEASUREMENTS)])
                assert wall is not None
                results.measurements[cells[0], cells[1]] = Measurement(wall, *others)
            elif header[: len(_ABOUT)] == _ABOUT:
                results.about[cells[0]] = cells[1]
    return results


def document(results: Results, before: str = "") -> str:
    """Return RESULTS.md; the part of `before`, the file until now, written by hand stays."""
    by_hand = before[before.find(BY_HAND) :] if BY_HAND in before else ""
    return f"""\
# How fast it is

Made by `python -m tests.benchmarks`, which measures all of it in one run: compare ratios rather
than seconds. A number is the median of the rounds. Every contender is a process of its own,
measured from its start to its end, and loads an empty database. CPU is that of the process and its
children, never that of the PostgreSQL server, which keeps nothing safe from a power cut (`fsync`
off), for all contenders alike; the peak is that of the process, or of the child that took most. The
targets are for 100,000 jobs.

The floor fetches the same pages one by one, decodes them (msgspec, untyped) and throws them away,
then writes the same rows, worked out beforehand, into the same tables with all keys and indexes, by
`sqlite3.executemany` or psycopg's COPY, a transaction a page.

{render(results)}{by_hand and chr(10) + by_hand}"""


def _figure(key: Key, value: float) -> tuple[str, ...]:
    name, database = key
    target = TARGETS[name]
    if database not in target.limits:
        return name, database, _number(value, 2), NONE, NONE, NONE
    aim = target.aims.get(database)
    return (
        name,
        database,
        _number(value, 2),
        f"{target.sign} {target.limits[database]:g}",
        NONE if aim is None else f"{target.sign} {aim:g}",
        "yes" if target.is_held(database, value) else "no",
    )


def _measurement(key: Key, value: Measurement) -> tuple[str, ...]:
    seconds = (_number(value.wall, 2), _number(value.cpu, 2))
    whole = (_number(number, 0) for number in (value.peak, value.requests, value.rows))
    return *key, *seconds, *whole


def _last_wall(key: Key, last: Results) -> list[str]:
    known = last.measurements.get(key)
    return [_number(known and known.wall, 2)]


def _number(value: float | None, places: int) -> str:
    return NONE if value is None else f"{value:,.{places}f}"


def _read(cell: str) -> float | None:
    return None if cell == NONE else float(cell.replace(",", ""))


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    )


def _tables(text: str) -> Iterator[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    for is_table, lines in groupby(text.splitlines(), key=lambda line: line.startswith("|")):
        if is_table:
            header, _, *rows = (
                tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines
            )
            yield header, rows
