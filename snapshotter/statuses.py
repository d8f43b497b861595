"""The statuses of a job that the API documents, in one order."""

# The final ones come first: a job that ends while jobs are counted is counted as ended.
STATUSES = (
    *("completed", "failed", "stopped"),
    *("idle", "pending", "queued", "running", "pending_stoppage", "stopping"),
)
FINAL_STATUSES = frozenset(STATUSES[:3])


def is_open(status: str | None) -> bool:
    """Return whether a job is not final. An unknown status counts as open."""
    return status not in FINAL_STATUSES
