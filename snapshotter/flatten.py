"""One job into rows of the three tables. Pure; the map from names to columns is spelled out."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec import UNSET

from snapshotter import fingerprint
from snapshotter.payload import (
    FINAL_STATUSES,
    PARTS_KEPT,
    Cluster,
    Component,
    Creator,
    Job,
    Output,
    Package,
    Record,
    read_cluster,
    read_component,
    read_creator,
    read_object,
    read_package,
)

# What the columns hold of each object; the rest goes to `extra`. `package.id` and `cluster.id` are
# other facts than the job's own `package_id` and `cluster_id`: they are held only where they agree.
_JOB = frozenset(Job.__struct_fields__)
_PACKAGE = frozenset({"name", "url", "updated_at"})
_CLUSTER = frozenset({"name", "url", "nodes", "available_since"})
_CREATOR = frozenset({"type", "id", "display_name", "url"})
_OUTPUT = frozenset(Output.__struct_fields__)
_COMPONENT = frozenset(Component.__struct_fields__)

Row = dict[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Redact(Protocol):
    """Hides the secrets of a JSON value; `variables` those of a job's variables."""

    def __call__(self, value: Any, /) -> Any: ...
    def variables(self, value: Any, /) -> Any: ...
    def __hash__(self) -> int: ...


class JobRows(NamedTuple):
    """The rows of one job; `fields` are those of `output_fields`: (output_id, position, name).

    `encoded`: the same as a database is sent it, where that has been worked out.
    """

    job: Row
    outputs: list[Row]
    fields: list[tuple[int, int, str]]
    encoded: Any = None


def is_open(status: str | None) -> bool:
    """Tell whether a job may still move. New statuses come up: only three are known to be final."""
    return status not in FINAL_STATUSES


def flatten(record: Record, redact: Redact) -> JobRows:
    """Give the rows of a job. What they hold of JSON values is shared, and not to be changed."""
    job = record.job
    document = {} if record.is_exact else record.document
    package, of_package = _package(bytes(job.package), job.package_id, redact)
    cluster, of_cluster = _cluster(bytes(job.cluster), job.cluster_id, redact)
    creator, of_creator = _creator(bytes(job.creator), redact)
    extra = {} if record.is_exact else redact(_rest(document, _JOB))
    if job.log_summary is not UNSET:
        extra |= redact({"log_summary": msgspec.json.decode(job.log_summary)})
    began = job.started_at or job.created_at
    finished_at = _finished_at(job)
    errors = redact(job.errors)  # a driver's words can have a URL with its password
    row = {
        "id": job.id,
        "status": job.status,
        "owner_id": job.owner_id,
        "progress": job.progress,
        "outputs_count": job.outputs_count,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "failed_at": job.failed_at,
        "completed_at": job.completed_at,
        "updated_at": job.updated_at,
        "cluster_id": job.cluster_id,
        "cluster_name": cluster.name,
        "cluster_url": cluster.url,
        "cluster_nodes": cluster.nodes,
        "cluster_available_since": cluster.available_since,
        "package_id": job.package_id,
        "package_name": package.name,
        "package_url": package.url,
        "package_updated_at": package.updated_at,
        "creator_type": creator.type,
        "creator_id": creator.id,
        "creator_display_name": creator.display_name,
        "creator_url": creator.url,
        "errors": errors,
        "runtime_in_seconds": job.runtime_in_seconds,
        "attempts": job.attempts,
        "master_auto_retry_attempts": job.master_auto_retry_attempts,
        "variables": _variables(bytes(job.variables), redact),
        "dynamic_variables": _variables(bytes(job.dynamic_variables), redact),
        "url": job.url,
        "html_url": job.html_url,
        "log_url": job.log_url,
        "extra": {**extra, **of_package, **of_cluster, **of_creator} or None,
        "run_date": began and began.astimezone(UTC).date(),
        "queue_seconds": _seconds(job.created_at, job.started_at),
        "finished_at": finished_at,
        "created_epoch": epoch(job.created_at),
        "started_epoch": epoch(job.started_at),
        "finished_epoch": epoch(finished_at),
        "cluster_wait_seconds": cluster_wait(
            job.created_at, job.started_at, cluster.available_since
        ),
        "error_fingerprint": fingerprint.of_error(errors),
    }
    outputs: list[Row] = []
    fields: list[tuple[int, int, str]] = []
    sent = document.get("outputs") or ()
    for index, output in enumerate(job.outputs or ()):
        component = _component(bytes(output.component), job.package_id, output.name, redact)
        rest = {} if record.is_exact else redact(_rest(sent[index], _OUTPUT))
        outputs.append(
            {
                "id": output.id,
                "job_id": job.id,
                "name": output.name,
                "records_count": output.records_count,
                "progress": output.progress,
                "created_at": output.created_at,
                "updated_at": output.updated_at,
                "url": output.url,
                "preview_url": output.preview_url,
                "preview_type": output.preview_type,
                "component_name": component.name,
                "component_type": component.type,
                "fields_digest": component.fields_digest,
                "extra": {**rest, **component.extra} or None,
            }
        )
        fields += [(output.id, position, name) for position, name in component.fields]
    return JobRows(row, outputs, fields)


class _Written(NamedTuple):
    """What is written of an output's component; `fields`: (position, name)."""

    name: str | None
    type: str | None
    fields: tuple[tuple[int, str], ...]
    fields_digest: str
    extra: Row


@lru_cache(PARTS_KEPT)
def _package(raw: bytes, package_id: int | None, redact: Redact) -> tuple[Package, Row]:
    package = read_package(raw) or Package()
    held = _PACKAGE | {"id"} if package.id == package_id else _PACKAGE
    return package, _extra("package", raw, held, redact)


@lru_cache(PARTS_KEPT)
def _cluster(raw: bytes, cluster_id: int | None, redact: Redact) -> tuple[Cluster, Row]:
    cluster = read_cluster(raw) or Cluster()
    held = _CLUSTER | {"id"} if cluster.id == cluster_id else _CLUSTER
    return cluster, _extra("cluster", raw, held, redact)


@lru_cache(PARTS_KEPT)
def _creator(raw: bytes, redact: Redact) -> tuple[Creator, Row]:
    return read_creator(raw) or Creator(), _extra("creator", raw, _CREATOR, redact)


@lru_cache(PARTS_KEPT)
def _component(
    raw: bytes, package_id: int | None, output_name: str | None, redact: Redact
) -> _Written:
    component = read_component(raw) or Component()
    fields = component.fields or ()
    return _Written(
        component.name,
        component.type,
        tuple(enumerate(fields, 1)),
        fingerprint.of_fields(package_id, component.name, output_name, fields),
        _extra("component", raw, _COMPONENT, redact),
    )


@lru_cache(PARTS_KEPT)
def _variables(raw: bytes, redact: Redact) -> Any:
    return redact.variables(read_object(raw))


def epoch(at: datetime | None) -> int | None:
    """Give a time in whole seconds since 1970."""
    if at is None:
        return None
    since = at - _EPOCH
    return since.days * 86_400 + since.seconds


def cluster_wait(
    created_at: datetime | None, started_at: datetime | None, available_since: datetime | None
) -> int | None:
    """Give the seconds that a job waited for its cluster to be there: part of `queue_seconds`."""
    if created_at is None or started_at is None or available_since is None:
        return None
    return max(0, _seconds(created_at, min(started_at, available_since)) or 0)


def _finished_at(job: Job) -> datetime | None:
    """Real answers have all three shapes; a job that is not final has not finished."""
    if is_open(job.status):
        return None
    return job.completed_at or job.failed_at or job.updated_at


def _seconds(start: datetime | None, end: datetime | None) -> int | None:
    return None if start is None or end is None else int((end - start).total_seconds())


def _rest(document: Row, held: frozenset[str]) -> Row:
    """Give what no column holds, under its own names."""
    return {name: value for name, value in document.items() if name not in held}


def _extra(name: str, raw: bytes, held: frozenset[str], redact: Redact) -> Row:
    """Give what no column holds of a part, in its place in the job, or nothing."""
    rest = _rest(msgspec.json.decode(raw) or {}, held)
    found: Row = redact({name: rest}) if rest else {}
    return found
