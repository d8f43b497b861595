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
