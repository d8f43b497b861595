"""Decides when a rejected record is tried again. Pure."""

from datetime import datetime, timedelta

# After the first try, after the second, and from then on.
PAUSES = (timedelta(hours=1), timedelta(hours=6), timedelta(days=1))


def pause(attempts: int) -> timedelta:
    """Return how long a record waits after its last attempt."""
    return PAUSES[min(max(attempts, 1), len(PAUSES)) - 1]


def is_due(next_attempt_at: datetime | None, attempts: int, now: datetime) -> bool:
    """Whether a record should be tried now.

    A time further away than the pause was set by a clock that ran ahead, and does not count.
    """
    if next_attempt_at is None:
        return True
    return not timedelta(0) < next_attempt_at - now <= pause(attempts)
