"""Writes records that cannot be stored as jobs into `rejected_records`, each once.

`rejects` reads and removes them. This never fails because of what a record contains: what the
database does not take is cut.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Executable, bindparam, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from snapshotter import __version__
from snapshotter.api.records import Reject
from snapshotter.store import backoff, sizes
from snapshotter.store.error_scope import UNSENDABLE, ErrorScope, scope_of
from snapshotter.store.fallback import execute_first_taken
from snapshotter.store.reject_payload import (
    LONGEST_REASON,
    NOTHING_CAME,
    NewReject,
    new_reject,
    shortened,
)
from snapshotter.store.rejects import CHARACTERS_AT_ONCE, ROWS_AT_ONCE, RejectState
from snapshotter.store.tables import REJECTS, among
from snapshotter.store.write import Stamp

_Key = tuple[int | None, str | None]  # a job's id, or without one the record's digest
_Values = dict[str, object]

# Built once: see `among`.
_OF_ACCOUNT = select(*(REJECTS.c[name] for name in RejectState._fields)).where(
    REJECTS.c.account_id == bindparam("account")
)
_BY_ID = _OF_ACCOUNT.where(among(REJECTS.c.job_id))
_BY_DIGEST = _OF_ACCOUNT.where(REJECTS.c.job_id.is_(None), among(REJECTS.c.digest))


def set_aside(
    connection: Connection, stamp: Stamp, rejects: Sequence[Reject], redact: Callable[[Any], Any]
) -> list[Reject]:
    """Set records aside; return those that this run has not set aside before."""
    fresh: list[Reject] = []
    for start in range(0, len(rejects), ROWS_AT_ONCE):
        some = rejects[start : start + ROWS_AT_ONCE]
        rows = [new_reject(each, redact) for each in some]
        before = _before(connection, stamp.account_id, rows)
        latest: dict[_Key, NewReject] = {}
        for reject, row in zip(some, rows, strict=True):
            key = (row.job_id, row.digest if row.job_id is None else None)
            known = before.get(key)
            if key not in latest and (known is None or known.snapshot_id != stamp.snapshot_id):
                fresh.append(reject)
            latest[key] = row
        inserts: list[_Values] = []
        for key, row in latest.items():
            known = before.get(key)
            if known is not None and row.digest in (None, known.digest):
                _note_again(connection, stamp, row, known)
                continue
            if known is not None:
                connection.execute(delete(REJECTS).where(REJECTS.c.id == known.id))
            inserts.append(_inserted(connection, stamp, row))
        _insert(connection, inserts)
    return fresh


def _before(
    connection: Connection, account_id: str, rows: Sequence[NewReject]
) -> dict[_Key, RejectState]:
    """Return the rows that these records have already."""
    ids = [row.job_id for row in rows if row.job_id is not None]
    digests = [row.digest for row in rows if row.job_id is None]
    found: dict[_Key, RejectState] = {}
    for statement, given in ((_BY_ID, ids), (_BY_DIGEST, digests)):
        if given:
            for row in connection.execute(statement, {"account": account_id, "ids": given}):
                known = RejectState(*row)
                found[known.job_id, known.digest if known.job_id is None else None] = known
    return found


def _note_again(connection: Connection, stamp: Stamp, row: NewReject, before: RejectState) -> None:
    """Note that a record came unchanged: as another attempt if it was due, else as seen."""
    if before.snapshot_id == stamp.snapshot_id and row.digest is not None:
        return  # pages overlap
    now = stamp.observed_at
    attempts, next_attempt_at = before.attempts or 0, before.next_attempt_at
    if before.is_due(now):
        attempts = attempts + 1 if before.program_version == __version__ else 1
        next_attempt_at = now + backoff.pause(attempts)
    values = _stamped(stamp, row, attempts, next_attempt_at)
    _store(connection, update(REJECTS).where(REJECTS.c.id == before.id).values, values)


def _inserted(connection: Connection, stamp: Stamp, row: NewReject) -> _Values:
    """Return the row of a record that is new or has changed."""
    payload = row.payload
    limit = sizes.limit_of(connection)
    if limit is not None and sizes.sent((payload, row.reason)) > limit - sizes.sent([""] * 99):
        payload = shortened(payload)
    return _stamped(stamp, row, 1, stamp.observed_at + backoff.pause(1)) | {
        "account_id": stamp.account_id,
        "job_id": row.job_id,
        "payload": payload,
        "digest": row.digest,
    }


def _stamped(
    stamp: Stamp, row: NewReject, attempts: int, next_attempt_at: datetime | None
) -> _Values:
    return {
        "snapshot_id": stamp.snapshot_id,
        "reason": row.reason,
        "rejected_at": stamp.observed_at,
        "program_version": __version__,
        "attempts": attempts,
        "next_attempt_at": next_attempt_at,
    }


def _insert(connection: Connection, rows: Sequence[_Values]) -> None:
    """Insert all rows at once, or one by one if the database refuses that."""
    length = sum(len(str(values["payload"])) for values in rows)
    if len(rows) > 1 and length < CHARACTERS_AT_ONCE:
        try:
            with connection.begin_nested():
                connection.execute(insert(REJECTS), rows)
        except (SQLAlchemyError, *UNSENDABLE) as error:
            if scope_of(error) is ErrorScope.DATABASE:
                raise
        else:
            return
    for values in rows:
        _store(connection, insert(REJECTS).values, values)


def _store(
    connection: Connection, statement: Callable[[_Values], Executable], values: _Values
) -> None:
    """Execute, with less and less of the record's content until the database takes it."""
    execute_first_taken(connection, map(statement, _less_and_less(values)))


def _less_and_less(values: _Values) -> Iterator[_Values]:
    yield values
    reason = str(values["reason"]).encode("ascii", "backslashreplace").decode()[:LONGEST_REASON]
    yield {**values, "reason": reason}
    if "payload" in values:
        yield {**values, "reason": reason, "payload": shortened(str(values["payload"]))}
        yield {**values, "reason": reason, "payload": NOTHING_CAME}
