"""What was measured, and RESULTS.md, which is read back."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from statistics import median
from typing import NamedTuple

from .targets import TARGETS

NONE = "-"
DONE = "done"
# Seconds of two machines cannot be compared.
MACHINE = ("cores", "CPU", "memory", "Python", "SQLite", "PostgreSQL")


class Key(NamedTuple):
    """Which part measured what, on which database, of which account."""

    part: str
    what: str
    database: str
    account: str


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


class Part(NamedTuple):
    """How a part of a run went; `ended` is `DONE`, or why it did not get there."""

    commit: str
    day: str
    seconds: float
    ended: str


@dataclass
class Results:
    """`about` is of the machine, the versions and the run.

    `bounds` are what bounds the figures that miss their targets. `parts` are by part and account.
    """

    about: dict[str, str] = field(default_factory=dict)
    figures: dict[Key, float] = field(default_factory=dict)
    bounds: dict[Key, str] = field(default_factory=dict)
    measurements: dict[Key, Measurement] = field(default_factory=dict)
    parts: dict[tuple[str, str], Part] = field(default_factory=dict)

    def forget(self, part: str, account: str) -> None:
        """Take out what a part has measured."""
        for found in (self.figures, self.bounds, self.measurements):
            for key in [key for key in found if (key.part, key.account) == (part, account)]:
                del found[key]
        self.parts.pop((part, account), None)

    def take_over(self, last: "Results", parts: Collection[str]) -> None:
        """Add what `last` has of these parts, in its order."""
        self.figures |= {key: each for key, each in last.figures.items() if key.part in parts}
        self.bounds |= {key: each for key, each in last.bounds.items() if key.part in parts}
        self.measurements |= {
            key: each for key, each in last.measurements.items() if key.part in parts
        }
        self.parts |= {key: each for key, each in last.parts.items() if key[0] in parts}

    def failed(self) -> list[str]:
        """Return the parts that did not get to their end, each with the reason."""
        return [
            f"{part} of {account}: {how.ended}"
            for (part, account), how in self.parts.items()
            if how.ended != DONE
        ]

    def is_of(self, about: Mapping[str, str]) -> bool:
        """Whether these were measured on such a machine."""
        return all(self.about.get(name) == about.get(name) for name in MACHINE)


_FIGURES = (
    *("part", "figure", "database", "jobs", "value", "target", "aim", "held"),
    "what bounds it, measured",
)
_MEASUREMENTS = (
    *("part", "what", "database", "jobs", "wall s", "CPU s", "peak MB", "requests", "rows/s"),
)
_PARTS = ("part", "jobs", "commit", "measured on", "seconds", "ended")
_ABOUT = ("about", "is")

_WIDEST = 60

BY_HAND = "## What bounds it"  # a heading; what follows is written by hand


def render(results: Results, last: Results | None = None) -> str:
    """Return the tables in Markdown, with the figures of `last` beside them if given."""
    more = ("last",) if last else ()
    figures = [
        (*_figure(key, results), *([_number(last.figures.get(key), 2)] if last else []))
        for key in results.figures
    ]
    measurements = [
        (*_measurement(key, value), *(_last_wall(key, last) if last else []))
        for key, value in results.measurements.items()
    ]
    about = [
        (*item, *([last.about.get(item[0], NONE)] if last else []))
        for item in results.about.items()
    ]
    parts = [
        (*key, part.commit, part.day, _number(part.seconds, 0), part.ended)
        for key, part in results.parts.items()
    ]
    tables = (
        _at_a_glance(results),
        _table((*_FIGURES, *more), figures),
        _table((*_MEASUREMENTS, *(f"{name} wall s" for name in more)), measurements),
        _table(_PARTS, parts),
        _table((*_ABOUT, *more), about),
    )
    return "\n\n".join(tables) + "\n"


def parse(text: str) -> Results:
    """Read back what `render` gave, whatever stands around it."""
    results = Results()
    for header, rows in _tables(text):
        for cells in rows:
            if header[: len(_FIGURES)] == _FIGURES:
                _read_figure(cells, results)
            elif header[: len(_MEASUREMENTS)] == _MEASUREMENTS:
                wall, *others = map(_read, cells[4 : len(_MEASUREMENTS)])
                assert wall is not None
                results.measurements[Key(*cells[:4])] = Measurement(wall, *others)
            elif header == _PARTS:
                commit, day, seconds, ended = cells[2:]
                seconds_read = _read(seconds)
                assert seconds_read is not None
                results.parts[cells[0], cells[1]] = Part(commit, day, seconds_read, ended)
            elif header[: len(_ABOUT)] == _ABOUT:
                results.about[cells[0]] = cells[1]
    return results


def document(results: Results, before: str = "") -> str:
    """Return RESULTS.md; the part of `before`, the file until now, written by hand stays."""
    by_hand = before[before.find(BY_HAND) :] if BY_HAND in before else ""
    failed = "".join(f"- **Not measured to the end:** {each}\n" for each in results.failed())
    return f"""\
# How fast it is

Made by `python -m tests.benchmarks --growth`: compare ratios rather than seconds. A number is the
median of the rounds; the largest account has one. Every contender is a process of its own, measured
from its start to its end, and loads an empty database. CPU is that of the process and its children,
never that of a server, so on PostgreSQL and MariaDB trends are measured by the clock. Neither
server keeps anything safe from a power cut (`fsync` off), for all contenders alike, and both have
their files in memory if there is room; the peak is that of the process, or of the child that took
most. Parts that were run again alone (`--only`) show another commit in the table of the parts.

The floor fetches the same pages one by one, decodes them (msgspec, untyped) and throws them away,
then writes the same rows, worked out beforehand, into the same tables with all keys and indexes, by
`sqlite3.executemany` or psycopg's COPY, a transaction a page. "Alone" is a query by the plain
driver, all of whose rows are read and thrown away.

The first table has each figure by the number of jobs; one in bold misses its target.

{failed and failed + chr(10)}{render(results)}{by_hand and chr(10) + by_hand}"""


def _at_a_glance(results: Results) -> str:
    accounts = list(dict.fromkeys(key.account for key in results.figures))
    rows = []
    for what, database in dict.fromkeys((key.what, key.database) for key in results.figures):
        cells = {
            key.account: _marked(key, value)
            for key, value in results.figures.items()
            if (key.what, key.database) == (what, database)
        }
        row = (cells.get(account, NONE) for account in accounts)
        rows.append((what, database, *row, _limit(what, database)))
    return _table(("at a glance", "database", *accounts, "target"), rows)


def _marked(key: Key, value: float) -> str:
    number = _number(value, 2)
    return number if TARGETS[key.what].is_held(key.database, value) else f"**{number}**"


def _limit(what: str, database: str) -> str:
    target = TARGETS[what]
    limit = target.limits.get(database)
    return NONE if limit is None else f"{target.sign} {limit:g}"


def _figure(key: Key, results: Results) -> tuple[str, ...]:
    value, target = results.figures[key], TARGETS[key.what]
    aim = target.aims.get(key.database)
    held = "yes" if target.is_held(key.database, value) else "no"
    return (
        *key,
        _number(value, 2),
        _limit(key.what, key.database),
        NONE if aim is None else f"{target.sign} {aim:g}",
        held if key.database in target.limits else NONE,
        results.bounds.get(key, NONE),
    )


def _read_figure(cells: Sequence[str], results: Results) -> None:
    key, value = Key(*cells[:4]), _read(cells[4])
    if key.what in TARGETS and value is not None:
        results.figures[key] = value
        if (bound := cells[len(_FIGURES) - 1]) != NONE:
            results.bounds[key] = bound


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
    if widths[-1] > _WIDEST:  # a text, which would pad all lines
        widths[-1] = len(header[-1])
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
