"""The API's answers as types, checked strictly; a field that is missing or null is fine.

Source: the vendor's v2 documentation of jobs. An integer is never a string, a fraction or a
boolean, and fits 64 bits; a time has its zone.
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Raw, Struct

from snapshotter.errors import BadAnswer, RecordError

Int = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Time = Annotated[datetime, Meta(tz=True)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
ShortText = Annotated[str, Meta(max_length=255)]
MAX_DEPTH = 100  # levels of nesting; a documented job has five
NUL_STAND_IN = "\N{REPLACEMENT CHARACTER}"  # PostgreSQL's text holds every character but NUL


class Component(Struct, gc=False):
    name: str | None = None
    type: str | None = None
    fields: list[str] | None = None


class Output(Struct):
    id: Int
    name: str | None = None
    records_count: Int | None = None
    progress: Fraction | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    url: str | None = None
    preview_url: str | None = None
    preview_type: str | None = None
    component: Component | None = None


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


class Job(Struct):
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
    variables: dict[str, Any] | None = None
    dynamic_variables: dict[str, Any] | None = None
    url: str | None = None
    html_url: str | None = None
    log_url: str | None = None
    creator: Creator | None = None
    package: Package | None = None
    cluster: Cluster | None = None
    log_summary: LogSummary | None = None


FINAL_STATUSES = frozenset({"completed", "failed", "stopped"})
KNOWN_STATUSES = FINAL_STATUSES | {
    *("idle", "pending", "queued", "running", "pending_stoppage", "stopping"),
}


class Record(NamedTuple):
    """A job as typed, and as it came: what no type names is only in `document`."""

    job: Job
    document: dict[str, Any]

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
        if _is_too_deep(raw):
            raise msgspec.ValidationError(f"Expected no more than {MAX_DEPTH} levels")
        document = msgspec.json.decode(raw)
        if b"\\u0000" in raw:
            document = _without_nul(document)
        job = msgspec.convert(document, Job)
        _check(job)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        job_id = _peek(raw).job_id
        name = "a record with no id" if job_id is None else f"job {job_id}"
        raise RecordError(f"{name}: {error}", job_id) from None
    return Record(job, document)


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


def _is_too_deep(raw: bytes) -> bool:
    """Tell whether a record nests deeper than what is walked by recursion can take."""
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return False
    depth = 0
    for bracket in re.findall(rb'"(?:[^"\\]|\\.)*"|([\[\]{}])', raw):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(bracket, 0)
        if depth > MAX_DEPTH:
            return True
    return False


def _check(job: Job) -> None:
    """Check what no type says: outputs with ids of their own, times that UTC can hold."""
    seen: set[int] = set()
    for index, output in enumerate(job.outputs or ()):
        if output.id in seen:
            raise msgspec.ValidationError(
                f"Output {output.id} stands twice - at `$.outputs[{index}].id`"
            )
        seen.add(output.id)
        _check_times(output, f"$.outputs[{index}]")
    _check_times(job, "$")
    for name in ("package", "cluster"):
        if (part := getattr(job, name)) is not None:
            _check_times(part, f"$.{name}")


def _check_times(part: Struct, path: str) -> None:
    for name in part.__struct_fields__:
        value = getattr(part, name)
        if isinstance(value, datetime) and value.tzinfo is not UTC:
            try:
                value.astimezone(UTC)
            except OverflowError:
                raise msgspec.ValidationError(
                    f"Expected a time between the years 1 and 9999 UTC - at `{path}.{name}`"
                ) from None


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", NUL_STAND_IN)
        case list():
            return [_without_nul(item) for item in value]
        case dict():
            return {_without_nul(key): _without_nul(item) for key, item in value.items()}
        case _:
            return value


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
