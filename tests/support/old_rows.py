"""Rows of a database of an earlier revision, as statements of SQL that every engine takes."""

from runs import COUNTS

# Two jobs of revision 0006, with times in the text that SQLite had then. Of the second, the run and
# the account are missing, as after a deletion by hand; a change belongs to no job at all.
DOCUMENT = '{"b": 1, "a": [1.50, null]}'
OLD_ROWS = (
    "insert into accounts (account_id, api_url) values ('acme', 'https://api.xplenty.com')",
    *(
        f"insert into snapshots (id, account_id, kind, status, started_at, {', '.join(COUNTS)}) "
        f"values ({number}, '{account}', 'full', 'failed', '2026-01-05 03:04:05.678901', "
        f"{', '.join('0' * len(COUNTS))})"
        for number, account in ((1, "acme"), (2, "mistyped"))
    ),
    *(
        "insert into jobs (id, account_id, run_date, created_at, started_at, first_seen_at, "
        "last_changed_at, snapshot_id, package_id, variables, extra) values "
        f"({job}, '{account}', '2026-01-05', '2026-01-05 03:04:05.000000', "
        "'2026-01-05 03:04:05.123456', '2026-01-05 04:00:00.500000', "
        f"'2026-01-05 04:00:00.000000', {run}, 434, '{DOCUMENT}', null)"
        for job, account, run in ((7, "acme", 1), (8, "deleted", 5))
    ),
    *(
        "insert into job_changes (id, job_id, snapshot_id, observed_at, status) values "
        f"({number}, {job}, {run}, '2026-01-05 04:00:00.000000', 'completed')"
        for number, job, run in ((1, 7, 1), (2, 8, 6), (3, 9, 1))
    ),
)
