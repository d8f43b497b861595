"""The database, as `doctor` reports it, whatever its kind: reached or not, and without secrets."""

from datetime import UTC, datetime

import pytest
from command_line import Run
from examined import examined, lines
from examined import found as printed
from middlemen import silent

from snapshotter.simulator.account import SimulatedAccount


@pytest.fixture
def account() -> SimulatedAccount:
    return SimulatedAccount(now=datetime.now(UTC))


def found(url: str, timeout: float = 5.0) -> list[str]:
    return lines(examined({}, url, timeout=timeout), "database")


def test_a_database_that_is_well(run: Run, acme: dict[str, str], database_url: str) -> None:
    done = run("doctor", "--json", "--database", database_url, **acme)
    assert done.returncode == 0, done.stdout
    checks = printed(done)
    assert {each.status for name in ("database", "schema") for each in checks[name]} == {"ok"}
    assert lines(checks, "lock")[0].startswith("ok: not held")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "the database's URL cannot be read"),
        ("oracle://joe:hunter2@h/x", "no database driver 'oracle'"),
        ("postgresql://joe:hunt@er2@h/x", "percent-encode @"),
        ("sqlite://", "a SQLite database in memory is lost"),
    ],
)
def test_a_url_that_cannot_be_read(url: str, words: str) -> None:
    checks = examined({}, url)
    (line,) = lines(checks, "database")
    assert line.startswith("FAILED: ")
    assert words in line
    assert lines(checks, "disk")[0].startswith("skipped: ")
    assert lines(checks, "schema") == ["skipped: there is no database to look into; "]
    assert "hunter2" not in str(checks)
    assert "er2" not in str(checks)


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_nobody_listens(kind: str) -> None:
    (line,) = found(f"{kind}://joe:hunter2@127.0.0.1:1/x")
    assert line.startswith("FAILED: the database cannot be used")
    assert "hunter2" not in line


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_server_that_hangs(kind: str) -> None:
    with silent() as port:
        (line,) = found(f"{kind}://joe@127.0.0.1:{port}/x", timeout=0.1)
    assert line.startswith("FAILED: ")
