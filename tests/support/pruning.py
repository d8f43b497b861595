"""What `db prune` removes, and what is left of it."""

from datetime import datetime, timedelta

from syncer import Syncer, history

from snapshotter.store import prune
from snapshotter.store.prune import Old, Removed, total
from snapshotter.store.tables import JOBS, PRUNED


def pruned_before(syncer: Syncer, before: datetime) -> Removed:
    """Remove what is older, exactly as much as was counted before, but for runs."""
    old = Old(syncer.account.account_id, before)
    planned = prune.count(syncer.engine, old)
    removed = total(prune.prune(syncer.engine, [old]))
    assert (removed.jobs, removed.rejected) == (planned.jobs, planned.rejected)
    return removed


def half_pruned(syncer: Syncer, jobs: int = 10) -> list[int]:
    """Sync finished jobs, prune the older half, let a minute go by; return the ids of the half."""
    history(syncer.account, jobs)
    syncer()
    ids = sorted(syncer.account.jobs)
    middle = datetime.fromisoformat(syncer.account.jobs[ids[jobs // 2]]["completed_at"])
    assert pruned_before(syncer, middle) == Removed(jobs=jobs // 2)
    assert [row["id"] for row in syncer.rows(JOBS)] == ids[jobs // 2 :]
    assert [row["job_id"] for row in syncer.rows(PRUNED)] == ids[: jobs // 2]
    syncer.account.now += timedelta(minutes=1)
    return ids[: jobs // 2]
