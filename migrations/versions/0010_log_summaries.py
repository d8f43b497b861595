"""The table of the summaries that the API makes of the logs of failed jobs."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

from snapshotter.models import UTCDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

id_ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
words = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
mysql_options: Any = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}


def upgrade() -> None:
    # MariaDB commits each statement: what a killed upgrade has done already is left as it is.
    if sa.inspect(op.get_bind()).has_table("log_summaries"):
        return
    op.create_table(
        "log_summaries",
        sa.Column("job_id", id_, autoincrement=False, nullable=False, comment="the failed job"),
        sa.Column("error_summary", words, nullable=True, comment="what went wrong, in a few words"),
        sa.Column(
            "openai_extract", words, nullable=True, comment="the part of the log that shows it"
        ),
        sa.Column(
            "action_items",
            document,
            nullable=True,
            comment="what to do about it, an array of texts",
        ),
        sa.Column("body", words, nullable=True, comment="the whole summary"),
        sa.Column(
            "created_at", UTCDateTime(), nullable=True, comment="when the API made the summary"
        ),
        sa.Column("summary_id", id_, nullable=True, comment="id of the summary at the API"),
        sa.Column(
            "extra",
            document,
            nullable=True,
            comment="everything that the API sent and that has no column, under the API's names",
        ),
        sa.Column(
            "requested_at",
            UTCDateTime(),
            nullable=False,
            comment="when the summary was last requested",
        ),
        sa.Column(
            "finished_epoch",
            id_,
            nullable=True,
            comment="finished_at of the job then, in whole seconds since 1970; if it has another "
            "by now, the job has failed again, and the summary is of an earlier failure",
        ),
        sa.Column(
            "attempts",
            sa.Integer(),
            nullable=True,
            comment="number of requests that failed; null after an answer",
        ),
        sa.Column(
            "next_attempt_at",
            UTCDateTime(),
            nullable=True,
            comment="no run requests it again before this; null after an answer",
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_log_summaries_job_id_jobs")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_log_summaries")),
        comment="One row per failed job whose log summary was requested, by sync --log-summaries; "
        "all but the marks of the request are null if the API has none",
        **mysql_options,
    )


def downgrade() -> None:
    op.drop_table("log_summaries")
