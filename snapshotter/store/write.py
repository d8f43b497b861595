"""Writes jobs: all of a batch at once, and if the database refuses that, every job that it takes.

A job and its outputs and fields are written together or not at all.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, delete, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from snapshotter.flatten import JobRows, Row
from snapshotter.store import output_days, sizes
from snapshotter.store.bulk import encode, insert_encoded, update_rows
from snapshotter.store.error_scope import UNSENDABLE, ErrorScope, scope_of, words
from snapshotter.store.prepared import (
    FIELD_NAMES,
    FLATTENED,
    OUTPUT_NAMES,
    STATE,
    Prepared,
    encoded,
    records_count,
)
from snapshotter.store.tables import CHANGES, FIELDS, JOBS, OUTPUTS, among, chunks

_STATE_NAMES = ("job_id", *STATE, "records_count")
_OUTPUTS_OF = select(OUTPUTS.c.id).where(among(OUTPUTS.c.job_id))
_DELETE_OUTPUTS = delete(OUTPUTS).where(among(OUTPUTS.c.job_id))
_DELETE_FIELDS = delete(FIELDS).where(among(FIELDS.c.output_id))
_MOST_LEFT_OUT = 20  # jobs that take outputs from each other, of which one may be bad


class Stamp(NamedTuple):
    """The stamp on each row that changes.

    `observed_at` is the server's clock, or this host's if the server sends none.
    """

    account_id: str
    snapshot_id: int
    observed_at: datetime


class Batch(NamedTuple):
    """Jobs to write. `known`: stored rows, by id; `moved`: ids whose state is another now."""

    jobs: Sequence[Prepared]
    known: Mapping[int, Row]
    moved: Collection[int]


class _Refusal(NamedTuple):
    job: Prepared
    error: Exception

    @property
    def job_id(self) -> int:
        return self.job.job_id


class _Writer(NamedTuple):
    """Writes some jobs of a batch, or nothing of them."""

    connection: Connection
    stamp: Stamp
    batch: Batch

    def refuses(self, jobs: Sequence[Prepared]) -> Exception | None:
        """Write the jobs; if the database refuses them, write nothing and return why."""
        try:
            with self.connection.begin_nested():
                _write_all(self.connection, self.stamp, self.batch._replace(jobs=jobs))
        except (SQLAlchemyError, *UNSENDABLE) as error:
            if scope_of(error) is ErrorScope.DATABASE:
                raise
            return error
        return None


def write(connection: Connection, stamp: Stamp, batch: Batch, limit: int | None) -> dict[int, str]:
    """Write the jobs; return the ids of those that are refused, with the reason.

    All are written at once; if the database refuses that, each half by itself, down to single jobs.
    An error that is not about the values of some jobs is raised.
    """
    batch, reasons = _without_too_long(connection.dialect, batch, limit)
    if not batch.jobs:
        return reasons
    writer = _Writer(connection, stamp, batch)
    refused = _halve(writer, batch.jobs)
    unsure = [each for each in refused if scope_of(each.error) is ErrorScope.UNSURE]
    if len(unsure) == len(batch.jobs) > 1:
        raise unsure[0].error  # what every job meets is not about one of them
    owners = _owners(connection, refused)
    while len(batch.jobs) > 1 and (groups := _groups(batch, refused, owners)):
        left = _write_groups(writer, refused, groups)
        if len(left) == len(refused):
            break
        refused, owners = left, _owners(connection, left)
    return reasons | {each.job_id: _reason(each, owners[each.job_id]) for each in refused}


def _without_too_long(
    dialect: Dialect, batch: Batch, limit: int | None
) -> tuple[Batch, dict[int, str]]:
    if limit is None:
        return batch, {}
    fitting: list[Prepared] = []
    reasons: dict[int, str] = {}
    for job in batch.jobs:
        try:
            (ready,) = encoded(dialect, [job])
        except UNSENDABLE:
            fitting.append(job)  # it is refused when it is written
            continue
        longest = max(map(sizes.sent, (ready.job, *ready.outputs, *ready.fields)))
        if longest > limit:
            reasons[job.job_id] = (
                f"job {job.job_id}: a row of {longest} bytes is too long for the database "
                "(raise its max_allowed_packet)"
            )
        else:
            fitting.append(job._replace(ready=ready))
    return batch._replace(jobs=fitting), reasons


def _halve(writer: _Writer, jobs: Sequence[Prepared]) -> list[_Refusal]:
    error = writer.refuses(jobs)
    if error is None:
        return []
    if len(jobs) == 1:
        return [_Refusal(jobs[0], error)]
    middle = len(jobs) // 2
    return [each for half in (jobs[:middle], jobs[middle:]) for each in _halve(writer, half)]


def _owners(connection: Connection, refused: Sequence[_Refusal]) -> dict[int, dict[int, int]]:
    """Return, for each refused job, which of its outputs are stored under which other job."""
    wanted = {each.job_id: [o["id"] for o in each.job.rows.outputs] for each in refused}
    stored: dict[int, int] = {}
    for ids in chunks(sorted({*chain.from_iterable(wanted.values())})):
        owned = select(OUTPUTS.c.id, OUTPUTS.c.job_id).where(OUTPUTS.c.id.in_(ids))
        stored.update((row.id, row.job_id) for row in connection.execute(owned))
    return {
        job_id: {o: stored[o] for o in outputs if stored.get(o, job_id) != job_id}
        for job_id, outputs in wanted.items()
    }


def _write_groups(
    writer: _Writer, refused: Sequence[_Refusal], groups: list[list[int]]
) -> list[_Refusal]:
    """Write the jobs of each group together; return the jobs still refused."""
    left = {each.job_id: each for each in refused}
    for group in groups:
        members = [left[job_id] for job_id in group]
        tries = [members]
        if 1 < len(members) <= _MOST_LEFT_OUT:  # one of them may be bad
            tries += [[each for each in members if each is not bad] for bad in members]
        for some in tries:
            if writer.refuses([each.job for each in some]) is None:
                for each in some:
                    del left[each.job_id]
                break
    return list(left.values())


def _groups(
    batch: Batch, refused: Sequence[_Refusal], owners: dict[int, dict[int, int]]
) -> list[list[int]]:
    """Return the refused jobs that take outputs of others of their batch, in groups.

    A group is written together: each may free what another takes. One whose output has been freed
    since is a group of its own.
    """
    ids = {job.job_id for job in batch.jobs}
    neighbours: dict[int, set[int]] = defaultdict(set)
    for refusal in refused:
        job_id, others = refusal.job_id, set(owners[refusal.job_id].values())
        if not isinstance(refusal.error, IntegrityError) or (others and not others & ids):
            continue
        neighbours[job_id].add(job_id)
        for owner in others & owners.keys():
            neighbours[job_id].add(owner)
            neighbours[owner].add(job_id)
    groups: list[list[int]] = []
    met: set[int] = set()
    for job_id in neighbours:
        todo, group = [job_id], set[int]()
        while todo:
            each = todo.pop()
            if each not in met:
                met.add(each)
                group.add(each)
                todo += neighbours[each]
        if group:
            groups.append(sorted(group))
    return groups


def _reason(refusal: _Refusal, owned: dict[int, int]) -> str:
    job_id = refusal.job_id
    for index, output in enumerate(refusal.job.rows.outputs):
        if (owner := owned.get(output["id"])) is not None:
            return (
                f"job {job_id}: output {output['id']} already belongs to job {owner}, at "
                f"`$.outputs[{index}].id`"
            )
    return f"job {job_id}: the database refuses it: {words(refusal.error)}"


def _write_all(connection: Connection, stamp: Stamp, batch: Batch) -> None:
    jobs, ready = batch.jobs, encoded(connection.dialect, batch.jobs)
    new = [rows.job for job, rows in zip(jobs, ready, strict=True) if job.job_id not in batch.known]
    changed = [job.rows.job for job in jobs if job.job_id in batch.known]
    now, snapshot_id = stamp.observed_at, stamp.snapshot_id
    on_change = {"last_changed_at": now, "snapshot_id": snapshot_id, "gone_at": None}
    on_insert = {"account_id": stamp.account_id, "first_seen_at": now, **on_change}
    _delete_children(connection, [job["id"] for job in changed])
    update_rows(connection, JOBS, changed, **on_change)
    insert_encoded(connection, JOBS, FLATTENED, new, **on_insert)
    outputs = list(chain.from_iterable(rows.outputs for rows in ready))
    insert_encoded(connection, OUTPUTS, OUTPUT_NAMES, outputs)
    fields = list(chain.from_iterable(rows.fields for rows in ready))
    insert_encoded(connection, FIELDS, FIELD_NAMES, fields)
    states = [_state(job.rows) for job in jobs if job.job_id in batch.moved]
    encoded_states = encode(connection.dialect, CHANGES, _STATE_NAMES, states)
    insert_encoded(
        connection, CHANGES, _STATE_NAMES, encoded_states, snapshot_id=snapshot_id, observed_at=now
    )
    groups = output_days.groups_of(job.rows.job for job in jobs)
    groups |= output_days.groups_of(batch.known[job["id"]] for job in changed)
    output_days.recount(connection, stamp.account_id, groups)


def _state(rows: JobRows) -> tuple[Any, ...]:
    """Return what `job_changes` keeps of a job."""
    return (rows.job["id"], *(rows.job[name] for name in STATE), records_count(rows))


def _delete_children(connection: Connection, job_ids: Sequence[int]) -> None:
    for chunk in chunks(job_ids):
        of_these = connection.execute(_OUTPUTS_OF, {"ids": chunk}).scalars().all()
        # By their ids: MariaDB would read all fields to find those of a subquery.
        for ids in chunks(of_these):
            connection.execute(_DELETE_FIELDS, {"ids": ids})
        connection.execute(_DELETE_OUTPUTS, {"ids": chunk})
