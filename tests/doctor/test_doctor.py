"""All checks together: one that fails or hangs hides no other, and nothing is changed."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from examined import examined, lines

from snapshotter.doctor import database, disk, network, runs, service
from snapshotter.doctor.report import Report
from snapshotter.simulator.account import SimulatedAccount

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ALL = {
    *("configuration", "secrets", "accounts", "proxy", "network", "certificate", "key", "api"),
    *("clock", "credits", "database", "disk", "schema", "lock", "freshness", "temporary files"),
    "files",
}


@pytest.fixture
def account() -> SimulatedAccount:
    return SimulatedAccount(now=datetime.now(UTC))


@sqlite
def test_every_check_runs(acme: dict[str, str], database_url: str) -> None:
    found = examined(acme, database_url)
    assert set(found) == ALL
    assert not [each for checks in found.values() for each in checks if each.status == "FAILED"]


@pytest.mark.parametrize(
    ("module", "name", "check"),
    [
        (network, "proxy", "proxy"),
        (service, "api", "api"),
        (service, "clock", "clock"),
        (database, "database", "database"),
        (disk, "of_temporary_files", "temporary files"),
        (runs, "stored", "freshness"),
    ],
)
@sqlite
def test_a_bug_in_one_check_hides_no_other(
    acme: dict[str, str],
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
    check: str,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by 0")

    monkeypatch.setattr(module, name, broken)
    found = examined(acme, database_url)
    assert lines(found, check)[0] == (
        "FAILED: a bug in snapshotter: ZeroDivisionError: by 0; please report it"
    )
    assert set(found) >= ALL - {"lock", "freshness"}


def test_a_database_that_hangs_is_waited_for_once(
    acme: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def hang(report: Report, *_: object) -> None:
        go_on.wait()
        report.ok("too late")

    monkeypatch.setattr(database, "database", hang)
    found = examined(acme, timeout=0.2)
    go_on.set()
    assert lines(found, "database")[0].startswith("FAILED: no result within 0.6 s; find out what")
    assert lines(found, "schema") == ["skipped: there is no database to look into; "]
    assert "files" in found


@sqlite
def test_accounts_that_are_stored_but_not_configured(
    acme: dict[str, str], database_url: str
) -> None:
    found = examined(acme, database_url)
    assert [each.account for each in found["freshness"]] == ["acme"]


def test_nothing_is_created(
    acme: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    examined(acme, "sqlite:///job_history.db")
    assert not list(tmp_path.iterdir())
