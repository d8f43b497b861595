"""The tables."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from snapshotter.models import UTCDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


id_ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
words = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
mysql_options: Any = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}


def days(first: date, last: date) -> Iterator[dict[str, Any]]:
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        yield {
            "day": day,
            "week": day - timedelta(days=day.weekday()),
            "month": day.replace(day=1),
            "weekday": day.isoweekday(),
        }


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column(
            "account_id",
            sa.String(length=255),
            nullable=False,
            comment="the account's name in the API's URLs",
        ),
        sa.Column(
            "api_url", words, nullable=False, comment="the service that the account lives on"
        ),
        sa.Column(
            "watermark",
            UTCDateTime(),
            nullable=True,
            comment="the server's clock when the last whole listing began; all before is here",
        ),
        sa.Column(
            "newest_updated_at",
            UTCDateTime(),
            nullable=True,
            comment="the latest updated_at when the last listing began; none starts after it",
        ),
        sa.Column(
            "page_size",
            sa.Integer(),
            nullable=True,
            comment="the most jobs that the server has given in one page",
        ),
        sa.Column(
            "listing_since",
            UTCDateTime(),
            nullable=True,
            comment="the since of the listing under way; null when it is of the whole",
        ),
        sa.Column(
            "listing_clock",
            UTCDateTime(),
            nullable=True,
            comment="the server's clock when the listing under way began",
        ),
        sa.Column(
            "listing_offset",
            id_,
            nullable=True,
            comment="where the listing under way goes on; null when there is none",
        ),
        sa.Column(
            "listing_edge",
            UTCDateTime(),
            nullable=True,
            comment="the created_at before which all of the listing under way was read",
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_accounts")),
        comment="The accounts read, and how far",
        **mysql_options,
    )
    calendar = op.create_table(
        "calendar",
        sa.Column("day", sa.Date(), nullable=False, comment="the day"),
        sa.Column("week", sa.Date(), nullable=False, comment="the Monday of its week"),
        sa.Column("month", sa.Date(), nullable=False, comment="the first day of its month"),
        sa.Column("weekday", sa.SmallInteger(), nullable=False, comment="1 Monday to 7 Sunday"),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_calendar")),
        comment="The days of 2010 to 2049",
        **mysql_options,
    )
    op.create_table(
        "job_changes",
        sa.Column("id", id_, nullable=False, comment="the order of observation"),
        sa.Column("job_id", id_, nullable=False, comment="the job"),
        sa.Column("snapshot_id", id_, nullable=False, comment="the run that saw it"),
        sa.Column("observed_at", UTCDateTime(), nullable=False, comment="when it was seen"),
        sa.Column("status", sa.String(length=255), nullable=True, comment="the job's status then"),
        sa.Column("progress", sa.Double(), nullable=True, comment="0 to 1"),
        sa.Column("runtime_in_seconds", id_, nullable=True, comment="seconds it had run"),
        sa.Column("outputs_count", id_, nullable=True, comment="outputs, by the API's count"),
        sa.Column(
            "records_count", id_, nullable=True, comment="records written, summed over its outputs"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_changes")),
        comment="One row whenever a job's state was seen to move",
        **mysql_options,
    )
    op.create_index(op.f("ix_job_changes_job_id"), "job_changes", ["job_id"], unique=False)

    op.create_table(
        "jobs",
        sa.Column(
            "id", id_, autoincrement=False, nullable=False, comment="the job, as the API numbers it"
        ),
        sa.Column(
            "account_id",
            sa.String(length=255),
            nullable=False,
            comment="the account it was read from",
        ),
        sa.Column(
            "status",
            sa.String(length=255),
            nullable=True,
            comment="idle, pending, queued, running, pending_stoppage, stopping; "
            "final: completed, failed, stopped",
        ),
        sa.Column("owner_id", id_, nullable=True, comment="the user who owns it"),
        sa.Column("progress", sa.Double(), nullable=True, comment="0 to 1"),
        sa.Column("outputs_count", id_, nullable=True, comment="outputs, by the API's count"),
        sa.Column("created_at", UTCDateTime(), nullable=True, comment="when it was asked for"),
        sa.Column("started_at", UTCDateTime(), nullable=True, comment="when it began to run"),
        sa.Column("failed_at", UTCDateTime(), nullable=True, comment="when it failed"),
        sa.Column(
            "completed_at", UTCDateTime(), nullable=True, comment="when it ended, however it ended"
        ),
        sa.Column(
            "updated_at",
            UTCDateTime(),
            nullable=True,
            comment="when the API last touched it; does not move with progress",
        ),
        sa.Column("cluster_id", id_, nullable=True, comment="the cluster, by the job"),
        sa.Column("cluster_name", words, nullable=True, comment="the cluster's name"),
        sa.Column("cluster_url", words, nullable=True, comment="the cluster in the API"),
        sa.Column("cluster_nodes", id_, nullable=True, comment="the cluster's nodes"),
        sa.Column(
            "cluster_available_since",
            UTCDateTime(),
            nullable=True,
            comment="when the cluster was ready for jobs",
        ),
        sa.Column("package_id", id_, nullable=True, comment="the package, by the job"),
        sa.Column("package_name", words, nullable=True, comment="the package's name"),
        sa.Column("package_url", words, nullable=True, comment="the package in the API"),
        sa.Column(
            "package_updated_at",
            UTCDateTime(),
            nullable=True,
            comment="when the package was last edited",
        ),
        sa.Column("creator_type", words, nullable=True, comment="User or Schedule"),
        sa.Column("creator_id", id_, nullable=True, comment="the user or the schedule"),
        sa.Column("creator_display_name", words, nullable=True, comment="the creator's name"),
        sa.Column("creator_url", words, nullable=True, comment="the creator in the API"),
        sa.Column("errors", words, nullable=True, comment="what went wrong, in the API's words"),
        sa.Column(
            "runtime_in_seconds",
            id_,
            nullable=True,
            comment="seconds it ran; so far, while it runs",
        ),
        sa.Column("attempts", id_, nullable=True, comment="retries done by the schedule"),
        sa.Column(
            "master_auto_retry_attempts",
            id_,
            nullable=True,
            comment="retries allowed by the schedule",
        ),
        sa.Column("variables", sa.JSON(), nullable=True, comment="variables, values masked"),
        sa.Column(
            "dynamic_variables",
            sa.JSON(),
            nullable=True,
            comment="variables worked out at run time, values masked",
        ),
        sa.Column("url", words, nullable=True, comment="the job in the API"),
        sa.Column("html_url", words, nullable=True, comment="the job's page"),
        sa.Column("log_url", words, nullable=True, comment="the job's log in the API"),
        sa.Column(
            "extra",
            sa.JSON(),
            nullable=True,
            comment="what the API sent and no column holds, under its own names",
        ),
        sa.Column(
            "run_date",
            sa.Date(),
            nullable=True,
            comment="the UTC date of started_at, else of created_at",
        ),
        sa.Column(
            "queue_seconds", id_, nullable=True, comment="seconds from created_at to started_at"
        ),
        sa.Column(
            "finished_at",
            UTCDateTime(),
            nullable=True,
            comment="of a final job: completed_at, else failed_at, else updated_at",
        ),
        sa.Column(
            "first_seen_at", UTCDateTime(), nullable=False, comment="when the job was first read"
        ),
        sa.Column(
            "last_changed_at",
            UTCDateTime(),
            nullable=False,
            comment="when a run last found it changed",
        ),
        sa.Column("snapshot_id", id_, nullable=False, comment="the run that last changed the row"),
        sa.Column(
            "gone_at",
            UTCDateTime(),
            nullable=True,
            comment="when the API was first found to have the job no more",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        comment="One row a job: one run of a package on a cluster",
        **mysql_options,
    )
    op.create_index(
        op.f("ix_jobs_account_id_finished_at"), "jobs", ["account_id", "finished_at"], unique=False
    )
    op.create_index(
        op.f("ix_jobs_package_id_run_date"), "jobs", ["package_id", "run_date"], unique=False
    )

    op.create_table(
        "rejected_records",
        sa.Column("id", id_, nullable=False, comment="the record"),
        sa.Column("snapshot_id", id_, nullable=False, comment="the run that last set it aside"),
        sa.Column(
            "account_id",
            sa.String(length=255),
            nullable=False,
            comment="the account it was read from",
        ),
        sa.Column("job_id", id_, nullable=True, comment="its job, where it names one"),
        sa.Column("reason", words, nullable=False, comment="what is wrong, with its path"),
        sa.Column(
            "payload", words, nullable=False, comment="the record as it came, secrets masked"
        ),
        sa.Column("rejected_at", UTCDateTime(), nullable=False, comment="when it was set aside"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejected_records")),
        comment="Records that could not be read, whole, until they can be",
        **mysql_options,
    )
    op.create_index(
        op.f("ix_rejected_records_account_id_job_id"),
        "rejected_records",
        ["account_id", "job_id"],
        unique=False,
    )

    op.create_table(
        "snapshots",
        sa.Column("id", id_, nullable=False, comment="the run"),
        sa.Column(
            "account_id", sa.String(length=255), nullable=False, comment="the account it read"
        ),
        sa.Column(
            "kind", sa.String(length=16), nullable=False, comment="full, incremental or jobs"
        ),
        sa.Column(
            "status",
            sa.String(length=16),
            nullable=False,
            comment="running, completed, partial or failed",
        ),
        sa.Column(
            "started_at", UTCDateTime(), nullable=False, comment="when it began, by this host"
        ),
        sa.Column(
            "finished_at", UTCDateTime(), nullable=True, comment="when it ended, by this host"
        ),
        sa.Column(
            "since",
            UTCDateTime(),
            nullable=True,
            comment="the since it listed from; null for the whole",
        ),
        sa.Column(
            "watermark",
            UTCDateTime(),
            nullable=True,
            comment="the account's watermark that it left, where it moved it",
        ),
        sa.Column(
            "requests", sa.Integer(), nullable=False, comment="HTTP requests sent, retries included"
        ),
        sa.Column("pages", sa.Integer(), nullable=False, comment="pages of the listing read"),
        sa.Column("jobs_seen", sa.Integer(), nullable=False, comment="different jobs answered"),
        sa.Column("jobs_inserted", sa.Integer(), nullable=False, comment="jobs that were new"),
        sa.Column(
            "jobs_changed", sa.Integer(), nullable=False, comment="jobs whose rows were changed"
        ),
        sa.Column(
            "jobs_unchanged",
            sa.Integer(),
            nullable=False,
            comment="jobs whose rows were left alone",
        ),
        sa.Column("jobs_rejected", sa.Integer(), nullable=False, comment="records set aside"),
        sa.Column(
            "credits_remaining",
            sa.Integer(),
            nullable=True,
            comment="credits left of the hour's, by the last answer",
        ),
        sa.Column("error", words, nullable=True, comment="why it did not complete"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshots")),
        comment="One row a run of sync",
        **mysql_options,
    )
    op.create_table(
        "job_outputs",
        sa.Column(
            "id",
            id_,
            autoincrement=False,
            nullable=False,
            comment="the output, as the API numbers it",
        ),
        sa.Column("job_id", id_, nullable=False, comment="the job that wrote it"),
        sa.Column("name", words, nullable=True, comment="the output's name"),
        sa.Column("records_count", id_, nullable=True, comment="records written"),
        sa.Column("progress", sa.Double(), nullable=True, comment="0 to 1"),
        sa.Column("created_at", UTCDateTime(), nullable=True, comment="when it was begun"),
        sa.Column("updated_at", UTCDateTime(), nullable=True, comment="when it last changed"),
        sa.Column("url", words, nullable=True, comment="the output in the API"),
        sa.Column("preview_url", words, nullable=True, comment="its first records in the API"),
        sa.Column("preview_type", words, nullable=True, comment="the preview's format"),
        sa.Column(
            "component_name",
            words,
            nullable=True,
            comment="the destination component of the package",
        ),
        sa.Column("component_type", words, nullable=True, comment="what the component writes to"),
        sa.Column(
            "extra",
            sa.JSON(),
            nullable=True,
            comment="what the API sent and no column holds, under its own names",
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_outputs_job_id_jobs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_outputs")),
        comment="One row an output of a job",
        **mysql_options,
    )
    op.create_index(op.f("ix_job_outputs_job_id"), "job_outputs", ["job_id"], unique=False)

    op.create_table(
        "output_fields",
        sa.Column(
            "output_id",
            id_,
            autoincrement=False,
            nullable=False,
            comment="the output that has the field",
        ),
        sa.Column(
            "position",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="its place, from 1",
        ),
        sa.Column("name", words, nullable=False, comment="the field's name"),
        sa.ForeignKeyConstraint(
            ["output_id"], ["job_outputs.id"], name=op.f("fk_output_fields_output_id_job_outputs")
        ),
        sa.PrimaryKeyConstraint("output_id", "position", name=op.f("pk_output_fields")),
        comment="One row a field of an output",
        **mysql_options,
        sqlite_with_rowid=False,
    )

    op.bulk_insert(calendar, list(days(date(2010, 1, 1), date(2049, 12, 31))))


def downgrade() -> None:
    # An index goes with its table: MariaDB refuses to drop one that a foreign key stands on.
    op.drop_table("output_fields")
    op.drop_table("job_outputs")
    op.drop_table("snapshots")
    op.drop_table("rejected_records")
    op.drop_table("jobs")
    op.drop_table("job_changes")
    op.drop_table("calendar")
    op.drop_table("accounts")
