"""What is worked out of a record before it is stored."""

import json
from collections.abc import Iterable

import pytest
from samples import job
from sqlalchemy.dialects import sqlite

from snapshotter.api import records
from snapshotter.redact import Redaction
from snapshotter.store.prepared import Prepared, encoded, prepare, total


def prepared(job_id: int, outputs: int) -> Prepared:
    """Return a job with this many outputs of two fields each."""
    own = [
        {"id": job_id * 10 + n, "component": {"fields": ["id", "total"]}} for n in range(outputs)
    ]
    return prepare(records.read(json.dumps(job(id=job_id, outputs=own)).encode()), Redaction())


def test_each_job_has_its_own_rows() -> None:
    dialect = sqlite.dialect()
    batch = [prepared(1, 2), prepared(2, 0), prepared(3, 1)]
    ready = encoded(dialect, batch)
    assert [(len(each.outputs), len(each.fields)) for each in ready] == [(2, 4), (0, 0), (1, 2)]
    assert ready == [encoded(dialect, [each])[0] for each in batch]


def test_rows_that_are_ready_are_kept() -> None:
    dialect = sqlite.dialect()
    first, second, third = prepared(1, 2), prepared(2, 1), prepared(3, 1)
    (done,) = encoded(dialect, [second])
    ready = encoded(dialect, [first, second._replace(ready=done), third])
    assert ready[1] is done
    assert ready == encoded(dialect, [first, second, third])


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([], None),
        ([None], None),
        ([0], 0),
        ([None, 3, 4], 7),
        ([2**62, 2**62], 2**63 - 1),
        ([-(2**62), -(2**63)], -(2**63)),
    ],
)
def test_the_sum_of_known_counts(counts: Iterable[int | None], expected: int | None) -> None:
    assert total(counts) == expected
