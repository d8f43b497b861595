"""A spool has the rows that passed through it, as often as they are read."""

import tracemalloc
from datetime import UTC, date, datetime
from typing import Any

from snapshotter.export.spool import spool


def test_rows_are_kept_as_they_are() -> None:
    at = datetime(2026, 1, 5, 1, 2, 3, 4, UTC)
    batches: list[list[tuple[Any, ...]]] = [
        [(1, None, "ä", 0.5), (2**70, at, at.date(), True)],
        [],
        [("x",)],
    ]
    with spool() as kept:
        assert [*kept] == []
        assert [*kept.pass_on(batches)] == batches
        assert [*kept] == batches
        assert [*kept] == batches


def test_memory_does_not_grow_with_the_rows() -> None:
    def peak(batches: int) -> int:
        made = ([(n, f"name {n}", date(2026, 1, 1)) for n in range(500)] for _ in range(batches))
        tracemalloc.start()
        try:
            with spool() as kept:
                assert sum(map(len, kept.pass_on(made))) == 500 * batches
                assert sum(map(len, kept)) == 500 * batches
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)
    assert peak(40) < 1.5 * peak(4)
