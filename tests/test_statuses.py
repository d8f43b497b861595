"""Which statuses are final, and that an unknown one is not."""

import pytest

from snapshotter.statuses import FINAL_STATUSES, STATUSES, is_open


def test_no_status_is_listed_twice() -> None:
    assert len(set(STATUSES)) == len(STATUSES)


@pytest.mark.parametrize("status", ["completed", "failed", "stopped"])
def test_a_final_status_is_not_open(status: str) -> None:
    assert status in FINAL_STATUSES
    assert not is_open(status)


@pytest.mark.parametrize("status", [*STATUSES[3:], "paused", "Completed", "", None])
def test_every_other_status_is_open_also_an_unknown_one(status: str | None) -> None:
    assert is_open(status)
