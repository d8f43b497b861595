"""What is stored of each account; removing one, and renaming one."""

import pytest
from accounts import NOW, add
from sqlalchemy import Engine, func, insert, select

from snapshotter.errors import Stopped, UsageError
from snapshotter.models import METADATA
from snapshotter.store import accounts
from snapshotter.store.accounts import NAMED, find, forget, rename, stored
from snapshotter.store.lock import lock
from snapshotter.store.tables import (
    ACCOUNTS,
    CHANGES,
    FIELDS,
    JOBS,
    LOG_SUMMARIES,
    OUTPUTS,
    PRUNED,
    REJECTS,
    SNAPSHOTS,
)

TABLES = (ACCOUNTS, SNAPSHOTS, REJECTS, JOBS, OUTPUTS, FIELDS, CHANGES, LOG_SUMMARIES)
sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        found = [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in TABLES
        ]
    return {table.name: n for table, n in zip(TABLES, found, strict=True)}


def test_what_is_stored(engine: Engine) -> None:
    add(engine, "beta", 1, 2)
    add(engine, "acme", answered=False)
    acme, beta = stored(engine)
    assert acme == accounts.Stored("acme", 0, 1, 1, NOW, NOW)
    assert beta == accounts.Stored("beta", 2, 1, 1, NOW, NOW)
    with pytest.raises(UsageError, match="no account 'acne' in this database; did you mean 'acme'"):
        find(stored(engine), "acne")


def test_every_table_that_names_an_account_is_known() -> None:
    named = {table.name for table in METADATA.sorted_tables if "account_id" in table.c}
    assert {table.name for table in NAMED} == named


def test_forgetting_removes_all_of_one_and_nothing_of_others(engine: Engine) -> None:
    add(engine, "beta", 1, 2)
    before = counts(engine)
    add(engine, "acme", 3, 4)
    with pytest.raises(UsageError, match="account 'acme' has 2 jobs; --with-jobs"):
        forget(engine, "acme", with_jobs=False)
    assert counts(engine)["jobs"] == 4
    assert forget(engine, "acme", with_jobs=True).jobs == 2
    assert counts(engine) == before
    assert [each.account_id for each in stored(engine)] == ["beta"]


@sqlite
def test_pruned_jobs_are_jobs_of_the_account(engine: Engine) -> None:
    add(engine, "acme")
    add(engine, "beta", 1)
    with engine.begin() as connection:
        connection.execute(insert(PRUNED).values(job_id=7, account_id="acme", pruned_at=NOW))
    assert [each.pruned for each in stored(engine)] == [1, 0]
    with pytest.raises(UsageError, match="'acme' has 0 jobs and 1 pruned; --with-jobs removes"):
        forget(engine, "acme", with_jobs=False)
    with pytest.raises(UsageError, match="'acme' has 0 jobs and 1 pruned of its own, and two"):
        rename(engine, "beta", "acme")
    assert forget(engine, "acme", with_jobs=True).pruned == 1
    assert [each.account_id for each in stored(engine)] == ["beta"]


@sqlite
def test_a_mistyped_account_goes_without_more(engine: Engine) -> None:
    add(engine, "acem")
    assert forget(engine, "acem", with_jobs=False).runs == 1
    assert stored(engine) == []


def test_renaming_moves_every_row(engine: Engine) -> None:
    add(engine, "acme", 1, 2)
    add(engine, "acme-group")  # its failed tries
    assert rename(engine, "acme", "acme-group").jobs == 2
    (account,) = stored(engine)
    assert (account.account_id, account.jobs, account.runs) == ("acme-group", 2, 2)
    with engine.connect() as connection:
        (row,) = connection.execute(select(ACCOUNTS)).all()
    assert (row.account_id, row.watermark) == ("acme-group", NOW)


@sqlite
def test_two_histories_are_not_joined(engine: Engine) -> None:
    add(engine, "acme", 1)
    add(engine, "beta", 2)
    with pytest.raises(UsageError, match="'beta' has 1 job of its own"):
        rename(engine, "acme", "beta")
    with pytest.raises(UsageError, match="has this name"):
        rename(engine, "acme", "acme")
    assert [each.jobs for each in stored(engine)] == [1, 1]


@pytest.mark.parametrize("busy", ["acme", "beta"])
def test_nothing_changes_while_a_run_is_under_way(engine: Engine, busy: str) -> None:
    add(engine, "acme", 1)
    with lock(engine, busy) as hold:
        assert hold is not None
        with pytest.raises(Stopped, match=f"a run of account {busy} is in progress"):
            rename(engine, "acme", "beta")
    assert [each.account_id for each in stored(engine)] == ["acme"]
