"""When a rejected record is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from snapshotter.store.backoff import is_due, pause

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def test_the_pauses_grow() -> None:
    hours = [pause(attempts) / timedelta(hours=1) for attempts in range(6)]
    assert hours == [1, 1, 6, 24, 24, 24]


@pytest.mark.parametrize(
    ("after", "attempts", "due"),
    [
        (None, 0, True),
        (timedelta(0), 1, True),
        (timedelta(seconds=-1), 1, True),
        (timedelta(seconds=1), 1, False),
        (timedelta(hours=1), 1, False),
        (timedelta(hours=24), 3, False),
        # A clock that ran ahead once has set these.
        (timedelta(hours=1, seconds=1), 1, True),
        (timedelta(days=3650), 3, True),
    ],
)
def test_when_it_is_due(after: timedelta | None, attempts: int, due: bool) -> None:  # noqa: FBT001
    assert is_due(None if after is None else NOW + after, attempts, NOW) is due
