"""Keeps `output_days` equal to the jobs and outputs that it counts, if nobody else changes them.

What changes a job recounts its package's day in the same transaction. During an account's first
load its days are left out, because most would be recounted with many pages, and are counted once at
the end. As long as they are left out, `accounts.output_days_since` is null, and the trends count
the outputs themselves. The account's lock is held by whoever writes its rows.
"""

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Delete,
    Engine,
    Insert,
    Table,
    and_,
    bindparam,
    case,
    delete,
    distinct,
    func,
    insert,
    literal_column,
    select,
    true,
    tuple_,
    update,
)

from snapshotter.flatten import Row
from snapshotter.store.lock import lock
from snapshotter.store.tables import ACCOUNTS, JOBS, OUTPUT_DAYS, OUTPUTS, among, chunks
from snapshotter.times import now

Group = tuple[int | None, date | None]  # a package and a day

_COMPLETED = "completed"
_ACCOUNT: BindParameter[str] = bindparam("account_id")
_BILLION: ColumnElement[int] = literal_column("1000000000", BigInteger)
_SINCE = select(ACCOUNTS.c.output_days_since).where(ACCOUNTS.c.account_id == _ACCOUNT)
# Written out, so that every planner knows which index has these jobs.
_IS_COUNTED = and_(
    JOBS.c.status == literal_column(f"'{_COMPLETED}'"), JOBS.c.account_id == _ACCOUNT
)
# Accounts whose first load has ended, and whose outputs are not counted yet.
_WAITING = (ACCOUNTS.c.watermark.is_not(None), ACCOUNTS.c.output_days_since.is_(None))


def _counting(condition: ColumnElement[bool]) -> Insert:
    """Return the statement that counts the outputs of the account's jobs that match."""
    number = OUTPUTS.c.records_count
    is_number = number.between(literal_column("0"), literal_column("10000000000000000"))
    records = case((is_number, number))
    columns: dict[str, ColumnElement[Any]] = {
        "first_output_id": func.min(OUTPUTS.c.id),
        "account_id": JOBS.c.account_id,
        "package_id": JOBS.c.package_id,
        "run_date": JOBS.c.run_date,
        "name": OUTPUTS.c.name,
        "runs": func.count(distinct(JOBS.c.id)),  # a job may have two outputs with the same name
        "zero_runs": func.count(distinct(case((is_number, JOBS.c.id))))
        - func.count(distinct(case((and_(is_number, number != literal_column("0")), JOBS.c.id)))),
        "billions": func.sum((records - records % _BILLION) // _BILLION),
        "rest": func.sum(records % _BILLION),
    }
    counted = (
        select(*columns.values())
        .join_from(JOBS, OUTPUTS, OUTPUTS.c.job_id == JOBS.c.id)
        .where(_IS_COUNTED, condition)
        .group_by(JOBS.c.package_id, JOBS.c.account_id, OUTPUTS.c.name, JOBS.c.run_date)
    )
    return insert(OUTPUT_DAYS).from_select([*columns], counted)


def _is_one(table: Table) -> ColumnElement[bool]:
    """Return the condition that a row is of one group."""
    return and_(
        table.c.package_id.is_not_distinct_from(bindparam("package_id")),
        table.c.run_date.is_not_distinct_from(bindparam("day")),
    )


def _is_of_some(table: Table) -> dict[tuple[bool, bool], ColumnElement[bool]]:
    """Return the conditions that a row is of `groups`, by which of a group's parts is null."""
    package, day = table.c.package_id, table.c.run_date
    groups: BindParameter[object] = bindparam("groups", expanding=True)
    return {
        (False, False): tuple_(package, day).in_(groups),
        (False, True): and_(package.in_(groups), day.is_(None)),
        (True, False): and_(package.is_(None), day.in_(groups)),
        (True, True): and_(package.is_(None), day.is_(None)),
    }


def _removing(condition: ColumnElement[bool]) -> Delete:
    return delete(OUTPUT_DAYS).where(OUTPUT_DAYS.c.account_id == _ACCOUNT, condition)


def _freeing(condition: ColumnElement[bool], *, joins: bool) -> Delete:
    """Return the statement that removes the rows whose keys are outputs of jobs that are counted.

    Somebody who has changed jobs by SQL has left such rows in other groups. `joins`: whether the
    database joins tables in a `delete`; SQLite does not, and MariaDB is slow without.
    """
    is_output = and_(_IS_COUNTED, condition, OUTPUTS.c.job_id == JOBS.c.id)
    if joins:
        return delete(OUTPUT_DAYS).where(OUTPUT_DAYS.c.first_output_id == OUTPUTS.c.id, is_output)
    of_these = select(OUTPUTS.c.id).where(is_output)
    return delete(OUTPUT_DAYS).where(OUTPUT_DAYS.c.first_output_id.in_(of_these))


# Built once: a statement made of the groups themselves would stay in memory during a load. All rows
# are removed before the first is inserted: an output may be the first of another group now.
_STORED = select(JOBS.c.package_id, JOBS.c.run_date, JOBS.c.status).where(among(JOBS.c.id))
_FILL = (_removing(true()), _counting(true()))
_EACH = (
    _removing(_is_one(OUTPUT_DAYS)),
    _freeing(_is_one(JOBS), joins=False),
    _counting(_is_one(JOBS)),
)
_SOME = (
    {nulls: _removing(condition) for nulls, condition in _is_of_some(OUTPUT_DAYS).items()},
    {nulls: _freeing(condition, joins=True) for nulls, condition in _is_of_some(JOBS).items()},
    {nulls: _counting(condition) for nulls, condition in _is_of_some(JOBS).items()},
)


def groups_of(jobs: Iterable[Row]) -> set[Group]:
    """Return the groups that these rows of jobs are counted in."""
    return {(job["package_id"], job["run_date"]) for job in jobs if job["status"] == _COMPLETED}


def stored_groups(connection: Connection, job_ids: Iterable[int]) -> set[Group]:
    """Return the groups that these jobs are counted in, as they are stored."""
    groups = set[Group]()
    for ids in chunks(job_ids):
        found = connection.execute(_STORED, {"ids": ids}).mappings()
        groups |= groups_of(dict(row) for row in found)
    return groups


def recount(connection: Connection, account_id: str, groups: Collection[Group]) -> None:
    """Count these groups of an account anew, unless its days are left out."""
    mine = {"account_id": account_id}
    if not groups or connection.execute(_SINCE, mine).scalar() is None:
        return
    # SQLite uses no index for a list of pairs, and a statement for each costs it no round trip.
    if connection.dialect.name == "sqlite":
        for each in _EACH:
            connection.execute(each, [{**mine, "package_id": p, "day": day} for p, day in groups])
        return
    by_nulls: dict[tuple[bool, bool], list[object]] = {}
    for package_id, day in groups:
        one = package_id if day is None else day  # the part that is not null
        nulls = package_id is None, day is None
        by_nulls.setdefault(nulls, []).append(one if any(nulls) else (package_id, day))
    for statements in _SOME:
        for nulls, values in by_nulls.items():
            for some in chunks(values):
                connection.execute(statements[nulls], {**mine, "groups": some})


def waiting(engine: Engine) -> list[str]:
    """Return the accounts whose first load has ended and whose outputs are still to be counted."""
    with engine.connect() as connection:
        accounts = select(ACCOUNTS.c.account_id).where(*_WAITING).order_by(ACCOUNTS.c.account_id)
        return [*connection.execute(accounts).scalars()]


def leave_out(engine: Engine) -> None:
    """Leave the days of all accounts out, since no job is stored, and have them counted later."""
    with engine.begin() as connection:
        connection.execute(update(ACCOUNTS).values(output_days_since=None))


def fill(connection: Connection, account_id: str) -> None:
    """Count all outputs of an account, if it waits for that."""
    mine = ACCOUNTS.c.account_id == account_id
    counted = update(ACCOUNTS).where(mine, *_WAITING).values(output_days_since=now())
    if connection.execute(counted).rowcount:
        for each in _FILL:
            connection.execute(each, {"account_id": account_id})


def fill_all(engine: Engine) -> None:
    """Count what waits; an account that is being read counts its outputs at the end of that run."""
    for account_id in waiting(engine):
        with lock(engine, account_id) as check_lock:
            if check_lock is not None:
                with engine.begin() as connection:
                    fill(connection, account_id)
