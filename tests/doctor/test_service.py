"""An account at the API, as `doctor` reports it: the key, the answer, the clock, the credits."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from examined import examined, lines
from wire import answer, reset, serve

from snapshotter.api.probe import Answer
from snapshotter.doctor import service
from snapshotter.doctor.report import Report
from snapshotter.errors import Failure
from snapshotter.simulator.account import SimulatedAccount

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def account() -> SimulatedAccount:
    return SimulatedAccount(now=datetime.now(UTC))


def one(report: Report) -> str:
    (check,) = report.checks
    return f"{check.status}: {check.found}; {check.advice}"


def test_all_is_well(account: SimulatedAccount, acme: dict[str, str]) -> None:
    found = examined(acme)
    for name in ("key", "api", "clock", "credits"):
        (line,) = lines(found, name)
        assert line.startswith("ok: "), line
    assert account.requests == [("/acme/api/rate_limit_status", "")]
    assert account.credits_remaining == account.credits  # nothing is spent


def test_no_key(acme: dict[str, str], account: SimulatedAccount) -> None:
    found = examined(acme | {"XPLENTY_API_KEY": " "})
    assert lines(found, "key")[0].startswith("FAILED: no API key: set XPLENTY_API_KEY")
    for name in ("api", "clock", "credits"):
        assert lines(found, name) == ["skipped: there is no key; "]
    assert account.requests == []


def test_a_key_of_a_file(acme: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("demo-key\n")
    found = examined(acme, key_file=path)
    assert lines(found, "key") == [f"ok: read from --api-key-file '{path}'; "]
    assert lines(found, "api")[0].startswith("ok")
    found = examined(acme, key_file=tmp_path / "none")
    assert lines(found, "key")[0].startswith("FAILED: --api-key-file: there is no such file")


def test_a_wrong_key(acme: dict[str, str]) -> None:
    found = examined(acme | {"XPLENTY_API_KEY": "mistyped"})
    assert "; the key is refused, check XPLENTY_API_KEY" in lines(found, "api")[0]
    assert lines(found, "clock")[0].startswith("ok")  # the API has answered
    assert lines(found, "credits") == ["skipped: the API has not reported them; "]
    assert "mistyped" not in str(found)


def test_a_mistyped_account(acme: dict[str, str]) -> None:
    found = examined(acme | {"XPLENTY_ACCOUNT_ID": "acmee"})
    assert lines(found, "api")[0].startswith("FAILED: ")
    assert "check XPLENTY_ACCOUNT_ID" in lines(found, "api")[0]


def test_the_api_does_not_answer(acme: dict[str, str]) -> None:
    with serve(reset) as wire:
        found = examined(acme | {"XPLENTY_API_URL": wire.url})
    assert lines(found, "api")[0].startswith("FAILED: GET http://127.0.0.1")
    assert lines(found, "clock")[0].startswith("skipped: no answer")


def test_a_fault_on_the_way_is_reported_once(acme: dict[str, str]) -> None:
    found = examined(acme | {"XPLENTY_API_URL": "http://127.0.0.1:1"})
    assert lines(found, "network")[0].startswith("FAILED")
    assert lines(found, "api") == ["skipped: no answer; see what failed above; "]


@pytest.mark.parametrize(
    ("seconds", "status", "words"),
    [
        (301, "FAILED", "this host's clock is 5 min 1 s behind the API's (2026-01-31T12:05:01Z)"),
        (-3600, "FAILED", "this host's clock is 1 h ahead of the API's (2026-01-31T11:00:00Z)"),
        (299, "ok", "this host's clock is 4 min 59 s behind the API's"),
        (0, "ok", "as the API's"),
    ],
)
def test_a_clock_that_is_off(seconds: int, status: str, words: str) -> None:
    report = Report("clock")
    answered = Answer(came_at=NOW, server_clock=NOW + timedelta(seconds=seconds))
    service.clock(report, answered)
    assert one(report).startswith(f"{status}: {words}")
    assert ("timedatectl" in one(report)) == (status == "FAILED")


def test_a_clock_that_is_off_by_the_command(
    account: SimulatedAccount, acme: dict[str, str]
) -> None:
    account.date_offset = -7200
    assert lines(examined(acme), "clock")[0].startswith("FAILED: this host's clock is 2 h")
    account.date_offset = None
    assert lines(examined(acme), "clock")[0].startswith("skipped")


@pytest.mark.parametrize(
    ("limit", "remaining", "reserve", "line"),
    [
        (5000, 4000, None, "ok: 4,000 credits left of 5,000 an hour, 500 to be kept; "),
        (5000, 500, None, "warning: 500 credits left of 5,000 an hour, 500 to be kept; a run now"),
        (5000, 501, None, "ok: 501 credits left of 5,000 an hour, 500 to be kept; "),
        (400, 50, None, "ok: 50 credits left of 400 an hour, 40 to be kept; "),
        (5000, 0, 0, "warning: 0 credits left of 5,000 an hour, 0 to be kept; a run now stops"),
        (400, 300, 400, "FAILED: --reserve-credits 400 leaves nothing of the account's 400 cred"),
        (None, None, None, "ok: the API does not report them"),
        (None, 700, 600, "ok: 700 credits left, 600 to be kept; "),
    ],
)
def test_the_credits(
    limit: int | None, remaining: int | None, reserve: int | None, line: str
) -> None:
    report = Report("credits")
    service.credits_left(report, Answer(limit=limit, remaining=remaining), reserve)
    assert one(report).startswith(line)


def test_no_credits_without_an_answer() -> None:
    for answered in (None, Answer(Failure("x"))):
        report = Report("credits")
        service.credits_left(report, answered, None)
        assert one(report).startswith("skipped")


def test_the_credits_are_spent(acme: dict[str, str]) -> None:
    with serve(answer(429, headers="X-RateLimit-Remaining: 0\r\n")) as wire:
        found = examined(acme | {"XPLENTY_API_URL": wire.url})
    assert "the credits of this hour are spent" in lines(found, "api")[0]
    assert len(wire.requests) == 2  # a connection of the check of the network, and one request
