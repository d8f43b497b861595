"""An account whose records stand as bytes, good and bad."""

import json
from collections.abc import Callable
from typing import Any

from samples import job

from snapshotter.simulator.faults import Answer, Request


def raw(document: Any) -> bytes:
    return json.dumps(document).encode()


def spoilt(job_id: int, **fields: Any) -> bytes:
    """Return a record that is good but for these fields."""
    return raw(job(**{"id": job_id, "outputs": [], **fields}))


def listing(records: list[bytes]) -> Callable[[Request], Answer | None]:
    """Answer the list with these records as they stand, and a job by its id with its own."""

    def answer(request: Request) -> Answer | None:
        last = request.path.rsplit("/", 1)[1]
        if last == "jobs":
            place, limit = int(request.query["offset"]), int(request.query["limit"])
            return Answer(200, {}, b"[" + b",".join(records[place : place + limit]) + b"]")
        if last.isdigit():
            mine = next((each for each in records if b'"id": %b' % last.encode() in each), None)
            return Answer(404) if mine is None else Answer(200, {}, mine)
        return None

    return answer


BAD: list[tuple[bytes, int | None, str]] = [  # the record, its id if it has one, the reason
    (b"null", None, "a record with no id: Expected `object`, got `null`"),
    (b"17", None, "a record with no id: Expected `object`, got `int`"),
    (b'["job"]', None, "a record with no id: Expected `object`, got `array`"),
    (b'"job"', None, "a record with no id: Expected `object`, got `str`"),
    (raw({"status": "failed"}), None, "a record with no id: Object missing required field `id`"),
    (
        raw({"id": 2**63}),
        None,
        "a record with no id: Expected `int` <= 9223372036854775807 - at `$.id`",
    ),
    (raw({"id": "7x"}), None, "a record with no id: Expected `int`, got `str` - at `$.id`"),
    (raw({"id": True}), None, "a record with no id: Expected `int`, got `bool` - at `$.id`"),
    (raw({"id": 0}), None, "a record with no id: Expected `int` >= 1 - at `$.id`"),
    (b'{"id": 21, "errors": say "it"}', 21, "job 21: JSON is malformed"),
    (b'{"errors": oh no, "id": 22, "x": 1}', 22, "job 22: JSON is malformed"),
    (b'{"id": 23, "errors"}', 23, "job 23: JSON is malformed"),
]
