"""Records that are set aside, and the reasons for that."""

from datetime import timedelta
from typing import Any

from syncer import Syncer, history

from snapshotter.store.rejects import listed


def reasons(syncer: Syncer) -> dict[int | None, str]:
    return {row.job_id: row.reason for row in listed(syncer.engine)}


def one_bad(syncer: Syncer, **fields: Any) -> dict[str, Any]:
    """Have four good jobs stored and one set aside; a day goes by."""
    history(syncer.account, 4)
    bad = syncer.account.add_job(**fields)
    assert syncer().rejected == 1
    syncer.account.advance(timedelta(days=1).total_seconds())
    return bad


def refused(syncer: Syncer, count: int) -> list[int]:
    """Set records aside that no later listing shows; let a minute go by."""
    old = syncer.account.now - timedelta(days=2)
    times = dict.fromkeys(("created_at", "started_at", "completed_at", "updated_at"), old)
    keeper = syncer.account.add_job(id=1, outputs=[{"id": 7}], **times)
    bad = [
        syncer.account.add_job(id=100 + n, outputs=[{"id": 7}], **times)["id"] for n in range(count)
    ]
    history(syncer.account, 3)
    assert keeper
    outcome = syncer()
    assert outcome.rejected == count
    syncer.account.now += timedelta(minutes=2)
    return bad
