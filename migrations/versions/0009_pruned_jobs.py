"""The table of the jobs that `db prune` has removed.

The API still lists a job that was pruned here. Each run counts the list against what is stored,
finds a difference by the jobs' created_at, and stores what the list has; `verify` counts by status.
So a pruned job leaves a row with what these need, a few per cent of what the job took: the counts
stay exact, and a job that the API deletes later, or that runs again, is noticed as before. A time
up to which an account is pruned would be smaller, but the jobs before it could not be counted.

A run that meets a pruned job again counts it as unchanged, which the comment of that column has.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from snapshotter.models import UTCDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

UNCHANGED = (
    "jobs whose rows stayed the same",
    "jobs whose rows stayed the same, or that are pruned",
)
INDEX = "ix_pruned_jobs_account_id_gone_at"
id_ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
mysql_options: Any = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}


def upgrade() -> None:
    # MariaDB commits each statement: what a killed upgrade has done already is left as it is.
    if not sa.inspect(op.get_bind()).has_table("pruned_jobs"):
        create_table()
    known = sa.inspect(op.get_bind()).get_indexes("pruned_jobs")
    if INDEX not in {index["name"] for index in known}:
        op.create_index(INDEX, "pruned_jobs", ["account_id", "gone_at"])
    comment_unchanged(UNCHANGED[1])


def comment_unchanged(comment: str) -> None:
    """Set the comment as revision 0005 does, which rebuilds no table."""
    script: Any = op.get_context().script
    script.get_revision("0005").module.change({"snapshots": {"jobs_unchanged": comment}})


def create_table() -> None:
    op.create_table(
        "pruned_jobs",
        sa.Column(
            "job_id", id_, autoincrement=False, nullable=False, comment="the job's id at the API"
        ),
        sa.Column(
            "account_id", sa.String(255), nullable=False, comment="the account it was read from"
        ),
        sa.Column(
            "status", sa.String(255), nullable=True, comment="the job's status when it was pruned"
        ),
        sa.Column("created_at", UTCDateTime(), nullable=True, comment="when the job was requested"),
        sa.Column(
            "updated_at",
            UTCDateTime(),
            nullable=True,
            comment="when the API last updated the job; a later update stores the job again",
        ),
        sa.Column(
            "gone_at",
            UTCDateTime(),
            nullable=True,
            comment="when the job was first found to be missing at the API",
        ),
        sa.Column(
            "pruned_at",
            UTCDateTime(),
            nullable=False,
            comment="when the job was pruned, by this host's clock",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_pruned_jobs_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_pruned_jobs")),
        comment="One row per job that db prune has removed, and that the API may still list",
        **mysql_options,
    )


def downgrade() -> None:
    comment_unchanged(UNCHANGED[0])
    op.drop_table("pruned_jobs")
