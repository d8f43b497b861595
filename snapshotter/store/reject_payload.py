"""What `rejected_records` keeps of a record: its JSON text, whole if the database takes it."""

import json
from collections.abc import Callable
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from snapshotter.api.records import Record, Reject, read_all, time_in
from snapshotter.printable import printable

NOTHING_CAME = "null"  # the payload of a job whose own call fails
LONGEST_REASON = 2_000  # characters

_CUT = "$cut"  # the key of the beginning of a payload that is too long
_KEPT_IF_CUT = ("id", "created_at", "updated_at")
# All the keys of a record that nests too deep, or is cut.
_KEYS_IF_CUT = {*_KEPT_IF_CUT, _CUT}
_MORE_DETAILED_IN_LISTS = ("package", "cluster")  # than in the answer to a job's own call
_SHORT = 10_000  # characters of a payload that the database does not take whole


class RejectedRecord(NamedTuple):
    """A row of `rejected_records`; `payload` is JSON text, secrets hidden."""

    id: int
    account_id: str
    job_id: int | None
    reason: str
    payload: str
    rejected_at: datetime


class NewReject(NamedTuple):
    """A record to set aside; `digest` is of the whole record, None if nothing came."""

    job_id: int | None
    reason: str
    payload: str
    digest: str | None


def new_reject(reject: Reject, redact: Callable[[Any], Any]) -> NewReject:
    """Return what to store of a record, with its secrets hidden."""
    reason = printable(reject.reason)[:LONGEST_REASON]
    if reject.payload is None and reject.job_id is not None:
        return NewReject(reject.job_id, reason, NOTHING_CAME, None)
    try:
        document = redact(reject.payload)
        payload = json.dumps(document)
    except (ValueError, RecursionError, OverflowError):  # too deep, or a number out of range
        document = payload = _cut(reject.payload, "")
    if reject.job_id is None and not isinstance(document, dict):
        # Offsets of the list that cannot be read may all have answered with the same words.
        document = [reason, document]
    return NewReject(reject.job_id, reason, payload, _digest(document))


def _digest(document: Any) -> str:
    """Return a digest that is the same for a record from a list and from the job's own call."""
    if isinstance(document, dict):
        document = {
            name: document[name] for name in document if name not in _MORE_DETAILED_IN_LISTS
        }
    text = json.dumps(document, sort_keys=True)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def shortened(payload: str) -> str:
    """Return a payload with only the record's id and times, and the beginning of its text."""
    try:
        return _cut(json.loads(payload), payload)
    except (ValueError, RecursionError):
        return _cut(None, payload)


def _cut(document: Any, text: str) -> str:
    kept = {}
    if isinstance(document, dict):
        kept = {
            name: document[name]
            for name in _KEPT_IF_CUT
            if isinstance(document.get(name), int | str) and len(str(document[name])) < 100  # noqa: PLR2004
        }
    return json.dumps({**kept, _CUT: text[:_SHORT]})


def is_whole(row: RejectedRecord) -> bool:
    """Whether the record is kept in full."""
    document = json.loads(row.payload)
    is_cut = isinstance(document, dict) and document.keys() <= _KEYS_IF_CUT
    return not is_cut and (row.job_id is None or document is not None)


def time_of(row: RejectedRecord, name: str) -> datetime | None:
    """Return a time of the record, if it has one that can be read."""
    return time_in(json.loads(row.payload), name)


def read_again(row: RejectedRecord) -> Record | Reject:
    """Read the stored record: this version may understand what an earlier one did not."""
    (found,) = read_all([row.payload.encode()])
    if is_whole(row) and row.job_id in (None, found.job_id):
        return found
    return Reject(row.job_id, None, row.reason, json.loads(row.payload))
