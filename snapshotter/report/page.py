"""The report's page: one HTML file with its styles, scripts and data, which opens offline."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from importlib.resources import files

from snapshotter import __version__
from snapshotter.report.answers import Answers
from snapshotter.report.charts import charts
from snapshotter.report.findings import Finding, findings
from snapshotter.report.rows import Names, package_names
from snapshotter.report.sections import SECTIONS
from snapshotter.report.tables import section
from snapshotter.report.words import day, large, share

# One script of the page, in this order: the last one runs the others.
SCRIPTS = ("words", "history", "plotting", "charts", "volumes", "tables", "page")


def page(answers: Answers, plotly: str, now: datetime) -> str:
    """Return the page. `plotly` is the source of that library.

    Its policy allows the page's own scripts alone, which it names by their hashes.
    """
    names = package_names(answers.trends)
    script = "\n".join(_resource(f"scripts/{name}.js") for name in SCRIPTS)
    parts = {
        "hashes": f"{_hash(script)} {_hash(plotly)}",
        "version": __version__,
        "title": escape(_title(answers)),
        "facts": _facts(answers),
        "css": _resource("report.css"),
        "dark": _resource("dark.css"),
        "nav": _links(),
        "options": _options(names),
        "body": "\n".join(_body(answers, names, now)),
        "footer": _footer(now),
        "data": "{}" if answers.days is None else _json(charts(answers.trends, *answers.days)),
        "js": script,
        "plotly": plotly,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda field: parts[field[1]], _resource("report.html"))


def _resource(name: str) -> str:
    return files("snapshotter.report").joinpath(name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _json(value: object) -> str:
    """Return JSON that can neither end nor comment out the script element that contains it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _title(answers: Answers) -> str:
    accounts = ", ".join(account for account, _ in answers.accounts) or "No account yet"
    return f"{answers.package} · {accounts}" if answers.package else accounts


def _links() -> str:
    return "\n".join(
        f'<li><a href="#{each.anchor}">{escape(each.short)}</a></li>' for each in SECTIONS
    )


def _options(names: Names) -> str:
    return "\n".join(
        f'<option value="{"none" if key is None else key}">{escape(_option(key, name))}</option>'
        for key, name in sorted(names.items(), key=lambda item: item[1].casefold())
    )


def _option(package_id: int | None, name: str) -> str:
    return name if str(package_id) in name or package_id is None else f"{name} ({package_id})"


def _facts(answers: Answers) -> str:
    if answers.days is None:
        return "The database has no jobs yet."
    first, last = answers.days
    facts = [f"{day(first)} to {day(last)} ({(last - first).days + 1:,} days, UTC)"]
    for account, watermark in answers.accounts:
        of = f" of {escape(account)}" if len(answers.accounts) > 1 else ""
        at = f"as of {_minute(watermark)}" if watermark else "not complete yet"
        facts.append(f"data{of} {at}")
    if answers.later:
        jobs, are = ("job", "is") if answers.later == 1 else ("jobs", "are")
        facts.append(f"{answers.later:,} {jobs} dated after {day(last)} {are} left out")
    return " · ".join(facts)


def _minute(at: datetime) -> str:
    return f"{day(at)}, {at:%H:%M} UTC"


def _footer(now: datetime) -> str:
    return (
        f"Made by xplenty-snapshotter {__version__} on {_minute(now.astimezone(UTC))}. Days are "
        "UTC dates of the runs; p50 is the median, and 95 % of the values are at most p95. "
        "The numbers come from the trends: <code>snapshotter trends</code> lists them, "
        "<code>snapshotter export NAME -o FILE</code> exports one in full."
    )


def _body(answers: Answers, names: Names, now: datetime) -> Iterator[str]:
    yield '<section id="findings" aria-labelledby="h-findings">'
    yield '<h2 id="h-findings">What matters most</h2>'
    found = findings(answers.trends, now)
    if found:
        yield '<ol class="findings">'
        yield from map(_item, found)
        yield "</ol>"
    elif answers.days is None:
        how = "<code>snapshotter sync</code> fetches them"
        yield f'<p class="calm">The database has no jobs yet; {how}.</p>'
    else:
        yield '<p class="calm">Nothing stands out in these days.</p>'
    if answers.days is not None:
        yield _tiles(answers, len(names))
    yield "</section>"
    for part in SECTIONS:
        if answers.days is not None or part.anchor == "snapshot":
            yield from section(part, answers.trends, names)


def _item(finding: Finding) -> str:
    more = next(part.short for part in SECTIONS if part.anchor == finding.section)
    return (
        f'<li><span class="kind">{escape(finding.kind)}</span><p>{escape(finding.text)}</p>'
        f'<a href="#{finding.section}">{escape(more)} <span aria-hidden="true">↓</span></a>'
        "</li>"
    )


def _tiles(answers: Answers, packages: int) -> str:
    def total(trend: str, column: str) -> float:
        return sum(row[column] or 0 for row in answers.trends[trend])

    runs, failed, stopped = (
        total("failures_by_day", column) for column in ("runs", "failed", "stopped")
    )
    rate = f" ({share(failed / (runs - stopped))})" if failed else ""
    hours = total("slowest_packages", "total_seconds") / 3600
    tiles = (
        ("runs", "Runs that ended", f"{runs:,}"),
        ("failed", "Failed", f"{failed:,}{rate}"),
        ("hours", "Hours of completed runs", f"{hours:,.0f}"),
        ("records", "Records written", large(total("records_by_day", "records"))),
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
