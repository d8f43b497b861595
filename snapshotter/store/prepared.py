"""What can be worked out of a record before it is stored, by any thread and without a database."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import Dialect

from snapshotter.api.records import Record
from snapshotter.flatten import JobRows, Redact, flatten
from snapshotter.store.bulk import Encoded, encode
from snapshotter.store.tables import FIELDS, JOBS, OUTPUTS

KEPT_ASIDE = ("account_id", "snapshot_id", "gone_at")
FLATTENED = tuple(
    column.name
    for column in JOBS.columns
    if column.name not in (*KEPT_ASIDE, "first_seen_at", "last_changed_at")
)
OUTPUT_NAMES = tuple(OUTPUTS.columns.keys())
FIELD_NAMES = tuple(FIELDS.columns.keys())
OUTPUT = itemgetter(*OUTPUT_NAMES)
STATE = ("status", "progress", "runtime_in_seconds", "outputs_count")  # kept in `job_changes`
_JOB = itemgetter(*FLATTENED)


class Ready(NamedTuple):
    """The rows of one job as the database is sent them."""

    job: Encoded
    outputs: Sequence[Encoded]
    fields: Sequence[Encoded]


class Prepared(NamedTuple):
    """A record and its rows; `ready`: the rows as they are sent, None if not worked out yet."""

    record: Record
    rows: JobRows
    ready: Ready | None = None

    @property
    def job_id(self) -> int:
        return self.record.job.id

    @property
    def created_at(self) -> datetime | None:
        return self.record.job.created_at


def prepare(record: Record, redact: Redact) -> Prepared:
    """Return a record with its rows."""
    return Prepared(record, flatten(record, redact))


def encoded(dialect: Dialect, batch: Sequence[Prepared]) -> list[Ready]:
    """Return the rows of each job as they are sent: what has been worked out, or work it out."""
    rows = [each.rows for each in batch if each.ready is None]
    jobs = encode(dialect, JOBS, FLATTENED, [_JOB(job.job) for job in rows])
    outputs = encode(
        dialect, OUTPUTS, OUTPUT_NAMES, [OUTPUT(o) for job in rows for o in job.outputs]
    )
    fields = encode(dialect, FIELDS, FIELD_NAMES, [field for job in rows for field in job.fields])
    done: list[Ready] = []
    number = output = field = 0
    for each in batch:
        if each.ready is not None:
            done.append(each.ready)
            continue
        next_output, next_field = output + len(each.rows.outputs), field + len(each.rows.fields)
        done.append(Ready(jobs[number], outputs[output:next_output], fields[field:next_field]))
        number, output, field = number + 1, next_output, next_field
    return done


def records_count(rows: JobRows) -> int | None:
    """Return the sum of the records that a job's outputs have."""
    return total(output["records_count"] for output in rows.outputs)


def total(counts: Iterable[int | None]) -> int | None:
    """Return the sum of the counts that are known; no column holds more than 64 bits."""
    known = [count for count in counts if count is not None]
    return max(-(2**63), min(sum(known), 2**63 - 1)) if known else None
