"""All checks together: one that fails or hangs hides no other, and nothing is changed."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from accounts import add
from examined import examined, lines
from sqlalchemy import Engine

from snapshotter.api import probe
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
    acme: dict[str, str], database_url: str, engine: Engine
) -> None:
    add(engine, "beta", 1)
    found = examined(acme, database_url)
    assert [(each.account, each.status) for each in found["freshness"]] == [
        ("acme", "warning"),  # nothing is stored of it
        ("beta", "warning"),  # old, which does not matter to an account that is not read here
    ]
    found = examined(acme, database_url, names=("acme",))
    assert [each.account for each in found["freshness"]] == ["acme"]


@pytest.mark.parametrize(
    ("module", "name", "secret"),
    [(probe, "tunnel", "Pr0xy55"), (database, "open_engine", "hunter22")],
)
def test_an_unforeseen_error_quotes_no_secret(
    monkeypatch: pytest.MonkeyPatch, module: object, name: str, secret: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError(f"unexpected {secret}")

    monkeypatch.setattr(module, name, fail)
    monkeypatch.setenv("HTTPS_PROXY", "http://joe:Pr0xy55@127.0.0.1:1")
    given = {"XPLENTY_API_URL": "https://127.0.0.1:1"}
    found = examined(given, "postgresql://joe:hunter22@127.0.0.1:1/x")
    documents = [each.document() for checks in found.values() for each in checks]
    assert "a bug in snapshotter: ZeroDivisionError: unexpected ***" in str(documents)
    assert secret not in str(documents)


def test_nothing_is_created(
    acme: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    examined(acme, "sqlite:///job_history.db")
    assert not list(tmp_path.iterdir())
