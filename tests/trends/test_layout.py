"""What a trend is looked at for is on every terminal of 80 columns: a promise of all trends."""

import io
import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
from rich.cells import cell_len
from sqlalchemy import Engine

from snapshotter.trends import trends
from snapshotter.trends.cells import cell, is_duration
from snapshotter.trends.filters import Filters
from snapshotter.trends.layout import POLICIES, WRAPPED, Rank, arranged
from snapshotter.trends.terminal import show
from snapshotter.trends.values import Result
from snapshotter.trends.view import View

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
LONG = "a name that is far longer than any column of a terminal ever has room for, in two accounts"
ERROR = "GET https://api.xplenty.com/lab/api/jobs?limit=100: no connection ([Errno 111] refused)"
# What people come for, in words of the tickets that asked for it.
WANTED = {
    "open_jobs": {"stuck", "age_seconds"},
    "freshness": {"overdue", "since_seconds"},
    "recovery": {"failing_runs", "failing_since"},
    "snapshot_log": {"status", "error", "lag_seconds"},
}


def value_of(column: str, name: str) -> Any:  # noqa: PLR0911 - a line a kind
    """Return a value of a column as wide as it gets in an account of many packages."""
    if column in ("error", "reason", "summary"):
        return ERROR
    if column in ("status", "kind", "change"):
        return {"status": "completed", "kind": "incremental", "change": "removed"}[column]
    if column.endswith("_name") or column == "field":
        return name
    if column in ("day", "week"):
        return date(2026, 1, 5)
    if column.endswith(("_at", "since", "_seen")):
        return datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC)
    if column.endswith("_id"):
        return 12_345_678
    if is_duration(column):
        return 13 * 86_400 + 5 * 3600.5
    if column in ("records", "usual_records"):
        return 10_415_234_000
    if column in ("stuck", "overdue", "edited"):
        return 1
    return 12.345 if column.endswith(("rate", "ratio", "share", "score", "hours")) else 1_234


def result_of(engine: Engine, trend: str, name: str, accounts: list[str]) -> Result:
    with engine.connect() as connection:
        columns = trends.rows(connection, trend, Filters()).columns
    columns = ["account_id", *(each for each in columns if each != "account_id")]
    rows = [(account, *(value_of(column, name) for column in columns[1:])) for account in accounts]
    return Result(columns, rows)


@sqlite
@pytest.mark.parametrize("trend", trends.names())
@pytest.mark.parametrize("name", ["clickstream_sessions", LONG, "顧客データの日次取り込み" * 3])
@pytest.mark.parametrize("accounts", [["acme"], ["acme-europe-production", "acme-us-production"]])
def test_every_verdict_is_shown_whole_at_80_columns(
    engine: Engine, trend: str, name: str, accounts: list[str]
) -> None:
    result = result_of(engine, trend, name, accounts)
    file = io.StringIO()
    show(View(result, trend), file, 80)
    lines = file.getvalue().splitlines()
    assert max(map(cell_len, lines)) <= 80
    text = "\n".join(lines)
    missing = re.search(r"^too narrow for (.*?); --format", text, re.DOTALL | re.MULTILINE)
    left_out = missing[1].replace("\n", " ").split(", ") if missing else []
    verdicts = [column for column in POLICIES[trend].verdicts if column in result.columns]
    assert verdicts
    assert not {*verdicts, *POLICIES[trend].names} & {*left_out}
    for column in verdicts:
        value = result.rows[0][result.columns.index(column)]
        shown = [*str(value)] if column in WRAPPED else [cell(column, value)]
        at = 0
        for part in shown:  # of a text that is wrapped: its characters, in order
            if part.strip():
                at = text.index(part, at)
    for account in accounts:
        assert (account[:9] in text) is (len(accounts) > 1)


@pytest.mark.parametrize("trend", trends.names())
def test_each_trend_has_a_policy_with_a_verdict(trend: str) -> None:
    assert POLICIES[trend].verdicts
    assert WANTED.get(trend, set()) <= {*POLICIES[trend].verdicts}


@sqlite
@pytest.mark.parametrize("trend", trends.names())
def test_a_policy_names_columns_of_its_trend(engine: Engine, trend: str) -> None:
    policy = POLICIES[trend]
    listed = [*policy.names, *policy.verdicts, *policy.facts]
    assert len(listed) == len({*listed})
    with engine.connect() as connection:
        columns = trends.rows(connection, trend, Filters()).columns
    of_packages = {"package_name", "package_id"}
    assert {*listed} - {*columns} <= of_packages


def ranks(trend: str, columns: list[str], *rows: tuple[Any, ...]) -> dict[str, Rank]:
    places = arranged(trend, Result(columns, [*rows]))
    return {columns[place.index]: place.rank for place in places}


def test_an_id_is_a_helper_unless_it_tells_packages_apart() -> None:
    columns = ["account_id", "package_id", "package_name", "stuck"]
    alone = ranks("open_jobs", columns, ("acme", 1, "one", 0), ("acme", 2, "two", 0))
    assert alone == {
        "package_name": Rank.NAME,
        "stuck": Rank.VERDICT,
        "package_id": Rank.HELPER,
    }
    twins = ranks("open_jobs", columns, ("acme", 1, "one", 0), ("acme", 2, "one", 0))
    assert twins["package_id"] is Rank.NAME
    both = ranks("open_jobs", columns, ("acme", 1, "one", 0), ("beta", 2, "one", 0))
    assert [*both] == ["account_id", "package_name", "stuck", "package_id"]


def test_the_account_is_shown_if_the_database_has_several() -> None:
    """Also above rows that happen to be all of one."""
    result = Result(["account_id", "package_name"], [("acme", "one")])
    for several, columns in ((True, [0, 1]), (False, [1])):
        places = arranged("open_jobs", result, several_accounts=several)
        assert [place.index for place in places] == columns
    assert ranks("records_by_day", ["package_id", "records"], (1, 1))["package_id"] is Rank.NAME


def test_a_users_own_trend_keeps_its_order_and_what_looks_like_a_verdict() -> None:
    columns = ["who", "account_id", "runs", "overdue", "package_id", "package_name"]
    assert ranks("mine", columns, ("x", "acme", 1, 1, 1, "one")) == {
        "who": Rank.NAME,
        "runs": Rank.FACT,
        "overdue": Rank.VERDICT,
        "package_id": Rank.HELPER,
        "package_name": Rank.NAME,
    }


def test_summaries_are_shown_if_there_are_any() -> None:
    columns = ["account_id", "reason", "failures", "summary"]

    def shown(*summaries: str | None) -> list[str]:
        result = Result(columns, [("acme", "lost", 1, summary) for summary in summaries])
        return [columns[place.index] for place in arranged("failure_reasons", result)]

    assert shown(None, None) == ["reason", "failures"]
    assert shown(None, "disk full") == ["reason", "failures", "summary"]
