"""One job into rows of the three tables. Pure; the map from names to columns is spelled out."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

from snapshotter import fingerprint
from snapshotter.payload import (
    FINAL_STATUSES,
    Cluster,
    Component,
    Creator,
    Job,
    Output,
    Package,
    Record,
)

# What the columns hold of each object; the rest goes to `extra`. `package.id` and `cluster.id` are
# other facts than the job's own `package_id` and `cluster_id`: they are held only where they agree.
_JOB = frozenset(Job.__struct_fields__) - {"log_summary"}
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


class JobRows(NamedTuple):
    """The rows of one job; `fields` are those of `output_fields`: (output_id, position, name)."""

    job: Row
    outputs: list[Row]
    fields: list[tuple[int, int, str]]


def is_open(status: str | None) -> bool:
    """Tell whether a job may still move. New statuses come up: only three are known to be final."""
    return status not in FINAL_STATUSES


def flatten(record: Record, redact: Redact) -> JobRows:
    job, document = record
    package, cluster = job.package or Package(), job.cluster or Cluster()
    creator = job.creator or Creator()
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
        "variables": redact.variables(job.variables),
        "dynamic_variables": redact.variables(job.dynamic_variables),
        "url": job.url,
        "html_url": job.html_url,
        "log_url": job.log_url,
        "extra": redact(_job_extra(job, document)),
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
    for output, sent in zip(job.outputs or (), document.get("outputs") or (), strict=True):
        component = output.component or Component()
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
                "fields_digest": fingerprint.of_fields(
                    job.package_id, component.name, output.name, component.fields or ()
                ),
                "extra": redact(_rest(sent, _OUTPUT, component=_COMPONENT)),
            }
        )
        fields += [(output.id, i, name) for i, name in enumerate(component.fields or (), 1)]
    return JobRows(row, outputs, fields)


def epoch(at: datetime | None) -> int | None:
    """Give a time in whole seconds since 1970."""
    return None if at is None else (at - _EPOCH) // timedelta(seconds=1)


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


def _job_extra(job: Job, document: Row) -> Row | None:
    package, cluster = _PACKAGE, _CLUSTER
    if job.package and job.package.id == job.package_id:
        package |= {"id"}
    if job.cluster and job.cluster.id == job.cluster_id:
        cluster |= {"id"}
    return _rest(document, _JOB, package=package, cluster=cluster, creator=_CREATOR)


def _rest(document: Row, held: frozenset[str], **nested: frozenset[str]) -> Row | None:
    """Give what no column holds, under its own names and in its own nesting, or None."""
    rest = {name: value for name, value in document.items() if name not in held}
    for part, held_of_part in nested.items():
        sent = document.get(part) or {}
        if left := {name: sent[name] for name in sent if name not in held_of_part}:
            rest[part] = left
    return rest or None
