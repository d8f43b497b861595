"""The parts that read what is stored: trends, tables on a terminal, and reports."""

from collections.abc import Iterable, Mapping

from databases import MariaDBServer

from snapshotter.trends import trends as known

from . import bounds, measure, targets
from .contenders import snapshotter
from .fixture import Fixture
from .measure import Failed, Usage
from .recorder import Recorder, taken
from .service import ROOT
from .targets import TARGETS

RECENT = ("--last", "90d")
_LONG = ("--last", "700d")
_TABLE = "runtime_by_day"
_BOUNDED = 4  # trends whose query is also run alone, if they miss a target

Words = tuple[str, ...]  # a trend's name, and options
Asked = dict[Words, Usage]


def trends(fixture: Fixture, record: Recorder) -> None:
    """Ask every trend once; on SQLite also for the last 90 days, if it has days."""
    for kind in fixture.stage.reads:
        whole = _ask(fixture, record, kind, _whole(fixture))
        if kind == "sqlite":
            _slowest(fixture, record, targets.SLOWEST_TREND, whole)
            recent = _ask(fixture, record, kind, _recent(fixture))
            _slowest(fixture, record, targets.SLOWEST_RECENT_TREND, recent)
        else:
            _slowest_by_the_clock(fixture, record, kind, whole)


def mariadb(fixture: Fixture, record: Recorder) -> None:
    """Ask every trend once of a copy of the database on MariaDB."""
    if not MariaDBServer.is_installed():
        raise Failed(f"MariaDB is not installed; it needs {' '.join(MariaDBServer.packages)}")
    whole = _ask(fixture, record, "mariadb", _whole(fixture))
    _slowest_by_the_clock(fixture, record, "mariadb", whole)


def table(fixture: Fixture, record: Recorder) -> None:
    """Print a long trend on a terminal, beside its query alone."""
    kind = "sqlite"
    url = fixture.stored(kind)
    what = f"table of {_TABLE} on a terminal"
    fixture.say(what)
    variables = {"SNAPSHOTTER_DATABASE_URL": url}
    usage = measure.run_on_terminal(snapshotter("trends", _TABLE), variables, ROOT)
    fixture.took(what, usage)
    _require_output(what, usage)
    alone = fixture.alone(kind, (_TABLE,))
    record.note(what, kind, taken(usage))
    record.note(f"{_TABLE} alone", kind, taken(alone))
    record.report(targets.TABLE, kind, usage.cpu - alone.cpu)


def report(fixture: Fixture, record: Recorder) -> None:
    """Write the report of the last 90 days, and of two years if the account has changes."""
    kind = "sqlite"
    usage = _report(fixture, record, RECENT)
    bound = bounds.of_report(fixture, kind, _recent(fixture))
    record.figure(targets.REPORT, kind, usage.cpu, bound)
    if fixture.stage.has_changes:
        long = _report(fixture, record, _LONG)
        record.report(targets.LONG_REPORT, kind, long.cpu)


def _report(fixture: Fixture, record: Recorder, days: Words) -> Usage:
    file = fixture.folder / "report.html"
    what = f"report of {days[-1].removesuffix('d')} days"
    usage = fixture.run(what, "sqlite", "report", *days, "-o", str(file))
    record.note(what, "sqlite", taken(usage))
    return usage


def _names(fixture: Fixture) -> list[str]:
    return [*(fixture.stage.trends or known.names())]


def _whole(fixture: Fixture) -> list[Words]:
    return [(name,) for name in _names(fixture)]


def _recent(fixture: Fixture) -> list[Words]:
    names = _names(fixture)
    return [(name, *RECENT) for name in names if ":since" in known.source_of(name)]


def _ask(fixture: Fixture, record: Recorder, kind: str, trends: Iterable[Words]) -> Asked:
    asked = {}
    for name, *days in trends:
        what = f"trend {name}{' of 90 days' if days else ''}"
        usage = fixture.run(what, kind, "trends", name, *days, "--format", "csv")
        _require_output(what, usage)
        record.note(what, kind, taken(usage))
        asked[name, *days] = usage
    return asked


def _require_output(what: str, usage: Usage) -> None:
    if not usage.printed:
        raise Failed(f"{what} printed nothing")


def _slowest(fixture: Fixture, record: Recorder, figure: str, asked: Asked) -> None:
    limit = TARGETS[figure].limits["sqlite"]
    costs = {words: usage.cpu for words, usage in asked.items()}
    bound = bounds.of_trends(fixture, "sqlite", _over(limit, costs))
    record.figure(figure, "sqlite", max(costs.values()), bound)


def _slowest_by_the_clock(fixture: Fixture, record: Recorder, kind: str, asked: Asked) -> None:
    figure = targets.SLOWEST_TREND_WALL
    costs = {words: usage.wall for words, usage in asked.items()}
    bound = bounds.of_trends(fixture, kind, _over(TARGETS[figure].limits[kind], costs))
    record.figure(figure, kind, max(costs.values()), bound)


def _over(limit: float, costs: Mapping[Words, float]) -> list[Words]:
    """Return the slowest that take longer than a limit: some, because all can take minutes."""
    slow = [words for words, cost in costs.items() if cost > limit]
    return sorted(slow, key=lambda words: -costs[words])[:_BOUNDED]
