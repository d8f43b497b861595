"""The summary of a job's log, as the API returns it for `include=log_summary`."""

from typing import Any, NamedTuple

import msgspec

from snapshotter.api import coercion
from snapshotter.api.schema import LogSummary
from snapshotter.errors import RecordError

Document = dict[str, Any]
_MEMBER = "log_summary"


class Summarized(NamedTuple):
    """A job as the answer has it: `status` may be anything.

    `log_summary` is what came, or None if the API has no summary of the job's log.
    """

    job_id: int
    status: Any
    log_summary: Any


class Summary(NamedTuple):
    """A summary as columns hold it; `extra` is what fits none, under the API's names."""

    known: LogSummary
    extra: Document


def read(raw: bytes) -> Summarized:
    """Read the answer about a job. Raises `RecordError` if it cannot be read or has no id."""
    try:
        document = coercion.parse(raw)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"an answer that cannot be read: {error}") from None
    if not isinstance(document, dict):
        raise RecordError("an answer that is not an object")
    # `[]` is an empty object, of those who write it as PHP does.
    return Summarized(
        coercion.id_of(document), document.get("status"), document.get(_MEMBER) or None
    )


def columns(log_summary: Any) -> Summary:
    """Return a summary as columns hold it, whatever came in its place."""
    if not isinstance(log_summary, dict):
        return Summary(LogSummary(), {_MEMBER: log_summary})
    fitting, misfits = coercion.fit(log_summary, LogSummary)
    rest = {name: value for name, value in fitting.items() if name not in _NAMES}
    return Summary(msgspec.convert(fitting, LogSummary), {**rest, **misfits})


_NAMES = frozenset(LogSummary.__struct_fields__)
