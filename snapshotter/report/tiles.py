"""The sums at the report's top, and how they compare with the period before."""

from collections.abc import Callable
from dataclasses import dataclass

from snapshotter.report.answers import Answers
from snapshotter.report.totals import totals
from snapshotter.report.words import large, share

_FEW = 10  # hours; fewer have a decimal
_TIMES = 3  # as much or more is a multiple, not a percentage


@dataclass(frozen=True)
class Tile:
    """`label` agrees with `value`; `change` is empty if there is nothing to compare with."""

    key: str
    label: str
    value: str
    change: str


def tiles(answers: Answers) -> list[Tile]:
    """Return the tiles of all packages and accounts; none if there are no days."""
    if answers.days is None:
        return []
    first, last = answers.days
    days = (last - first).days + 1
    period = "the day before" if days == 1 else f"the {days:,} days before"
    stopped = sum(row["stopped"] or 0 for row in answers.trends["failures_by_day"])
    values = {**totals(answers.trends), "stopped": stopped}
    return [
        Tile(key, *text(values), change(values[key], answers.before.get(key), period))
        for key, text in _TEXTS.items()
    ]


def change(now: float, before: float | None, period: str) -> str:
    """Return how a sum differs from that of the period before, which `period` names."""
    if before is None or (not before and not now):
        return ""
    if not before:
        return f"none in {period}"
    if now >= _TIMES * before:
        return f"{now / before:,.0f} times {period}"
    percent = round(100 * (now / before - 1))
    if not percent:
        return f"as in {period}"
    sign = "+" if percent > 0 else "\N{MINUS SIGN}"
    return f"{sign}{abs(percent)} % against {period}"


def _failed(values: dict[str, float]) -> tuple[str, str]:
    failed = values["failed"]
    rate = f" ({share(failed / (values['runs'] - values['stopped']))})" if failed else ""
    return "Failed", f"{failed:,.0f}{rate}"


def _hours(values: dict[str, float]) -> tuple[str, str]:
    """Return the run time in hours, or in minutes if it is less than an hour."""
    minutes = round(60 * values["hours"])
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{_noun(minutes, 'Minute')} of completed runs", f"{minutes}"
    return f"{_noun(round(values['hours']), 'Hour')} of completed runs", f"{values['hours']:,.0f}"


def _nodes(values: dict[str, float]) -> tuple[str, str]:
    hours = values["nodes"]
    decimals = 1 if 0 < hours < _FEW else 0
    value = f"{hours:,.{decimals}f}"
    return ("Node hour" if value == "1.0" else "Node hours"), value.removesuffix(".0")


def _noun(count: float, one: str) -> str:
    return one if count == 1 else f"{one}s"


_TEXTS: dict[str, Callable[[dict[str, float]], tuple[str, str]]] = {
    "runs": lambda of: (f"{_noun(of['runs'], 'Run')} that ended", f"{of['runs']:,.0f}"),
    "failed": _failed,
    "hours": _hours,
    "records": lambda of: (f"{_noun(of['records'], 'Record')} written", large(int(of["records"]))),
    "nodes": _nodes,
    "packages": lambda of: (_noun(of["packages"], "Package"), f"{of['packages']:,.0f}"),
}
