"""The report's page: one HTML file with its styles, scripts and data, which opens offline."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from snapshotter import __version__
from snapshotter.printable import web_page
from snapshotter.report.answers import Answers
from snapshotter.report.charts import charts
from snapshotter.report.findings import Finding, findings
from snapshotter.report.links import job_page, package_page
from snapshotter.report.packages import accounts_of
from snapshotter.report.rendering import data, render, resource
from snapshotter.report.sections import SECTIONS, Section
from snapshotter.report.stills import MAX_SERIES, stills
from snapshotter.report.tables import Tables
from snapshotter.report.tiles import tiles
from snapshotter.report.words import day, minute

# One script of the page, in this order: the last one runs the others.
SCRIPTS = (
    "words",
    "history",
    "plotting",
    "charts",
    "volumes",
    "tables",
    "tiles",
    "filters",
    "page",
)
PLOTLY = "vendor/plotly-cartesian.min.js"


@dataclass(frozen=True)
class Item:
    """A finding as the page shows it; `page` is a link to what `page_of` names, if there is one."""

    kind: str
    text: str
    section: str
    more: str
    page: str | None
    page_of: str


def page(answers: Answers, now: datetime) -> str:
    """Return the page.

    Its policy allows the page's own scripts alone, which it names by their hashes. Without jobs
    there are neither charts nor the library that draws them.
    """
    scripts = [Markup("\n").join(resource(f"scripts/{name}.js") for name in SCRIPTS)]
    drawn = {} if answers.days is None else charts(answers.trends, *answers.days)
    if drawn:
        scripts.append(resource(PLOTLY))
    return render(
        "page.html.j2",
        hashes=Markup(" ").join(map(_hash, scripts)),
        version=__version__,
        title=_title(answers, now),
        heading=_heading(answers),
        facts=_facts(answers),
        css=resource("report.css"),
        dark=resource("dark.css"),
        sections=_sections(answers),
        accounts=accounts_of(answers.trends),
        has_days=answers.days is not None,
        has_runs=bool(answers.trends.get("snapshot_log")),
        findings=[_item(answers, each) for each in findings(answers.trends, now)],
        tiles=tiles(answers),
        stills=stills(drawn),
        shows=_shows(answers, drawn),
        tables=Tables(answers),
        made=minute(now),
        data=data(drawn),
        js=scripts[0],
        plotly=scripts[1] if drawn else None,
    )


def _hash(script: str) -> Markup:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return Markup(f"'sha256-{digest}'")  # noqa: S704 - base64 of our own


def _sections(answers: Answers) -> list[Section]:
    return [each for each in SECTIONS if answers.days is not None or each.anchor == "snapshot"]


def _shows(answers: Answers, drawn: Mapping[str, Any]) -> dict[str, str]:
    """Return what each chart is limited to or is a sum of, by the chart's key; often nothing."""
    accounts = len(accounts_of(answers.trends))
    of_all = f"all {accounts} accounts" if accounts > 1 else ""
    shows = {chart.key: of_all for section in SECTIONS for chart in section.charts}
    if drawn:
        lines = sum(1 for index in drawn["top"] if drawn["runtime"][index])
        most = min(lines, MAX_SERIES)
        if most < len(drawn["packages"]):
            shows["runtime"] = f"the {most} packages that became slower or take most"
        if accounts > 1:
            shows["peaks"] = "the most in any one account"
    return shows


def _accounts(answers: Answers) -> str:
    return ", ".join(account for account, _ in answers.accounts)


def _title(answers: Answers, now: datetime) -> str:
    """Return the title of the browser's window, of bookmarks and of printed pages."""
    accounts = _accounts(answers)
    if not accounts and answers.days is None:
        return "Xplenty jobs: no account yet"
    at = day(answers.days[1] if answers.days else now.astimezone(UTC).date())
    jobs = f"Xplenty jobs of {accounts}, {at}" if accounts else f"Xplenty jobs, {at}"
    return f"{answers.package}: {jobs}" if answers.package else jobs


def _heading(answers: Answers) -> str:
    accounts = _accounts(answers) or "No account yet"
    return f"{answers.package} · {accounts}" if answers.package else accounts


def _facts(answers: Answers) -> str:
    if answers.days is None:
        return "The database has no jobs yet."
    first, last = answers.days
    days = (last - first).days + 1
    period = f"{day(first)} to {day(last)}" if days > 1 else day(last)
    facts = [f"{period} ({days:,} {'day' if days == 1 else 'days'}, UTC)"]
    for account, watermark in answers.accounts:
        of = f" of {account}" if len(answers.accounts) > 1 else ""
        at = f"as of {minute(watermark)}" if watermark else "not complete yet"
        facts.append(f"data{of} {at}")
    if answers.later:
        jobs, are = ("job", "is") if answers.later == 1 else ("jobs", "are")
        facts.append(f"{answers.later:,} {jobs} dated after {day(last)} {are} left out")
    return " · ".join(facts)


def _item(answers: Answers, finding: Finding) -> Item:
    more = next(part.short for part in SECTIONS if part.anchor == finding.section)
    url = web_page(finding.url) or job_page(answers, finding.job_id)
    page_of = "its page" if finding.job_id is None else f"job {finding.job_id}"
    if url is None:
        url, page_of = package_page(answers, (finding.account_id, finding.package_id)), "its page"
    return Item(finding.kind, finding.text, finding.section, more, url, page_of)
