"""Accounts whose jobs vanish, or whose list hides them, and what a run made of it."""

import json
from datetime import datetime

from syncer import Syncer

from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import Answer, Request
from snapshotter.store.tables import JOBS


def remove(account: SimulatedAccount, *job_ids: int) -> None:
    for job_id in job_ids:
        account.remove_job(job_id)


def gone(syncer: Syncer) -> dict[int, datetime]:
    return {row["id"]: row["gone_at"] for row in syncer.rows(JOBS) if row["gone_at"] is not None}


def by_id(syncer: Syncer) -> list[int]:
    return [int(path[5:]) for path in syncer.asked if path.startswith("jobs/")]


class Hiding:
    """Answers the list as the account does, without some jobs that are there by id."""

    def __init__(self, account: SimulatedAccount, hidden: set[int]) -> None:
        self._account, self._hidden = account, hidden

    def __call__(self, request: Request) -> Answer | None:
        account = self._account
        if not request.path.endswith("/jobs"):
            return None
        since = request.query.get("since", "")
        shown = sorted(
            (job["created_at"], job["id"], job)
            for job in account.jobs.values()
            if job["id"] not in self._hidden and job["updated_at"] >= since
        )
        place, limit = int(request.query["offset"]), int(request.query["limit"])
        page = [job for _, _, job in shown[place : place + limit]]
        return Answer(200, {}, json.dumps(page).encode())


class Outage:
    """For a while the list shows none of some jobs, and their ids answer 404."""

    def __init__(self, account: SimulatedAccount, lost: set[int]) -> None:
        self._hiding, self._lost = Hiding(account, lost), lost

    def __call__(self, request: Request) -> Answer | None:
        if request.path.rsplit("/", 1)[1] in map(str, self._lost):
            return Answer(404)
        return self._hiding(request)
