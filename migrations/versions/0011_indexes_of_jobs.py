"""Indexes of jobs in the order in which the trends read them.

A range of days is one place in `ix_jobs_runs`, and the ids are in the indexes for PostgreSQL, which
has to look each row up for a column that an index lacks.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NAMED = "package_name is not null"
Indexes = dict[str, tuple[list[str], str | None]]

BEFORE: Indexes = {
    "ix_jobs_runs": (
        [
            "status",
            "package_id",
            "run_date",
            "runtime_in_seconds",
            "finished_epoch",
            "account_id",
        ],
        None,
    ),
    "ix_jobs_epochs": (
        ["account_id", "finished_epoch", "started_epoch", "created_epoch", "package_id"],
        None,
    ),
    "ix_jobs_named": (["package_id", "account_id"], NAMED),
}
AFTER: Indexes = {
    "ix_jobs_runs": (
        [
            "status",
            "run_date",
            "package_id",
            "account_id",
            "runtime_in_seconds",
            "finished_epoch",
            "queue_seconds",
            "cluster_wait_seconds",
            "cluster_id",
            "cluster_nodes",
            "id",
        ],
        None,
    ),
    "ix_jobs_epochs": (["account_id", "started_epoch", "finished_epoch", "package_id"], None),
    "ix_jobs_named": (["package_id", "account_id", "id"], NAMED),
    "ix_jobs_account_id_created_epoch": (["account_id", "created_epoch"], None),
    "ix_jobs_account_id_finished_epoch": (["account_id", "finished_epoch"], None),
}


def upgrade() -> None:
    change(AFTER, BEFORE)


def downgrade() -> None:
    change(BEFORE, AFTER)


def change(wanted: Indexes, other: Indexes) -> None:
    """Create the indexes that are wanted, and drop those of `other` that are not.

    MariaDB commits each statement: what a killed upgrade has done already is left as it is.
    """
    found: dict[Any, list[str | None]] = {
        index["name"]: index["column_names"]
        for index in sa.inspect(op.get_bind()).get_indexes("jobs")
    }
    for name, (columns, only) in wanted.items():
        if name in found and found[name] != columns:
            op.drop_index(name, "jobs")
        if found.get(name) != columns:
            condition = None if only is None else sa.text(only)
            op.create_index(
                name, "jobs", columns, sqlite_where=condition, postgresql_where=condition
            )
    for name in other.keys() - wanted.keys():
        if name in found:
            op.drop_index(name, "jobs")
