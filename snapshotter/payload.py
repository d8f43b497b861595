"""The API's answers as types, checked strictly; a field that is missing or null is fine.

Source: the vendor's v2 documentation of jobs. An integer is never a string, a fraction or a
boolean, and fits 64 bits; a time has its zone.

Each record is decoded straight into its type. What jobs repeat word for word, as the package, the
cluster, the fields of an output, stays as it came, and its reader reads the same words once.
"""

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from snapshotter.errors import BadAnswer, RecordError

Int = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Time = Annotated[datetime, Meta(tz=True)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
ShortText = Annotated[str, Meta(max_length=255)]
MAX_DEPTH = 100  # levels of nesting; a documented job has five
PARTS_KEPT = 4096  # of a kind; an account has some hundred packages
# PostgreSQL's text holds every character but NUL; an even number of backslashes escape each other.
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_NUL_STAND_IN = rb"\1\\ufffd"
_NOTHING = Raw(b"null")


class Component(Struct, gc=False):
    name: str | None = None
    type: str | None = None
    fields: list[str] | None = None


class Output(Struct, gc=False):
    id: Int
    name: str | None = None
    records_count: Int | None = None
    progress: Fraction | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    url: str | None = None
    preview_url: str | None = None
    preview_type: str | None = None
    component: Raw = _NOTHING  # a `Component`


class Creator(Struct, gc=False):
    type: str | None = None
    id: Int | None = None
    display_name: str | None = None
    url: str | None = None
    html_url: str | None = None


class Package(Struct, gc=False):
    id: Int | None = None
    name: str | None = None
    url: str | None = None
    updated_at: Time | None = None
    created_at: Time | None = None
    description: str | None = None
    owner_id: Int | None = None
    status: str | None = None


class Cluster(Struct, gc=False):
    id: Int | None = None
    name: str | None = None
    url: str | None = None
    nodes: Int | None = None
    available_since: Time | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    terminated_at: Time | None = None
    type: str | None = None
    region: str | None = None
    status: str | None = None


class LogSummary(Struct, gc=False):
    id: Int | None = None
    body: str | None = None
    error_summary: str | None = None
    openai_extract: str | None = None
    action_items: list[str] | None = None
    created_at: Time | None = None


class Job(Struct, gc=False):
    id: Int
    status: ShortText | None = None
    owner_id: Int | None = None
    progress: Fraction | None = None
    outputs_count: Int | None = None
    outputs: list[Output] | None = None
    created_at: Time | None = None
    started_at: Time | None = None
    failed_at: Time | None = None
    completed_at: Time | None = None
    updated_at: Time | None = None
    cluster_id: Int | None = None
    package_id: Int | None = None
    errors: str | None = None
    runtime_in_seconds: Int | None = None
    attempts: Int | None = None
    master_auto_retry_attempts: Int | None = None
    variables: Raw = _NOTHING
    dynamic_variables: Raw = _NOTHING
    url: str | None = None
    html_url: str | None = None
    log_url: str | None = None
    creator: Raw = _NOTHING
    package: Raw = _NOTHING
    cluster: Raw = _NOTHING
    log_summary: Raw | UnsetType = UNSET


def _reader(kind: Any) -> Callable[[bytes], Any]:
    """Give what reads a part that stands unread in jobs; what it gives is not to be changed.

    It gives None for null, and raises `msgspec.DecodeError` with the path from the part on.
    """
    decode = msgspec.json.Decoder(kind | None).decode

    @lru_cache(PARTS_KEPT)
    def read_part(raw: bytes) -> Any:
        _refuse_too_deep(raw)
        found = decode(raw)
        if isinstance(found, Struct):
            msgspec.json.decode(raw)  # what no type names is to be JSON, too
            _check_times(found, "$")
        return found

    return read_part


read_object = _reader(dict[str, Any])
read_creator, read_package, read_cluster = _reader(Creator), _reader(Package), _reader(Cluster)
read_component, read_log_summary = _reader(Component), _reader(LogSummary)

_PARTS = {
    "variables": read_object,
    "dynamic_variables": read_object,
    "creator": read_creator,
    "package": read_package,
    "cluster": read_cluster,
}


# The same, of nothing but these fields: most records are, and need not be read as JSON values, too.
class _ExactOutput(Output, gc=False, forbid_unknown_fields=True):
    pass


class _ExactJob(Job, gc=False, forbid_unknown_fields=True):
    outputs: list[_ExactOutput] | None = None  # type: ignore[assignment]  # only read


_decode = msgspec.json.Decoder(Job).decode
_decode_exactly = msgspec.json.Decoder(_ExactJob).decode

FINAL_STATUSES = frozenset({"completed", "failed", "stopped"})
KNOWN_STATUSES = FINAL_STATUSES | {
    *("idle", "pending", "queued", "running", "pending_stoppage", "stopping"),
}


class Record(NamedTuple):
    """A job as typed, and as it came.

    `is_exact`: it has no field that `Job` and `Output` do not name; what a part of it has is told
    by the part. `rows`: what it is in the tables, where that has been worked out.
    """

    job: Job
    raw: bytes
    is_exact: bool
    rows: Any = None

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


class Reject(NamedTuple):
    """A record that is no job as documented. `payload` is what came, parsed where it is JSON."""

    job_id: int | None
    created_at: datetime | None
    reason: str
    payload: Any


def split(body: bytes) -> list[bytes]:
    """Cut a page into its records, unread, so that a bad one spoils no other.

    Raises `BadAnswer` when the body is no JSON array.
    """
    try:
        return [bytes(raw) for raw in msgspec.json.decode(body, type=list[Raw])]
    except msgspec.ValidationError:
        raise BadAnswer("expected a JSON array of jobs, got another JSON value") from None
    except RecursionError:
        return _split_by_brackets(body)
    except msgspec.DecodeError as error:
        return _split_leniently(body, error)


def only(body: bytes) -> bytes:
    """Give the one object that a body is, unread. Raises `BadAnswer` when it is none."""
    try:
        records = split(b"[" + body + b"]")
    except BadAnswer:
        raise BadAnswer(f"expected a JSON object, got {_opening(body)}") from None
    if len(records) != 1 or not records[0].startswith(b"{"):
        raise BadAnswer("expected a JSON object, got another JSON value")
    return records[0]


def _split_leniently(body: bytes, strict_error: Exception) -> list[bytes]:
    """Cut a page that holds a lone surrogate or a NaN, which only that record should pay for."""
    try:
        records = json.loads(body.decode("utf-8", "surrogateescape"))
    except RecursionError:
        return _split_by_brackets(body)
    except ValueError:
        raise BadAnswer(
            f"expected a JSON array of jobs, got {_opening(body)} ({strict_error})"
        ) from None
    if not isinstance(records, list):
        raise BadAnswer("expected a JSON array of jobs, got another JSON value") from None
    return [json.dumps(record).encode() for record in records]


def _split_by_brackets(body: bytes) -> list[bytes]:
    """Cut a page of which a record nests deeper than what reads by recursion can take."""
    records: list[bytes] = []
    depth = start = 0
    for token in re.finditer(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', body):
        is_end = depth == 1 and token[0] in b",]"
        if is_end and body[start : token.start()].strip():
            records.append(body[start : token.start()])
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(token[0], 0)
        if depth == 0:
            return records
        if depth == 1 and token[0] in b"[,":
            start = token.end()
    raise BadAnswer("expected a JSON array of jobs, got a body that is cut short or no JSON")


def _opening(body: bytes) -> str:
    start = body[:200].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "HTML"
    return "a body that is empty" if not start else "a body that is cut short or no JSON"


def read(raw: bytes) -> Record:
    """Check one job. Raises `RecordError` with the job's id, where it has one, and the path."""
    try:
        return _read(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        job_id = _peek(raw).job_id
        name = "a record with no id" if job_id is None else f"job {job_id}"
        raise RecordError(f"{name}: {error}", job_id) from None


def _read(raw: bytes) -> Record:
    if b"\\" in raw and rb"\u0000" in raw:
        raw = _NUL.sub(_NUL_STAND_IN, raw)
    job: Job
    try:
        job, is_exact = _decode_exactly(raw), True
    except (msgspec.ValidationError, RecursionError):
        _refuse_too_deep(raw)
        job, is_exact = _decode(raw), False
        msgspec.json.decode(raw)  # what no type names is to be JSON, too
    _check(job)
    return Record(job, raw, is_exact)


def read_all(raws: Sequence[bytes]) -> list[Record | Reject]:
    """Check each record of a page; the malformed stand at their places as `Reject`."""
    records: list[Record | Reject] = []
    for raw in raws:
        try:
            records.append(read(raw))
        except RecordError as error:
            records.append(_peek(raw, str(error)))
    return records


def time_in(document: Any, name: str) -> datetime | None:
    """Give a time of a JSON value, UTC; None where it has none that can be read."""
    try:
        return msgspec.convert(document[name], Time).astimezone(UTC)
    except (TypeError, KeyError, msgspec.ValidationError, OverflowError):
        return None


def stamp(at: datetime) -> str:
    """Render a time as the API does: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _refuse_too_deep(raw: bytes) -> None:
    """Raise `msgspec.ValidationError` for what nests deeper than a walk by recursion can go."""
    if _is_too_deep(raw):
        raise msgspec.ValidationError(f"Expected no more than {MAX_DEPTH} levels")


def _is_too_deep(raw: bytes) -> bool:
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return False
    depth = 0
    for bracket in re.findall(rb'"(?:[^"\\]|\\.)*"|([\[\]{}])', raw):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(bracket, 0)
        if depth > MAX_DEPTH:
            return True
    return False


def _check(job: Job) -> None:
    """Check the parts, and what no type says: outputs with ids of their own, times that UTC has."""
    outputs = job.outputs or ()
    name = ""
    try:
        for name, read_part in _PARTS.items():
            read_part(bytes(getattr(job, name)))
        if job.log_summary is not UNSET:
            name = "log_summary"
            read_log_summary(bytes(job.log_summary))
    except (msgspec.DecodeError, RecursionError) as error:
        raise msgspec.ValidationError(_with_path(str(error), f"$.{name}")) from None
    for index, output in enumerate(outputs):
        try:
            read_component(bytes(output.component))
        except (msgspec.DecodeError, RecursionError) as error:
            path = f"$.outputs[{index}].component"
            raise msgspec.ValidationError(_with_path(str(error), path)) from None
        if _is_abroad(output.created_at) or _is_abroad(output.updated_at):
            _check_times(output, f"$.outputs[{index}]")
    if len(outputs) > 1 and len({output.id for output in outputs}) < len(outputs):
        _refuse_twins(outputs)
    times = (job.created_at, job.started_at, job.failed_at, job.completed_at, job.updated_at)
    if any(map(_is_abroad, times)):
        _check_times(job, "$")


def _is_abroad(at: datetime | None) -> bool:
    return at is not None and at.tzinfo is not UTC


def _with_path(words: str, path: str) -> str:
    """Give a decoder's words on a part as if it had read the job."""
    return words.replace("`$", f"`{path}", 1) if "`$" in words else f"{words} - at `{path}`"


def _refuse_twins(outputs: Sequence[Output]) -> None:
    seen: set[int] = set()
    for index, output in enumerate(outputs):
        if output.id in seen:
            raise msgspec.ValidationError(
                f"Output {output.id} stands twice - at `$.outputs[{index}].id`"
            )
        seen.add(output.id)


def _check_times(part: Struct, path: str) -> None:
    for name in part.__struct_fields__:
        value = getattr(part, name)
        if isinstance(value, datetime) and _is_abroad(value):
            try:
                value.astimezone(UTC)
            except OverflowError:
                raise msgspec.ValidationError(
                    f"Expected a time between the years 1 and 9999 UTC - at `{path}.{name}`"
                ) from None


def _peek(raw: bytes, reason: str = "") -> Reject:
    """Read what can be read of a malformed record: its id and its place in the listing."""
    try:
        document = json.loads(raw.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return Reject(None, None, reason, raw.decode("utf-8", "surrogateescape"))
    if _is_too_deep(raw):
        document = {name: document[name] for name in ("id", "created_at") if name in document}
    if not isinstance(document, dict):
        return Reject(None, None, reason, document)
    job_id: int | None
    try:
        job_id = msgspec.convert(document.get("id"), Int)
    except msgspec.ValidationError:
        job_id = None
    return Reject(job_id, time_in(document, "created_at"), reason, document)
