"""`snapshotter accounts` as a user runs it."""

from pathlib import Path

import pytest
from accounts import NOW, add
from command import Done, run
from sqlalchemy import Engine, insert

from snapshotter.store.accounts import stored
from snapshotter.store.tables import PRUNED

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def command(engine: Engine, *words: str) -> Done:
    url = engine.url.render_as_string(hide_password=False)
    return run(words, env={"SNAPSHOTTER_DATABASE_URL": url})


@pytest.mark.slow
@sqlite
def test_listing_renaming_and_forgetting(engine: Engine) -> None:
    assert command(engine, "accounts").stdout == (
        "no accounts yet; 'snapshotter sync' adds the first\n"
    )
    add(engine, "acme", 1, 2)
    assert command(engine, "accounts").stdout == (
        "account        jobs      runs  first run             last run\n"
        "acme              2         1  2026-01-31T12:00:00Z  2026-01-31T12:00:00Z\n"
    )
    with engine.begin() as connection:
        connection.execute(insert(PRUNED).values(job_id=7, account_id="acme", pruned_at=NOW))
    assert command(engine, "accounts").stdout == (
        "account        jobs      pruned      runs  first run             last run\n"
        "acme              2           1         1  2026-01-31T12:00:00Z  2026-01-31T12:00:00Z\n"
    )
    done = command(engine, "accounts", "rename", "acme", "acme-group")
    assert done.stdout == "account acme is now acme-group: 2 jobs, 1 run\n"
    done = command(engine, "accounts", "rename", "acme-group", "a/b")
    assert (done.returncode, "not a valid account id" in done.stderr) == (2, True)
    done = command(engine, "accounts", "forget", "acme-grup")
    assert (done.returncode, done.stderr) == (
        2,
        "snapshotter: no account 'acme-grup' in this database; did you mean 'acme-group'?\n",
    )
    # Before the subcommand it would name the database of the list alone.
    done = command(engine, "accounts", "--database", "sqlite:///x.db", "forget", "acme-group")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "snapshotter: give --database after 'forget'\n"
    done = command(engine, "accounts", "forget", "acme-group", "--with-jobs")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        "snapshotter: this would remove 2 jobs and 1 pruned with outputs, 1 "
    )
    done = command(engine, "accounts", "forget", "acme-group", "--with-jobs", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("removed: 2 jobs and 1 pruned with outputs, 1 run and 1 record")
    assert stored(engine) == []


@pytest.mark.parametrize("words", [("rename", "acme", "acme-eu"), ("forget", "acme")])
def test_a_database_that_is_missing_is_not_created(words: tuple[str, ...], tmp_path: Path) -> None:
    done = run(["accounts", *words], cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("snapshotter: no database at 'job_history.db'; ")
    assert list(tmp_path.iterdir()) == []
