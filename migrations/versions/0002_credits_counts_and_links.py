"""What a run spent; what is known of an account's server; how far its jobs were counted."""

import sqlalchemy as sa
from alembic import op

from snapshotter.models import UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

id_ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def columns() -> list[tuple[str, sa.Column[object]]]:
    return [
        (
            "accounts",
            sa.Column(
                "sends_links",
                sa.Boolean(),
                nullable=True,
                comment="the server names the pages around one, so one that names none is alone",
            ),
        ),
        (
            "accounts",
            sa.Column(
                "refreshed_id",
                id_,
                nullable=True,
                comment="the last job that a run asked for by id before it had to stop",
            ),
        ),
        (
            "accounts",
            sa.Column(
                "counted_at",
                UTCDateTime(),
                nullable=True,
                comment="the server's clock when its jobs were last counted",
            ),
        ),
        (
            "accounts",
            sa.Column(
                "unlisted",
                id_,
                nullable=True,
                comment="jobs here that the list did not have then, though the API gave them by id",
            ),
        ),
        (
            "snapshots",
            sa.Column(
                "credits_spent",
                sa.Integer(),
                nullable=True,
                comment="requests sent that cost a credit, retries included",
            ),
        ),
    ]


def upgrade() -> None:
    # MariaDB commits each statement: what a killed upgrade has done already is left as it is.
    found = sa.inspect(op.get_bind())
    for table, column in columns():
        if column.name not in {each["name"] for each in found.get_columns(table)}:
            op.add_column(table, column)
    indexes = {each["name"] for each in found.get_indexes("jobs")}
    if "ix_jobs_account_id_gone_at_finished_at" not in indexes:
        op.create_index(
            "ix_jobs_account_id_gone_at_finished_at",
            "jobs",
            ["account_id", "gone_at", "finished_at"],
        )
    if "ix_jobs_account_id_finished_at" in indexes:
        op.drop_index("ix_jobs_account_id_finished_at", table_name="jobs")


def downgrade() -> None:
    op.create_index("ix_jobs_account_id_finished_at", "jobs", ["account_id", "finished_at"])
    op.drop_index("ix_jobs_account_id_gone_at_finished_at", table_name="jobs")
    for table, column in columns():
        with op.batch_alter_table(table) as batch:
            batch.drop_column(str(column.name))
