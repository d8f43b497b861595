"""Accounts with open jobs that move, and answers that fail."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from syncer import Syncer, history

from snapshotter.simulator.faults import Answer, Request


def open_jobs(syncer: Syncer, count: int, **fields: Any) -> list[dict[str, Any]]:
    """Store finished jobs, and open ones that no later listing shows."""
    history(syncer.account, 9)
    old = syncer.account.now - timedelta(days=1)
    fields = {"status": "paused", "created_at": old, "updated_at": old, **fields}
    jobs = [syncer.account.add_job(**fields) for _ in range(count)]
    syncer()
    return jobs


def move(syncer: Syncer, jobs: list[dict[str, Any]]) -> None:
    """Let time pass, and every job move without a change of its `updated_at`."""
    syncer.account.now += timedelta(seconds=61)
    for job in jobs:
        job["progress"] += 0.01
    syncer.account.touch()


def failing(code: int, *paths: str, **query: str) -> Callable[[Request], Answer | None]:
    """Answer requests for these paths, or with this in their query, by `code` alone."""

    def answer(request: Request) -> Answer | None:
        path = request.path.rsplit("/api/", 1)[1]
        is_asked = path in paths or (query and query.items() <= request.query.items())
        headers = {"Location": "/elsewhere"} if code == 302 else {}
        return Answer(code, headers, b'{"message": "oops"}') if is_asked else None

    return answer
