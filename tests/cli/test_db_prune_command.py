"""`snapshotter db prune` as a user runs it."""

from datetime import timedelta
from pathlib import Path

import pytest
from accounts import add
from sqlalchemy import update
from syncer import Syncer, command, history

from snapshotter.store.lock import lock
from snapshotter.store.tables import JOBS
from snapshotter.times import now

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OLD = ("db", "prune", "--older-than", "52w")


@pytest.fixture
def aged(syncer: Syncer) -> Syncer:
    """Return an account with five jobs of two years ago, and three of today."""
    today = now().replace(microsecond=0)
    for days, jobs in ((730, 5), (0, 3)):
        syncer.account.now = today - timedelta(days=days)
        history(syncer.account, jobs)
    syncer()
    return syncer


@sqlite
def test_it_asks_and_removes_and_sync_leaves_it_so(aged: Syncer) -> None:
    done = command(aged, *OLD, "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    what, when = done.stdout.splitlines()
    planned = "5 jobs with outputs, fields and history, 0 rejected records and 0 runs"
    assert what == f"account acme: {planned}"
    assert when.startswith("would be removed, as older than 20")
    done = command(aged, *OLD)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"snapshotter: this would remove {planned}, older than 20")
    assert done.stderr.endswith(", of acme for good; add --yes\n")
    assert len(aged.rows(JOBS)) == 8
    done = command(aged, *OLD, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"removed: {planned}\n'snapshotter db vacuum' returns the space to the file system\n"
    )
    assert len(aged.rows(JOBS)) == 3
    assert command(aged, *OLD).stdout.startswith("nothing is older than 20")
    assert "8 jobs seen, 0 new, 0 changed, " in command(aged, "sync", "--full").stdout
    assert "  stored: 3 jobs, and 5 pruned\n" in command(aged, "status").stdout
    assert command(aged, "verify").returncode == 0


@sqlite
def test_a_run_in_progress_keeps_its_account_and_no_other(aged: Syncer) -> None:
    add(aged.engine, "beta", 900_001)
    with aged.engine.begin() as connection:
        connection.execute(update(JOBS).values(finished_at=now() - timedelta(days=9)))
    with lock(aged.engine, "acme"):
        done = command(aged, "db", "prune", "--older-than", "1d", "--yes")
    assert done.returncode == 75
    assert "a run of account acme is in progress, and nothing of it was removed" in done.stderr
    assert done.stdout.startswith("removed: 1 job ")
    assert {row["account_id"] for row in aged.rows(JOBS)} == {"acme"}


@sqlite
def test_an_account_is_named_as_in_the_configuration_file(aged: Syncer, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("[accounts.main]\naccount_id = 'acme'")
    done = command(aged, *OLD, "--dry-run", "--account", "main", "--config", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("account acme: 5 jobs ")


@sqlite
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--older-than", "0d"], "'0d' is not a length of time"),
        (["--older-than", "0.5d"], "'0.5d' is less than a day"),
        (["--older-than", "12h"], "'12h' is not in days, weeks or years; expected something like"),
        (["--older-than", "2"], "'2' has no unit; did you mean 2d?"),
        (["--older-than", "2q"], "'2q' is not a length of time"),
        (["--older-than", "3000y"], "--older-than: that is before the first year"),
        (
            ["--older-than", "2y", "--account", "acne"],
            "no account 'acne' in this database; did you",
        ),
        ([], "Missing option '--older-than'"),
    ],
)
def test_nonsense_is_refused(syncer: Syncer, words: list[str], reason: str) -> None:
    add(syncer.engine, "acme", 1)
    done = command(syncer, "db", "prune", *words)
    assert (done.returncode, reason in done.stderr) == (2, True), done.stderr
    assert len(syncer.rows(JOBS)) == 1
