"""The report: one HTML file that opens offline, from the trends and the findings."""

import base64
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from sqlalchemy import Connection, Engine, func, select

from snapshotter import __version__
from snapshotter.errors import UsageError
from snapshotter.files import opened
from snapshotter.models import Base
from snapshotter.report.charts import charts
from snapshotter.report.findings import day, findings, names, share
from snapshotter.report.sections import SECTIONS, section
from snapshotter.report.steps import runtime_steps
from snapshotter.store.engine import unmoving
from snapshotter.targets import database_file
from snapshotter.trends import trends
from snapshotter.trends.filters import Filters, day_after, find_package, first_day, newest_day

TABLES = Base.metadata.tables
ACCOUNTS, JOBS, CALENDAR = TABLES["accounts"], TABLES["jobs"], TABLES["calendar"]
TRENDS = (
    *("runtime_by_day", "runtime_regressions", "slowest_packages", "throughput"),
    *("failures_by_day", "failure_reasons", "recovery", "retries"),
    *("queue_wait_by_day", "concurrency", "open_jobs", "records_by_day", "node_hours_by_week"),
    *("output_field_changes", "freshness", "snapshot_log"),
)

# One script of the page, in this order: the last one runs the others.
SCRIPTS = ("words", "history", "plotting", "charts", "volumes", "tables", "page")

# What these tell is so now, whenever it began.
NOW = ("open_jobs", "freshness", "runtime_regressions")


def report(
    engine: Engine, target: Path | TextIO, length: timedelta, package: str | None, now: datetime
) -> None:
    """Write the report of the last days with data; `length` counts back from the newest run.

    The file appears whole or not at all. Raises `UsageError` where plotly is not installed, the
    package is not known or the folder is not there, `Failure` when the file cannot be written.
    """
    plotly = _plotly()
    with (
        unmoving(engine).connect() as connection,
        opened(target, database_file(connection)) as file,
    ):
        for part in page(ask(connection, length, package, now.date()), plotly, now):
            _put(file, part)


def _put(file: BinaryIO | TextIO, part: str) -> None:
    if isinstance(file, io.TextIOBase):
        file.write(part)
    else:
        cast("BinaryIO", file).write(part.encode())


def _plotly() -> str:
    try:
        from plotly.offline import get_plotlyjs  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UsageError(
            f"the report's charts need plotly ({error}); pip install 'xplenty-snapshotter[report]'"
        ) from None
    return str(get_plotlyjs())


@dataclass(frozen=True)
class Answers:
    """What the database says of the days of the report; `days` is None where no job is there.

    `trends` holds rows by the trend's name, and what is worked out beside them.
    """

    accounts: Sequence[tuple[str, datetime | None]]
    days: tuple[date, date] | None
    package: str | None
    trends: dict[str, list[dict[str, Any]]]
    later: int = 0  # runs that are dated after the last day, and left out


def ask(connection: Connection, length: timedelta, package: str | None, today: date) -> Answers:
    accounts = [
        (row.account_id, row.watermark)
        for row in connection.execute(select(ACCOUNTS).order_by(ACCOUNTS.c.account_id))
    ]
    days = _days(connection, length, today)
    if days is None:  # nothing has run: only what the snapshot did is to be told
        log = _rows(connection, "snapshot_log", Filters())
        return Answers(accounts, None, None, {"snapshot_log": log})
    package_id = None if package is None else find_package(connection, package)
    filters = Filters(days[0], day_after(days[1]), package_id)
    found = {
        name: _rows(connection, name, Filters(package_id=package_id) if name in NOW else filters)
        for name in TRENDS
    }
    found["runtime_steps"] = runtime_steps(found["runtime_by_day"])
    found["package_failure_reasons"] = _reasons(connection, filters)
    name = None if package_id is None else names(found).get(package_id, f"package {package_id}")
    counted = select(func.count()).where(JOBS.c.run_date > days[1])
    if package_id is not None:
        counted = counted.where(JOBS.c.package_id == package_id)
    later = connection.execute(counted).scalar() or 0
    return Answers(accounts, days, name, found, later)


def _rows(connection: Connection, name: str, filters: Filters) -> list[dict[str, Any]]:
    columns, rows = trends.rows(connection, name, filters)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _reasons(connection: Connection, filters: Filters) -> list[dict[str, Any]]:
    """Give `failure_reasons` for each package at once: one by one, 500 take a quarter minute."""
    failures = func.count().label("failures")
    reason = JOBS.c.error_fingerprint.label("reason")
    counted = (
        select(JOBS.c.package_id, reason, failures)
        .where(JOBS.c.status == "failed", JOBS.c.run_date >= filters.since)
        .group_by(JOBS.c.package_id, reason)
        .order_by(failures.desc(), func.max(JOBS.c.id).desc())
    )
    if filters.until is not None:
        counted = counted.where(JOBS.c.run_date < filters.until)
    if filters.package_id is not None:
        counted = counted.where(JOBS.c.package_id == filters.package_id)
    return [dict(row) for row in connection.execute(counted).mappings()]


def _days(connection: Connection, length: timedelta, today: date) -> tuple[date, date] | None:
    """Return the first and the last day of the report: none before the first run of the calendar.

    A run of the year 1 would make days without runs by the hundred thousand. None without a run.
    """
    last = newest_day(connection, today)
    if last is None:
        return None
    within = JOBS.c.run_date >= select(func.min(CALENDAR.c.day)).scalar_subquery()
    oldest = connection.execute(select(func.min(JOBS.c.run_date)).where(within)).scalar() or last
    first = first_day(last, length)
    return max(first or oldest, min(oldest, last)), last


def page(answers: Answers, plotly: str, now: datetime) -> Iterator[str]:
    """Give the parts of the page, in order."""
    data = "{}"
    if answers.days is not None:
        data = _json(charts(answers.trends, *answers.days))
    called = names(answers.trends)
    js = "\n".join(_resource(f"scripts/{name}.js") for name in SCRIPTS)
    parts = {
        "hashes": f"{_hash(js)} {_hash(plotly)}",
        "version": __version__,
        "title": escape(_title(answers)),
        "facts": _facts(answers),
        "css": _resource("report.css"),
        "dark": _resource("dark.css"),
        "nav": "\n".join(
            f'<li><a href="#{each.anchor}">{escape(each.short)}</a></li>' for each in SECTIONS
        ),
        "options": "\n".join(
            f'<option value="{"none" if key is None else key}">'
            f"{escape(_option(key, name))}</option>"
            for key, name in sorted(called.items(), key=lambda item: item[1].casefold())
        ),
        "body": "\n".join(_body(answers, called, now)),
        "footer": _footer(now),
        "data": data,
        "js": js,
        "plotly": plotly,
    }
    for index, part in enumerate(re.split(r"\{\{(\w+)\}\}", _resource("report.html"))):
        yield parts[part] if index % 2 else part


def _resource(name: str) -> str:
    return files("snapshotter.report").joinpath(name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _json(value: Any) -> str:
    """Give JSON that cannot end, or comment out, the script that holds it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _title(answers: Answers) -> str:
    accounts = ", ".join(account for account, _ in answers.accounts) or "No account yet"
    return f"{answers.package} · {accounts}" if answers.package else accounts


def _option(package_id: int | None, name: str) -> str:
    return name if str(package_id) in name or package_id is None else f"{name} ({package_id})"


def _facts(answers: Answers) -> str:
    if answers.days is None:
        return "The database holds no job yet."
    first, last = answers.days
    facts = [f"{day(first)} to {day(last)} ({(last - first).days + 1:,} days, UTC)"]
    for account, watermark in answers.accounts:
        of = f" of {escape(account)}" if len(answers.accounts) > 1 else ""
        at = f"as of {_minute(watermark)}" if watermark else "not whole yet"
        facts.append(f"data{of} {at}")
    if answers.later:
        facts.append(f"{answers.later:,} dated after {day(last)} left out")
    return " · ".join(facts)


def _minute(at: datetime) -> str:
    return f"{day(at)}, {at:%H:%M} UTC"


def _footer(now: datetime) -> str:
    return (
        f"Made by xplenty-snapshotter {__version__} on {_minute(now.astimezone(UTC))}. Days are "
        "UTC dates of the runs; p50 is the median, and 95 % of the values are at most p95. "
        "Every number here is a trend's: <code>snapshotter trends</code> lists them, "
        "<code>snapshotter export NAME -o FILE</code> gives them whole."
    )


def _body(answers: Answers, called: Mapping[Any, str], now: datetime) -> Iterator[str]:
    yield '<section id="findings" aria-labelledby="h-findings">'
    yield '<h2 id="h-findings">What matters most</h2>'
    found = findings(answers.trends, now)
    if found:
        yield '<ol class="findings">'
        for each in found:
            more = next(part.short for part in SECTIONS if part.anchor == each.section)
            yield (
                f'<li><span class="kind">{escape(each.kind)}</span><p>{escape(each.text)}</p>'
                f'<a href="#{each.section}">{escape(more)} <span aria-hidden="true">↓</span></a>'
                "</li>"
            )
        yield "</ol>"
    elif answers.days is None:
        how = "<code>snapshotter sync</code> brings them"
        yield f'<p class="calm">The database holds no job yet; {how}.</p>'
    else:
        yield '<p class="calm">Nothing stands out in these days.</p>'
    if answers.days is not None:
        yield _tiles(answers, len(called))
    yield "</section>"
    for part in SECTIONS:
        if answers.days is not None or part.anchor == "snapshot":
            yield from section(part, answers.trends, called)


def _tiles(answers: Answers, packages: int) -> str:
    def total(trend: str, column: str) -> float:
        return sum(row[column] or 0 for row in answers.trends[trend])

    failed, runs = total("failures_by_day", "failed"), total("failures_by_day", "runs")
    hours = total("slowest_packages", "total_seconds") / 3600
    tiles = (
        ("runs", "Runs that ended", f"{runs:,}"),
        ("failed", "Failed", f"{failed:,}" + (f" ({share(failed / runs)})" if failed else "")),
        ("hours", "Hours of completed runs", f"{hours:,.0f}"),
        ("records", "Records written", _large(total("records_by_day", "records"))),
        ("nodes", "Node hours", f"{total('node_hours_by_week', 'node_hours'):,.0f}"),
        ("packages", "Packages", f"{packages:,}"),
    )
    return (
        '<dl class="tiles">'
        + "".join(
            f'<div class="tile"><dt>{label}</dt><dd data-tile="{key}">{value}</dd></div>'
            for key, label, value in tiles
        )
        + "</dl>"
    )


def _large(value: float) -> str:
    return f"{value:,}" if value < 10**7 else f"{value / 10**6:,.0f} M"
