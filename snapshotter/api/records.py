"""Records of the API's answers, read and checked; a bad one spoils no other.

Each record is decoded straight into its type; one that is not as documented goes a slower way.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from snapshotter.api import coercion
from snapshotter.api.coercion import Misfits
from snapshotter.api.cutting import MAX_VALUES, holds_too_much
from snapshotter.api.schema import (
    LARGEST_KEPT,
    Job,
    Output,
    Time,
    check_times,
    is_too_deep,
    read_anything,
    read_cluster,
    read_component,
    read_creator,
    read_object,
    read_package,
)
from snapshotter.errors import RecordError
from snapshotter.times import stamp

_WRONG = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError)

_PARTS = {
    "variables": read_object,
    "dynamic_variables": read_object,
    "creator": read_creator,
    "package": read_package,
    "cluster": read_cluster,
}
_LONGEST_PLACE = 100  # bytes of an id or a time
_OF_SMALL = {name: read_part.of_small for name, read_part in _PARTS.items()}
_OF_ANY = {name: read_part.of_any for name, read_part in _PARTS.items()}


# The same with only these fields: most records are, and need not be read as JSON values, too.
class _ExactOutput(Output, gc=False, forbid_unknown_fields=True):
    pass


class _ExactJob(Job, gc=False, forbid_unknown_fields=True):
    outputs: list[_ExactOutput] | None = None  # type: ignore[assignment]  # only read


class _Place(msgspec.Struct):
    """What identifies a record, and where the list has it."""

    id: msgspec.Raw = msgspec.Raw(b"null")
    created_at: msgspec.Raw = msgspec.Raw(b"null")


_decode = msgspec.json.Decoder(Job).decode
_decode_exactly = msgspec.json.Decoder(_ExactJob).decode


class Record(NamedTuple):
    """A job as typed, and as it came.

    `is_exact`: it has only fields that `Job` and `Output` name; its parts may have others.
    `misfits`: what of it is not as documented.
    """

    job: Job
    raw: bytes
    is_exact: bool
    misfits: Misfits | None = None

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = msgspec.json.decode(self.raw)
        return document

    @property
    def job_id(self) -> int:
        return self.job.id

    @property
    def created_at(self) -> datetime | None:
        return self.job.created_at

    @property
    def misfit_kinds(self) -> tuple[str, ...]:
        """One line for each kind of value that is not as documented, as "progress: 50.0"."""
        return () if self.misfits is None else self.misfits.kinds


class Reject(NamedTuple):
    """A record without a usable id, or one that cannot be read at all.

    `payload` is what came, parsed if it is JSON.
    """

    job_id: int | None
    created_at: datetime | None
    reason: str
    payload: Any


def read(raw: bytes) -> Record:
    """Read one job. Raises `RecordError` with the job's id, if it has one, and the reason."""
    record = _read_any(raw)
    if isinstance(record, Reject):
        raise RecordError(record.reason, record.job_id)
    return record


def read_all(raws: Sequence[bytes]) -> list[Record | Reject]:
    """Read each record of a page; those that cannot be read are at their places as `Reject`."""
    return [_read_any(raw) for raw in raws]


def _read_any(raw: bytes) -> Record | Reject:
    if len(raw) > LARGEST_KEPT and holds_too_much(raw):
        return _too_large(raw)
    if b"\\" in raw and rb"\u0000" in raw:  # PostgreSQL's text holds every character but NUL
        if rb"\\u0000" in raw:  # a backslash may be meant
            return _read_leniently(raw, RecordError("it is not JSON"))
        raw = raw.replace(rb"\u0000", rb"\ufffd")
    try:
        return _read_strictly(raw)
    except _WRONG as error:
        return _read_leniently(raw, error)


def _read_strictly(raw: bytes) -> Record:
    job: Job
    try:
        job, is_exact = _decode_exactly(raw), True
    except (msgspec.ValidationError, RecursionError):
        if is_too_deep(raw):
            raise
        job, is_exact = _decode(raw), False
        msgspec.json.decode(raw)  # what no type names is to be JSON, too
    _check(job, is_small=len(raw) <= LARGEST_KEPT)
    return Record(job, raw, is_exact)


def _check(job: Job, *, is_small: bool) -> None:
    """Check what types do not: the parts, that ids of outputs differ, that times exist in UTC.

    Raises one of `_WRONG`.
    """
    for name, read_part in (_OF_SMALL if is_small else _OF_ANY).items():
        read_part(bytes(getattr(job, name)))
    if job.log_summary is not UNSET:
        read_anything.of_any(bytes(job.log_summary))
    outputs = job.outputs or ()
    read = read_component.of_small if is_small else read_component.of_any
    for output in outputs:
        read(bytes(output.component))
        if _is_not_utc(output.created_at) or _is_not_utc(output.updated_at):
            check_times(output)
    if len(outputs) > 1 and len({output.id for output in outputs}) < len(outputs):
        raise msgspec.ValidationError("duplicate output ids")
    times = (job.created_at, job.started_at, job.failed_at, job.completed_at, job.updated_at)
    if any(map(_is_not_utc, times)):
        check_times(job)


def _is_not_utc(at: datetime | None) -> bool:
    return at is not None and at.tzinfo is not UTC


def _read_leniently(raw: bytes, error: Exception) -> Record | Reject:
    try:
        document = coercion.parse(raw)
    except (ValueError, RecursionError):
        job_id, created_at = coercion.find(raw)
        text = coercion.holdable(raw.decode("utf-8", "replace"))
        return Reject(job_id, created_at, f"{_name(job_id)}: {error}", text)
    if not isinstance(document, dict):
        return Reject(None, None, f"{_name(None)}: {error}", document)
    try:
        misfits = coercion.coerce(document)
    except RecordError as without_id:
        return Reject(None, time_in(document, "created_at"), str(without_id), document)
    job = _decode(msgspec.json.encode(misfits.document))
    _check(job, is_small=False)
    return Record(job, msgspec.json.encode(document), is_exact=False, misfits=misfits)


def _too_large(raw: bytes) -> Reject:
    """Return a reject without reading most of the record, which would take gigabytes."""
    job_id: int | None
    try:
        place = msgspec.json.decode(raw, type=_Place)
        document = {
            name: coercion.parse(bytes(value))
            for name, value in (("id", place.id), ("created_at", place.created_at))
            if len(value) < _LONGEST_PLACE
        }
        job_id, created_at = coercion.id_of(document), time_in(document, "created_at")
    except (*_WRONG, ValueError, RecordError):
        job_id, created_at = coercion.find(raw)
    kept = {"id": job_id, "created_at": None if created_at is None else stamp(created_at)}
    reason = f"{_name(job_id)}: it has over {MAX_VALUES:,} values, too many to read"
    return Reject(job_id, created_at, reason, kept)


def _name(job_id: int | None) -> str:
    return "a record with no id" if job_id is None else f"job {job_id}"


def time_in(document: Any, name: str) -> datetime | None:
    """Return a time of a record, in UTC; None if it has none that can be read.

    The record is a JSON value, or the text of one that is not JSON.
    """
    if isinstance(document, str):
        return coercion.find(document.encode("utf-8", "replace"), name)[1]
    try:
        return msgspec.convert(document[name], Time).astimezone(UTC)
    except (TypeError, KeyError, msgspec.ValidationError, OverflowError):
        return None
