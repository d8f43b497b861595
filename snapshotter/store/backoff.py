"""When a record that is set aside is tried again. Pure."""

from datetime import datetime, timedelta

# After the first try, after the second, and from then on.
PAUSES = (timedelta(hours=1), timedelta(hours=6), timedelta(days=1))


def pause(attempts: int) -> timedelta:
    """Return how long a record waits that was tried so many times."""
    return PAUSES[min(max(attempts, 1), len(PAUSES)) - 1]


def is_due(next_attempt_at: datetime | None, attempts: int, now: datetime) -> bool:
    """Whether a record is to be tried by now.

    A time further off than its pause was set by a clock that ran ahead.
    """
    if next_attempt_at is None:
        return True
    return not timedelta(0) < next_attempt_at - now <= pause(attempts)
