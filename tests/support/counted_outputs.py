"""Compares `output_days` with the jobs and outputs that it counts: they are equal at any moment."""

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, select

from snapshotter.store.tables import ACCOUNTS, JOBS, OUTPUT_DAYS, OUTPUTS

_MOST = 10_000_000_000_000_000
_Key = tuple[str, int | None, object, str | None]


def assert_counted(connection: Connection) -> None:
    """Compare every row with a count of our own; an account that waits for its count has none."""
    since = {row.account_id: row.output_days_since for row in connection.execute(select(ACCOUNTS))}
    found = {row.first_output_id: tuple(row)[1:] for row in connection.execute(select(OUTPUT_DAYS))}
    expected = {
        min(output.id for output in outputs): (*key, *_counts(outputs))
        for key, outputs in _groups(connection).items()
        if since.get(key[0]) is not None
    }
    assert found == expected


def _groups(connection: Connection) -> dict[_Key, list[Any]]:
    """Return the outputs of completed jobs by their group."""
    groups: dict[_Key, list[Any]] = defaultdict(list)
    rows = (
        select(OUTPUTS, JOBS.c.account_id, JOBS.c.package_id, JOBS.c.run_date)
        .join_from(OUTPUTS, JOBS)
        .where(JOBS.c.status == "completed")
    )
    for row in connection.execute(rows):
        groups[row.account_id, row.package_id, row.run_date, row.name].append(row)
    return groups


def _counts(outputs: list[Any]) -> tuple[int | None, ...]:
    """Return the runs, those that wrote nothing, and the records in billions and the rest."""
    written: dict[int, list[int]] = {output.job_id: [] for output in outputs}
    for output in outputs:
        if output.records_count is not None and 0 <= output.records_count <= _MOST:
            written[output.job_id].append(output.records_count)
    parts = [divmod(records, 10**9) for each in written.values() for records in each]
    return (
        len(written),
        sum(bool(each) and not any(each) for each in written.values()),
        sum(billions for billions, _ in parts) if parts else None,
        sum(rest for _, rest in parts) if parts else None,
    )
