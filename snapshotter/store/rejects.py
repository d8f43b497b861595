"""The records set aside, in `rejected_records`: whole, with the reason, until they can be stored.

Each is tried again after a pause that grows, at once if it or this program has changed. To set a
record aside never fails for what the record holds: what the database does not take is cut.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from snapshotter import __version__
from snapshotter.api.records import Record, Reject, read_all, time_in
from snapshotter.printable import printable
from snapshotter.store import backoff, reasons, sizes
from snapshotter.store.causes import UNSENDABLE, Cause, cause
from snapshotter.store.tables import JOBS, REJECTS, chunks, live
from snapshotter.store.write import Run

_NOTHING_CAME = "null"  # the payload of a job whose own call fails
_CUT = "$cut"  # the beginning of a payload that is too long
_KEPT_OF_A_CUT_ONE = ("id", "created_at", "updated_at")
# All that is kept of a record that nests too deep, or is cut.
_OF_A_HOLLOW_ONE = {*_KEPT_OF_A_CUT_ONE, _CUT}
_TOLD_BY_LISTS = ("package", "cluster")  # in more detail than by a job's own call
_LONGEST_REASON = 2_000  # characters
_SHORT = 10_000  # characters of a payload, if the database does not take all of it
_AT_ONCE = 8_000_000  # characters of payloads that are read at once


class SetAside(NamedTuple):
    """A row of `rejected_records`; `payload` is JSON text, secrets hidden."""

    id: int
    account_id: str
    job_id: int | None
    reason: str
    payload: str
    rejected_at: datetime


class Waiting(NamedTuple):
    """What is known of a record that is set aside, without the record."""

    id: int
    account_id: str
    job_id: int | None
    reason: str
    rejected_at: datetime
    snapshot_id: int
    attempts: int | None
    next_attempt_at: datetime | None
    program_version: str | None
    digest: str | None

    @property
    def has_come(self) -> bool:
        """Whether there is a record: of a job whose own call fails there is none."""
        return self.digest is not None

    def is_due(self, now: datetime) -> bool:
        if self.program_version != __version__:
            return True
        return backoff.is_due(self.next_attempt_at, self.attempts or 0, now)


@dataclass(frozen=True)
class Group:
    """Records that are set aside for the same reason. `job_ids` are the first few."""

    reason: str
    count: int
    job_ids: list[int]
    first_at: datetime
    last_at: datetime
    next_attempt_at: datetime | None


class _Row(NamedTuple):
    """A record to be set aside; `digest` is of the whole record, None if nothing came."""

    job_id: int | None
    reason: str
    payload: str
    digest: str | None


# To set aside


def set_aside(
    connection: Connection, run: Run, rejects: Sequence[Reject], redact: Callable[[Any], Any]
) -> list[Reject]:
    """Set records aside, each once; return those that this run has not there already."""
    fresh: list[Reject] = []
    for start in range(0, len(rejects), 500):
        some = rejects[start : start + 500]
        rows = [_row(each, redact) for each in some]
        before = _before(connection, run.account_id, rows)
        news: dict[tuple[int | None, str | None], _Row] = {}
        for reject, row in zip(some, rows, strict=True):
            key = (row.job_id, row.digest if row.job_id is None else None)
            known = before.get(key)
            if key not in news and (known is None or known.snapshot_id != run.snapshot_id):
                fresh.append(reject)
            news[key] = row
        inserts = [_put(connection, run, row, before.get(key)) for key, row in news.items()]
        _insert(connection, [values for values in inserts if values is not None])
    return fresh


def _row(reject: Reject, redact: Callable[[Any], Any]) -> _Row:
    reason = printable(reject.reason)[:_LONGEST_REASON]
    if reject.payload is None and reject.job_id is not None:
        return _Row(reject.job_id, reason, _NOTHING_CAME, None)
    try:
        document = redact(reject.payload)
        payload = json.dumps(document)
    except (ValueError, RecursionError, OverflowError):  # too deep, or a number past all others
        document = payload = _cut(reject.payload, "")
    if reject.job_id is None and not isinstance(document, dict):
        # Places of the list that cannot be read may all have answered with the same words.
        document = [reason, document]
    return _Row(reject.job_id, reason, payload, _digest(document))


def _digest(document: Any) -> str:
    """Return what is the same for a record as lists tell it and as its own call does."""
    if isinstance(document, dict):
        document = {name: document[name] for name in document if name not in _TOLD_BY_LISTS}
    told = json.dumps(document, sort_keys=True)
    return blake2b(told.encode(), digest_size=16).hexdigest()


def _cut(document: Any, text: str) -> str:
    """Return a payload that has but the record's id and times, and the beginning of its text."""
    kept = {}
    if isinstance(document, dict):
        kept = {
            name: document[name]
            for name in _KEPT_OF_A_CUT_ONE
            if isinstance(document.get(name), int | str) and len(str(document[name])) < 100  # noqa: PLR2004
        }
    return json.dumps({**kept, _CUT: text[:_SHORT]})


class _Before(NamedTuple):
    id: int
    snapshot_id: int
    attempts: int | None
    next_attempt_at: datetime | None
    program_version: str | None
    digest: str | None


def _before(
    connection: Connection, account_id: str, rows: Sequence[_Row]
) -> dict[tuple[int | None, str | None], _Before]:
    """Return what is set aside already of these records, by job id, else by digest."""
    columns = [REJECTS.c.job_id, *(REJECTS.c[name] for name in _Before._fields)]
    statement = select(*columns).where(REJECTS.c.account_id == account_id)
    ids = [row.job_id for row in rows if row.job_id is not None]
    digests = [row.digest for row in rows if row.job_id is None]
    found: dict[tuple[int | None, str | None], _Before] = {}
    for which in (
        REJECTS.c.job_id.in_(ids) if ids else None,
        REJECTS.c.job_id.is_(None) & REJECTS.c.digest.in_(digests) if digests else None,
    ):
        if which is not None:
            for job_id, *values in connection.execute(statement.where(which)):
                known = _Before(*values)
                found[job_id, known.digest if job_id is None else None] = known
    return found


def _put(
    connection: Connection, run: Run, row: _Row, before: _Before | None
) -> dict[str, Any] | None:
    """Change the row of a record; return the values of the row that is to be inserted instead."""
    now = run.observed_at
    values: dict[str, Any] = {
        "snapshot_id": run.snapshot_id,
        "reason": row.reason,
        "rejected_at": now,
        "program_version": __version__,
    }
    attempts = 1
    if before is not None and row.digest in (None, before.digest):
        if before.snapshot_id == run.snapshot_id and row.digest is not None:
            return None  # pages overlap
        # The same again: tried once more if it was due, else just met on the way.
        attempts = before.attempts or 0
        same_version = before.program_version == __version__
        if same_version and not backoff.is_due(before.next_attempt_at, attempts, now):
            values["next_attempt_at"] = before.next_attempt_at
        else:
            attempts = attempts + 1 if same_version else 1
            values["next_attempt_at"] = now + backoff.pause(attempts)
        values["attempts"] = attempts
        change = update(REJECTS).where(REJECTS.c.id == before.id)
        _store(connection, change.values, values)
        return None
    if before is not None:
        connection.execute(delete(REJECTS).where(REJECTS.c.id == before.id))
    values |= {
        "account_id": run.account_id,
        "job_id": row.job_id,
        "payload": row.payload,
        "digest": row.digest,
        "attempts": attempts,
        "next_attempt_at": now + backoff.pause(attempts),
    }
    limit = sizes.limit_of(connection)
    if limit is not None and sizes.sent((row.payload, row.reason)) > limit - sizes.sent([""] * 99):
        values["payload"] = _shortened(row.payload)
    return values


def _insert(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert all at once, and if the database refuses that, each alone."""
    if len(rows) > 1 and sum(len(values["payload"]) for values in rows) < _AT_ONCE:
        try:
            with connection.begin_nested():
                connection.execute(insert(REJECTS), rows)
        except (SQLAlchemyError, *UNSENDABLE) as error:
            if cause(error) is Cause.DATABASE:
                raise
        else:
            return
    for values in rows:
        _store(connection, insert(REJECTS).values, values)


def _store(
    connection: Connection, statement: Callable[[dict[str, Any]], Any], values: dict[str, Any]
) -> None:
    """Execute, with less and less of what the record holds until the database takes it."""
    refused: Exception | None = None
    for some in _less_and_less(values):
        try:
            with connection.begin_nested():
                connection.execute(statement(some))
        except (SQLAlchemyError, *UNSENDABLE) as error:
            if cause(error) is Cause.DATABASE:
                raise
            refused = error
        else:
            return
    if refused is not None:
        raise refused


def _less_and_less(values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield values
    plain = values["reason"].encode("ascii", "backslashreplace").decode()[:_LONGEST_REASON]
    yield {**values, "reason": plain}
    if "payload" in values:
        yield {**values, "reason": plain, "payload": _shortened(values["payload"])}
        yield {**values, "reason": plain, "payload": _NOTHING_CAME}


def _shortened(payload: str) -> str:
    try:
        return _cut(json.loads(payload), payload)
    except (ValueError, RecursionError):
        return _cut(None, payload)


# To forget


def forget(connection: Connection, account_id: str, job_ids: Iterable[int]) -> None:
    """Remove what was set aside of these jobs: they could be read, or are gone."""
    mine = REJECTS.c.account_id == account_id
    for ids in chunks(job_ids):
        connection.execute(delete(REJECTS).where(mine, REJECTS.c.job_id.in_(ids)))


def forget_rows(connection: Connection, row_ids: Iterable[int]) -> None:
    for ids in chunks(row_ids):
        connection.execute(delete(REJECTS).where(REJECTS.c.id.in_(ids)))


def note_version(engine: Engine, row_ids: Iterable[int]) -> None:
    """Note that this version of the program has tried these."""
    with engine.begin() as connection:
        for ids in chunks(row_ids):
            tried = update(REJECTS).where(REJECTS.c.id.in_(ids))
            connection.execute(tried.values(program_version=__version__))


# To read


def listed(
    engine: Engine, account_id: str | None = None, *, with_id: bool = False
) -> Iterator[SetAside]:
    """Yield what is set aside, oldest first, a few megabytes at a time.

    `with_id`: just the records that name their job.
    """
    sizes_of = select(REJECTS.c.id, func.length(REJECTS.c.payload))
    sizes_of = sizes_of.where(*_which(account_id)).order_by(REJECTS.c.id)
    if with_id:
        sizes_of = sizes_of.where(REJECTS.c.job_id.is_not(None))
    with engine.connect() as connection:
        lengths = [(row[0], int(row[1])) for row in connection.execute(sizes_of)]
    statement = select(*(REJECTS.c[name] for name in SetAside._fields)).order_by(REJECTS.c.id)
    for ids in _batches(lengths):
        with engine.connect() as connection:
            rows = connection.execute(statement.where(REJECTS.c.id.in_(ids))).all()
        for row in rows:
            yield SetAside(*row)


def _batches(lengths: Iterable[tuple[int, int]]) -> Iterator[list[int]]:
    """Cut rows, as (id, characters), into batches that are read at once."""
    batch: list[int] = []
    size = 0
    for row_id, length in lengths:
        if batch and (size + length > _AT_ONCE or len(batch) == 500):  # noqa: PLR2004 - ids in a list
            yield batch
            batch, size = [], 0
        batch.append(row_id)
        size += length
    if batch:
        yield batch


def record(engine: Engine, row_id: int) -> SetAside | None:
    """Return one row with its record; None if it has left the table."""
    statement = select(*(REJECTS.c[name] for name in SetAside._fields))
    with engine.connect() as connection:
        row = connection.execute(statement.where(REJECTS.c.id == row_id)).first()
    return None if row is None else SetAside(*row)


def waiting(engine: Engine, account_id: str | None = None) -> list[Waiting]:
    """Return all that is set aside, without the records: what has waited longest comes first."""
    statement = select(*(REJECTS.c[name] for name in Waiting._fields)).order_by(
        REJECTS.c.next_attempt_at.is_not(None), REJECTS.c.next_attempt_at, REJECTS.c.id
    )
    with engine.connect() as connection:
        return [Waiting(*row) for row in connection.execute(statement.where(*_which(account_id)))]


def grouped(engine: Engine, account_id: str | None = None) -> list[Group]:
    """Return what is set aside by its reasons, the most frequent first."""
    groups: dict[str, Group] = {}
    for row in sorted(waiting(engine, account_id), key=lambda row: row.id):
        reason = reasons.group_of(row.reason)
        known = groups.get(reason) or Group(reason, 0, [], row.rejected_at, row.rejected_at, None)
        is_first = row.job_id is not None and len(known.job_ids) < reasons.SHOWN
        next_at = [at for at in (known.next_attempt_at, row.next_attempt_at) if at is not None]
        groups[reason] = Group(
            reason,
            known.count + 1,
            [*known.job_ids, row.job_id] if is_first and row.job_id is not None else known.job_ids,
            min(known.first_at, row.rejected_at),
            max(known.last_at, row.rejected_at),
            min(next_at, default=None),
        )
    return sorted(groups.values(), key=lambda group: -group.count)


def count(engine: Engine, account_id: str) -> int:
    statement = select(func.count()).select_from(REJECTS).where(*_which(account_id))
    with engine.connect() as connection:
        return int(connection.execute(statement).scalar_one())


def only_here(account_id: str) -> tuple[ColumnElement[bool], ...]:
    """Return the condition on what the list should have besides the jobs that are stored.

    Of a job whose own call fails nothing says that the list has it.
    """
    stored = exists().where(JOBS.c.id == REJECTS.c.job_id, *live(account_id))
    came = REJECTS.c.job_id.is_(None) | REJECTS.c.digest.is_not(None)
    return REJECTS.c.account_id == account_id, came, ~stored


def _which(account_id: str | None) -> Iterator[ColumnElement[bool]]:
    if account_id is not None:
        yield REJECTS.c.account_id == account_id


def time_of(row: SetAside, name: str) -> datetime | None:
    """Return a time of the record, if it has one that can be read."""
    return time_in(json.loads(row.payload), name)


def is_whole(row: SetAside) -> bool:
    """Whether all of the record is kept."""
    document = json.loads(row.payload)
    is_hollow = isinstance(document, dict) and document.keys() <= _OF_A_HOLLOW_ONE
    return not is_hollow and (row.job_id is None or document is not None)


def read_again(row: SetAside) -> Record | Reject:
    """Read a record as it is kept: this version may understand what an earlier one did not."""
    (found,) = read_all([row.payload.encode()])
    if is_whole(row) and row.job_id in (None, found.job_id):
        return found
    return Reject(row.job_id, None, row.reason, json.loads(row.payload))
