"""One job into rows of the three tables. Pure; the map from names to columns is spelled out."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec
from msgspec import UNSET

from snapshotter import fingerprint
from snapshotter.api.records import Record
from snapshotter.api.schema import (
    LARGEST_KEPT,
    Cluster,
    Component,
    Creator,
    Job,
    Output,
    Package,
    kept,
    read_anything,
    read_cluster,
    read_component,
    read_creator,
    read_object,
    read_package,
)
from snapshotter.statuses import STATUSES, is_open
from snapshotter.times import epoch

# What the columns hold of each object; the rest goes to `extra`. `package.id` and `cluster.id` are
# other facts than the job's own `package_id` and `cluster_id`: they are held only if they agree.
_JOB = frozenset(Job.__struct_fields__)
_PACKAGE = frozenset({"name", "url", "updated_at"})
_CLUSTER = frozenset({"name", "url", "nodes", "available_since"})
_CREATOR = frozenset({"type", "id", "display_name", "url"})
_OUTPUT = frozenset(Output.__struct_fields__)
_COMPONENT = frozenset(Component.__struct_fields__)
_OLDER = ("component_name", "component_type")  # of an output; `component` has them by now
_STATUS_LENGTH = 255

Row = dict[str, Any]


class Redact(Protocol):
    """Hides the secrets of a JSON value; `variables` those of a job's variables."""

    def __call__(self, value: Any, /) -> Any: ...
    def text(self, value: str | None, /) -> str | None: ...
    def may_hide(self, text: str, /) -> bool: ...
    def variables(self, value: Any, /) -> Any: ...
    def __hash__(self) -> int: ...


class JobRows(NamedTuple):
    """The rows of one job; `fields` are those of `output_fields`: (output_id, position, name)."""

    job: Row
    outputs: list[Row]
    fields: list[tuple[int, int, str]]


def flatten(record: Record, redact: Redact) -> JobRows:
    """Return the rows of a job. What they hold of JSON values is shared, and not to be changed."""
    job = record.job
    work = _Work(
        record,
        _document(record),
        _OF_SMALL if len(record.raw) <= LARGEST_KEPT else _OF_ANY,
        redact.text if redact.may_hide(_texts(job)) else _unchanged,
        redact,
    )
    outputs: list[Row] = []
    fields: list[tuple[int, int, str]] = []
    for index, output in enumerate(job.outputs or ()):
        texts = _OutputTexts(output.name, output.component_name, output.component_type)
        component = work.parts.component(bytes(output.component), job.package_id, texts, redact)
        outputs.append(_output_row(work, index, output, component))
        fields += [(output.id, position, name) for position, name in component.fields]
    return JobRows(_job_row(work), outputs, fields)


class _Work(NamedTuple):
    """A record, and what works its rows out.

    `document`: the job as JSON. `text`: hides secrets in a text that is in no part of the job.
    """

    record: Record
    document: Row
    parts: "_Parts"
    text: Callable[[str | None], str | None]
    redact: Redact


def _job_row(work: _Work) -> Row:  # a line for each column
    record, _, parts, text, redact = work
    job = record.job
    package, of_package = parts.package(bytes(job.package), job.package_id, redact)
    cluster, of_cluster = parts.cluster(bytes(job.cluster), job.cluster_id, redact)
    creator, of_creator = parts.creator(bytes(job.creator), redact)
    extra = _extra_of_job(work, {**of_package, **of_cluster, **of_creator})
    began = job.started_at or job.created_at
    finished_at = _finished_at(job)
    errors = redact.text(job.errors)  # a driver's message can have a URL with its password
    return {
        "id": job.id,
        "status": job.status if job.status in STATUSES else _status(job.status, redact),
        "owner_id": job.owner_id,
        "progress": _share(job.progress),
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
        "variables": parts.variables(bytes(job.variables), redact),
        "dynamic_variables": parts.variables(bytes(job.dynamic_variables), redact),
        "url": text(job.url),
        "html_url": text(job.html_url),
        "log_url": text(job.log_url),
        "extra": extra or None,
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


def _extra_of_job(work: _Work, of_parts: Row) -> Row:
    """Return what no column of the job's row holds."""
    record, redact = work.record, work.redact
    extra = {} if record.is_exact else redact(_rest(work.document, _JOB))
    if record.job.log_summary is not UNSET:
        log_summary = read_anything.of_any(bytes(record.job.log_summary))
        extra |= redact({"log_summary": log_summary})
    extra = {**extra, **of_parts}
    if record.odd is not None:
        _add(extra, redact(record.odd.of_job))
    return extra


def _output_row(work: _Work, index: int, output: Output, component: "_Written") -> Row:
    record, text = work.record, work.text
    rest = {} if record.is_exact else _rest_of_output(work.document["outputs"][index], work.redact)
    rest = {**rest, **component.extra}
    if record.odd is not None:
        _add(rest, work.redact(record.odd.of_outputs.get(output.id, {})))
    return {
        "id": output.id,
        "job_id": record.job.id,
        "name": component.output_name,
        "records_count": output.records_count,
        "progress": _share(output.progress),
        "created_at": output.created_at,
        "updated_at": output.updated_at,
        "url": text(output.url),
        "preview_url": text(output.preview_url),
        "preview_type": text(output.preview_type),
        "component_name": component.name,
        "component_type": component.type,
        "fields_digest": component.fields_digest,
        "extra": rest or None,
    }


def _texts(job: Job) -> str:
    """Return the texts that no part of a job has, to search them at once: most have no secret."""
    texts = [job.url, job.html_url, job.log_url]
    for output in job.outputs or ():
        texts += output.url, output.preview_url, output.preview_type
    return "\n".join(filter(None, texts))


def _unchanged(text: str | None) -> str | None:
    return text


def _document(record: Record) -> Row:
    """Return the job as JSON, of what fits; nothing if the columns hold all of it."""
    if record.odd is not None:
        return record.odd.document
    return {} if record.is_exact else record.document


class _OutputTexts(NamedTuple):
    """Texts that an output itself has: its name, and its component's in older answers."""

    name: str | None
    component_name: str | None
    component_type: str | None


class _Written(NamedTuple):
    """What is written of an output's component; `fields`: (position, name)."""

    output_name: str | None
    name: str | None
    type: str | None
    fields: tuple[tuple[int, str], ...]
    fields_digest: str
    extra: Row


@kept
def _package(raw: bytes, package_id: int | None, redact: Redact) -> tuple[Package, Row]:
    package: Package = read_package.of_any(raw) or Package()
    held = _PACKAGE | {"id"} if package.id == package_id else _PACKAGE
    return _clean(package, redact), _extra("package", raw, held, redact)


@kept
def _cluster(raw: bytes, cluster_id: int | None, redact: Redact) -> tuple[Cluster, Row]:
    cluster: Cluster = read_cluster.of_any(raw) or Cluster()
    held = _CLUSTER | {"id"} if cluster.id == cluster_id else _CLUSTER
    return _clean(cluster, redact), _extra("cluster", raw, held, redact)


@kept
def _creator(raw: bytes, redact: Redact) -> tuple[Creator, Row]:
    creator: Creator = read_creator.of_any(raw) or Creator()
    return _clean(creator, redact), _extra("creator", raw, _CREATOR, redact)


@kept
def _component(raw: bytes, package_id: int | None, texts: _OutputTexts, redact: Redact) -> _Written:
    """Return what is written of an output's component.

    A place in `fields` without a name has no row.
    """
    component: Component = _clean(read_component.of_any(raw) or Component(), redact)
    output_name = redact.text(texts.name)
    older = (texts.component_name, texts.component_type)
    name, kind = (
        redact.text(old) if new is None else new
        for new, old in zip((component.name, component.type), older, strict=True)
    )
    names = [redact.text(field) for field in component.fields or ()]
    extra = _extra(
        "component", raw, _COMPONENT - {"fields"} if None in names else _COMPONENT, redact
    )
    for member, old, held in zip(_OLDER, older, (name, kind), strict=True):
        if old is not None and redact.text(old) != held:
            extra[member] = redact.text(old)
    return _Written(
        output_name,
        name,
        kind,
        tuple((position, field) for position, field in enumerate(names, 1) if field is not None),
        fingerprint.of_fields(package_id, name, output_name, names),
        extra,
    )


@kept
def _variables(raw: bytes, redact: Redact) -> Any:
    return redact.variables(read_object.of_any(raw))


Part = TypeVar("Part", bound=msgspec.Struct)


class _Parts(NamedTuple):
    """The functions of parts above."""

    package: Callable[..., tuple[Package, Row]]
    cluster: Callable[..., tuple[Cluster, Row]]
    creator: Callable[..., tuple[Creator, Row]]
    component: Callable[..., _Written]
    variables: Callable[..., Any]


_KEPT = (_package, _cluster, _creator, _component, _variables)
_OF_SMALL = _Parts(*(work_out.of_small for work_out in _KEPT))
_OF_ANY = _Parts(*(work_out.of_any for work_out in _KEPT))


def _clean(part: Part, redact: Redact) -> Part:
    """Return a part of a job without the secrets of its texts."""
    texts = {
        name: redact.text(value)
        for name in part.__struct_fields__
        if isinstance(value := getattr(part, name), str)
    }
    return msgspec.structs.replace(part, **texts)


def _status(status: str | None, redact: Redact) -> str | None:
    shown = redact.text(status)
    return shown and shown[:_STATUS_LENGTH]  # what stands for a secret may be longer


def _rest_of_output(document: Row, redact: Redact) -> Row:
    # With its name, so that a secret is seen beside it.
    rest: Row = redact(_rest(document, _OUTPUT - {"name"}))
    rest.pop("name", None)
    return rest


def _share(progress: float | None) -> float | None:
    """Return a progress; zero without a sign, which some engines lose."""
    return progress or (None if progress is None else 0.0)


def _add(extra: Row, misfits: Row) -> None:
    """Add the values that fit no column; those of a part, to what else is kept of that part."""
    for name, value in misfits.items():
        known = extra.get(name)
        both = isinstance(known, dict) and isinstance(value, dict)
        extra[name] = {**known, **value} if both and known is not None else value


def cluster_wait(
    created_at: datetime | None, started_at: datetime | None, available_since: datetime | None
) -> int | None:
    """Return the seconds that a job waited for its cluster: part of `queue_seconds`."""
    if created_at is None or started_at is None or available_since is None:
        return None
    return max(0, _seconds(created_at, min(started_at, available_since)) or 0)


def _finished_at(job: Job) -> datetime | None:
    """Return when a job finished: answers have any of three times; None if it is not final."""
    if is_open(job.status):
        return None
    return job.completed_at or job.failed_at or job.updated_at


def _seconds(start: datetime | None, end: datetime | None) -> int | None:
    return None if start is None or end is None else int((end - start).total_seconds())


def _rest(document: Row, held: frozenset[str]) -> Row:
    """Return what no column holds, under its own names."""
    return {name: value for name, value in document.items() if name not in held}


def _extra(name: str, raw: bytes, held: frozenset[str], redact: Redact) -> Row:
    """Return what no column holds of a part, in its place in the job, or nothing."""
    whole = msgspec.json.decode(raw) or {}
    if not whole.keys() - held:
        return {}
    hidden: Row = redact({name: whole})  # whole, so that a secret is seen beside its name
    if isinstance(part := hidden.get(name), dict):
        hidden[name] = _rest(part, held)
    return hidden
