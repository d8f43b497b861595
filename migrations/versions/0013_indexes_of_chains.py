"""Indexes of jobs in the order of a package's ends, and of the jobs that a schedule started.

SQLite then reads the gaps between them and their retries without sorting all jobs.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SCHEDULES = sa.text("creator_type = 'Schedule'")
INDEXES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "ix_jobs_ends": (
        ["package_id", "account_id", "finished_epoch", "id", "status", "run_date"],
        {},
    ),
    "ix_jobs_schedules": (
        [
            "creator_id",
            "package_id",
            "account_id",
            "created_epoch",
            "id",
            "run_date",
            "status",
            "attempts",
            "runtime_in_seconds",
            "creator_type",
        ],
        {
            "sqlite_where": SCHEDULES,
            "postgresql_where": SCHEDULES,
            "mysql_length": {"creator_type": 16},
            "mariadb_length": {"creator_type": 16},
        },
    ),
}


def upgrade() -> None:
    """Create the indexes; one that a killed upgrade has created already is left as it is."""
    found = existing()
    for name, (columns, options) in INDEXES.items():
        if name not in found:
            op.create_index(name, "jobs", columns, **options)


def downgrade() -> None:
    for name in INDEXES.keys() & existing():
        op.drop_index(name, "jobs")


def existing() -> set[str | None]:
    return {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("jobs")}
