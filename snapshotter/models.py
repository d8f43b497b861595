"""The tables and their data dictionary: PostgreSQL and MariaDB store each comment.

Columns have the API's names; those of a nested object are joined with `_`. Times are UTC, ids are
the API's, with 64 bits, and what the API may leave out is nullable.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Date,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from snapshotter.utc_times import UTCDateTime

__all__ = ["Base", "UTCDateTime"]  # the revisions import the type from here


class TextDay(TypeDecorator[date]):
    """A day as text, which SQLite has no other type for; a `DATE` is one that few clients read."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's interface
        return None if value is None else value.isoformat()

    def process_result_value(self, value: str | None, dialect: Dialect) -> date | None:  # noqa: ARG002 - as above
        return None if value is None else date.fromisoformat(value)


# sqlite-jdbc cannot read the days of a column that is declared as a DATE.
Day = Date().with_variant(TextDay, "sqlite")
# In SQLite an INTEGER key is the rowid; BIGINT would need a second index.
Id = BigInteger().with_variant(Integer, "sqlite")
Name = String(255)  # short enough to be indexed by every engine
LongText = Text().with_variant(mysql.LONGTEXT, "mysql", "mariadb")  # MariaDB's TEXT ends at 64 KiB
Document = JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


# MariaDB's default collations treat "Orders" and "orders" as equal.
MYSQL_OPTIONS: dict[str, Any] = {
    f"{name}_{option}": value
    for name in ("mysql", "mariadb")
    for option, value in (
        ("engine", "InnoDB"),
        ("charset", "utf8mb4"),
        ("collate", "utf8mb4_bin"),
        ("row_format", "DYNAMIC"),  # allows long keys whatever default a server has
    )
}


class Account(Base):
    __tablename__ = "accounts"
    __table_args__ = {"comment": "One row per account, and how far it is read", **MYSQL_OPTIONS}  # noqa: RUF012 - read once, by SQLAlchemy

    account_id: Mapped[str] = mapped_column(
        Name, primary_key=True, comment="the account id, as in the API's URLs"
    )
    api_url: Mapped[str] = mapped_column(
        LongText,
        comment="base URL of the service that has the account; empty until it has answered",
    )
    watermark: Mapped[datetime | None] = mapped_column(
        UTCDateTime,
        comment="the server's time when the last complete listing began; everything updated before "
        "it is stored",
    )
    watermark_epoch: Mapped[int | None] = mapped_column(
        Id, comment="watermark in whole seconds since 1970"
    )
    newest_updated_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime,
        comment="the latest updated_at when the last listing began; the next one starts no later",
    )
    page_size: Mapped[int | None] = mapped_column(
        Integer, comment="the most jobs that the server has returned in one page"
    )
    sends_links: Mapped[bool | None] = mapped_column(
        comment="whether the server links a page to its neighbours, so that a page without links "
        "is the only one"
    )
    listing_since: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="the since of the listing in progress; null if it lists all jobs"
    )
    listing_clock: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="the server's time when the listing in progress began"
    )
    listing_offset: Mapped[int | None] = mapped_column(
        Id, comment="the offset at which the listing in progress continues; null if there is none"
    )
    listing_edge: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="every job created before this is read, in the listing in progress"
    )
    refreshed_id: Mapped[int | None] = mapped_column(
        Id, comment="the last job that a run requested by id before it had to stop"
    )
    counted_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="the server's time when the account's jobs were last counted"
    )
    unlisted: Mapped[int | None] = mapped_column(
        Id,
        comment="jobs that exist at the API but were missing from its list at the last count; "
        "negative if the list repeats equal records without an id, which are stored once",
    )
    vanishing_since: Mapped[datetime | None] = mapped_column(
        UTCDateTime,
        comment="when a run first missed more jobs than one run may mark as gone; a later run "
        "confirms it",
    )


_WHERE_NAMED: Any = {
    f"{dialect}_where": text("package_name is not null") for dialect in ("sqlite", "postgresql")
}
_OF_SCHEDULES: Any = {
    **{f"{each}_where": text("creator_type = 'Schedule'") for each in ("sqlite", "postgresql")},
    **{f"{each}_length": {"creator_type": 16} for each in ("mysql", "mariadb")},
}


class Job(Base):
    __tablename__ = "jobs"
    __table_args__ = (
        Index(None, "account_id", "gone_at", "finished_at"),
        Index(None, "package_id", "run_date"),
        Index(None, "account_id", "created_epoch"),
        Index(None, "account_id", "finished_epoch"),
        # Covers what most trends read of a job, in a fifth of the size of its row. A range of days
        # is one place in it, and each day's runs are in the order in which they are ranked.
        Index(
            "ix_jobs_runs",
            *("status", "run_date", "package_id", "account_id", "runtime_in_seconds"),
            *("finished_epoch", "queue_seconds", "cluster_wait_seconds", "cluster_id"),
            *("cluster_nodes", "id"),
        ),
        Index("ix_jobs_epochs", "account_id", "started_epoch", "finished_epoch", "package_id"),
        Index("ix_jobs_named", "package_id", "account_id", "id", **_WHERE_NAMED),
        # In the order of a package's ends, and of a schedule's jobs: SQLite need not sort them.
        Index(
            "ix_jobs_ends",
            *("package_id", "account_id", "finished_epoch", "id", "status", "run_date"),
        ),
        Index(
            "ix_jobs_schedules",
            *("creator_id", "package_id", "account_id", "created_epoch", "id", "run_date"),
            *("status", "attempts", "runtime_in_seconds", "creator_type"),
            **_OF_SCHEDULES,
        ),
        {"comment": "One row per job: one run of a package on a cluster", **MYSQL_OPTIONS},
    )

    id: Mapped[int] = mapped_column(
        Id, primary_key=True, autoincrement=False, comment="the job's id at the API"
    )
    account_id: Mapped[str] = mapped_column(
        Name, ForeignKey("accounts.account_id"), comment="the account it was read from"
    )
    status: Mapped[str | None] = mapped_column(
        Name,
        comment="idle, pending, queued, running, pending_stoppage, stopping; "
        "final: completed, failed, stopped",
    )
    owner_id: Mapped[int | None] = mapped_column(Id, comment="id of the user who owns the job")
    progress: Mapped[float | None] = mapped_column(Double, comment="0 to 1")
    outputs_count: Mapped[int | None] = mapped_column(
        Id, comment="number of outputs, as counted by the API"
    )
    created_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="when the job was requested"
    )
    started_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="when the job began to run"
    )
    failed_at: Mapped[datetime | None] = mapped_column(UTCDateTime, comment="when the job failed")
    completed_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="when the job ended, whatever its final status"
    )
    updated_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="when the API last updated the job; progress alone does not move it"
    )
    cluster_id: Mapped[int | None] = mapped_column(
        Id, comment="id of the cluster, as the job gives it"
    )
    cluster_name: Mapped[str | None] = mapped_column(LongText, comment="the cluster's name")
    cluster_url: Mapped[str | None] = mapped_column(
        LongText, comment="the cluster's URL in the API"
    )
    cluster_nodes: Mapped[int | None] = mapped_column(Id, comment="number of nodes of the cluster")
    cluster_available_since: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="when the cluster became ready for jobs"
    )
    package_id: Mapped[int | None] = mapped_column(
        Id, comment="id of the package, as the job gives it"
    )
    package_name: Mapped[str | None] = mapped_column(LongText, comment="the package's name")
    package_url: Mapped[str | None] = mapped_column(
        LongText, comment="the package's URL in the API"
    )
    package_updated_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="when the package was last edited"
    )
    creator_type: Mapped[str | None] = mapped_column(LongText, comment="User or Schedule")
    creator_id: Mapped[int | None] = mapped_column(Id, comment="id of that user or schedule")
    creator_display_name: Mapped[str | None] = mapped_column(LongText, comment="the creator's name")
    creator_url: Mapped[str | None] = mapped_column(
        LongText, comment="the creator's URL in the API"
    )
    errors: Mapped[str | None] = mapped_column(LongText, comment="the error text of the API")
    runtime_in_seconds: Mapped[int | None] = mapped_column(
        Id, comment="seconds that the job ran; seconds so far while it runs"
    )
    attempts: Mapped[int | None] = mapped_column(Id, comment="retries made by the schedule")
    master_auto_retry_attempts: Mapped[int | None] = mapped_column(
        Id, comment="retries allowed by the schedule"
    )
    variables: Mapped[Any | None] = mapped_column(
        Document, comment="the job's variables, with secrets as --variables stores them"
    )
    dynamic_variables: Mapped[Any | None] = mapped_column(
        Document,
        comment="variables computed at run time, with secrets as --variables stores them",
    )
    url: Mapped[str | None] = mapped_column(LongText, comment="the job's URL in the API")
    html_url: Mapped[str | None] = mapped_column(LongText, comment="URL of the job's web page")
    log_url: Mapped[str | None] = mapped_column(LongText, comment="URL of the job's log in the API")
    extra: Mapped[Any | None] = mapped_column(
        Document,
        comment="everything that the API sent and that has no column, under the API's names",
    )
    run_date: Mapped[date | None] = mapped_column(
        Day, comment="the UTC date of started_at, or of created_at if that is null"
    )
    queue_seconds: Mapped[int | None] = mapped_column(
        Id, comment="seconds from created_at to started_at"
    )
    finished_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime,
        comment="for a final job: completed_at, else failed_at, else updated_at",
    )
    created_epoch: Mapped[int | None] = mapped_column(
        Id,
        comment="created_at in whole seconds since 1970; engines subtract times differently",
    )
    started_epoch: Mapped[int | None] = mapped_column(
        Id, comment="started_at in whole seconds since 1970"
    )
    finished_epoch: Mapped[int | None] = mapped_column(
        Id, comment="finished_at in whole seconds since 1970"
    )
    cluster_wait_seconds: Mapped[int | None] = mapped_column(
        Id, comment="the part of queue_seconds before the cluster was ready"
    )
    error_fingerprint: Mapped[str | None] = mapped_column(
        Name, comment="errors without ids, numbers, dates and paths, so that equal causes are equal"
    )
    first_seen_at: Mapped[datetime] = mapped_column(
        UTCDateTime, comment="when the job was first read"
    )
    last_changed_at: Mapped[datetime] = mapped_column(
        UTCDateTime, comment="when a run last found it changed"
    )
    snapshot_id: Mapped[int] = mapped_column(
        Id, ForeignKey("snapshots.id"), index=True, comment="the run that last changed the row"
    )
    gone_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="when the job was first found to be missing at the API"
    )


class JobOutput(Base):
    __tablename__ = "job_outputs"
    __table_args__ = {"comment": "One row per output of a job", **MYSQL_OPTIONS}  # noqa: RUF012 - read once, by SQLAlchemy

    id: Mapped[int] = mapped_column(
        Id, primary_key=True, autoincrement=False, comment="the output's id at the API"
    )
    job_id: Mapped[int] = mapped_column(
        Id, ForeignKey("jobs.id"), index=True, comment="the job that wrote it"
    )
    name: Mapped[str | None] = mapped_column(LongText, comment="the output's name")
    records_count: Mapped[int | None] = mapped_column(Id, comment="number of records written")
    progress: Mapped[float | None] = mapped_column(Double, comment="0 to 1")
    created_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="when the API created the output"
    )
    updated_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="when the API last updated the output"
    )
    url: Mapped[str | None] = mapped_column(LongText, comment="the output's URL in the API")
    preview_url: Mapped[str | None] = mapped_column(
        LongText, comment="URL of the output's first records in the API"
    )
    preview_type: Mapped[str | None] = mapped_column(LongText, comment="format of the preview")
    component_name: Mapped[str | None] = mapped_column(
        LongText, comment="name of the package's destination component"
    )
    component_type: Mapped[str | None] = mapped_column(
        LongText, comment="what the component writes to"
    )
    fields_digest: Mapped[str | None] = mapped_column(
        String(16),
        index=True,
        comment="digest of the fields in their order; equal as long as an output's fields stay the "
        "same",
    )
    extra: Mapped[Any | None] = mapped_column(
        Document,
        comment="everything that the API sent and that has no column, under the API's names",
    )


class OutputField(Base):
    __tablename__ = "output_fields"
    # Without a rowid SQLite stores the rows in the key's index: faster, and a sixth smaller.
    __table_args__ = {  # noqa: RUF012 - read once, by SQLAlchemy
        "comment": "One row per field of an output",
        "sqlite_with_rowid": False,
        **MYSQL_OPTIONS,
    }

    output_id: Mapped[int] = mapped_column(
        Id,
        ForeignKey("job_outputs.id"),
        primary_key=True,
        autoincrement=False,
        comment="the output that has the field",
    )
    position: Mapped[int] = mapped_column(
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="the field's position in the output, from 1",
    )
    name: Mapped[str] = mapped_column(LongText, comment="the field's name")


class Calendar(Base):
    __tablename__ = "calendar"
    __table_args__ = {"comment": "One row per day from 2010 to 2049", **MYSQL_OPTIONS}  # noqa: RUF012 - read once, by SQLAlchemy

    day: Mapped[date] = mapped_column(Day, primary_key=True, comment="the day")
    epoch: Mapped[int | None] = mapped_column(
        Id, comment="midnight UTC of the day in whole seconds since 1970"
    )
    week: Mapped[date] = mapped_column(Day, comment="the Monday of the day's week")
    month: Mapped[date] = mapped_column(Day, comment="the first day of the day's month")
    weekday: Mapped[int] = mapped_column(SmallInteger, comment="1 (Monday) to 7 (Sunday)")


class Snapshot(Base):
    __tablename__ = "snapshots"
    __table_args__ = {  # noqa: RUF012 - read once, by SQLAlchemy
        "comment": "One row per run of sync, rejects --retry or verify --repair, however it ended",
        **MYSQL_OPTIONS,
    }

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="id of the run")
    account_id: Mapped[str] = mapped_column(
        Name,
        ForeignKey("accounts.account_id"),
        index=True,
        comment="the account that the run read",
    )
    kind: Mapped[str] = mapped_column(String(16), comment="full, incremental or jobs")
    status: Mapped[str] = mapped_column(String(16), comment="running, completed, partial or failed")
    started_at: Mapped[datetime] = mapped_column(
        UTCDateTime, comment="when the run began, by this host's clock"
    )
    finished_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="when the run ended, by this host's clock"
    )
    started_epoch: Mapped[int | None] = mapped_column(
        Id, comment="started_at in whole seconds since 1970"
    )
    finished_epoch: Mapped[int | None] = mapped_column(
        Id, comment="finished_at in whole seconds since 1970"
    )
    since: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="the since from which the run listed; null if it had none"
    )
    watermark: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="the account's watermark after the run, if the run moved it"
    )
    watermark_epoch: Mapped[int | None] = mapped_column(
        Id, comment="watermark in whole seconds since 1970"
    )
    requests: Mapped[int] = mapped_column(Integer, comment="HTTP requests sent, including retries")
    pages: Mapped[int] = mapped_column(Integer, comment="pages of the list that the run read")
    jobs_seen: Mapped[int] = mapped_column(Integer, comment="distinct jobs that the API returned")
    jobs_inserted: Mapped[int] = mapped_column(Integer, comment="jobs that were new")
    jobs_changed: Mapped[int] = mapped_column(Integer, comment="jobs whose rows changed")
    jobs_unchanged: Mapped[int] = mapped_column(
        Integer, comment="jobs whose rows stayed the same, or that are pruned"
    )
    jobs_rejected: Mapped[int] = mapped_column(
        Integer,
        comment="all records of the account set aside when the run completed; only those that the "
        "run itself set aside if it named jobs, used filters, repaired or did not complete",
    )
    credits_remaining: Mapped[int | None] = mapped_column(
        Integer, comment="credits left in the hour, by the last answer"
    )
    credits_spent: Mapped[int | None] = mapped_column(
        Integer, comment="requests sent that cost a credit, including retries"
    )
    error: Mapped[str | None] = mapped_column(
        LongText, comment="why the run did not complete, or what it could not request"
    )


class JobChange(Base):
    __tablename__ = "job_changes"
    __table_args__ = {"comment": "One row per state in which a job was seen", **MYSQL_OPTIONS}  # noqa: RUF012 - read once, by SQLAlchemy

    id: Mapped[int] = mapped_column(
        Id, primary_key=True, comment="increases in the order of observation"
    )
    job_id: Mapped[int] = mapped_column(Id, ForeignKey("jobs.id"), index=True, comment="the job")
    snapshot_id: Mapped[int] = mapped_column(
        Id, ForeignKey("snapshots.id"), index=True, comment="the run that observed it"
    )
    observed_at: Mapped[datetime] = mapped_column(UTCDateTime, comment="when it was observed")
    status: Mapped[str | None] = mapped_column(Name, comment="the job's status then")
    progress: Mapped[float | None] = mapped_column(Double, comment="0 to 1")
    runtime_in_seconds: Mapped[int | None] = mapped_column(
        Id, comment="seconds that the job had run"
    )
    outputs_count: Mapped[int | None] = mapped_column(
        Id, comment="number of outputs, as counted by the API"
    )
    records_count: Mapped[int | None] = mapped_column(
        Id, comment="records written, summed over the job's outputs"
    )


class RejectedRecord(Base):
    __tablename__ = "rejected_records"
    __table_args__ = (
        Index(None, "account_id", "job_id"),
        {
            "comment": "One row per record that could not be loaded, until it can be",
            **MYSQL_OPTIONS,
        },
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="id of this row")
    snapshot_id: Mapped[int] = mapped_column(Id, comment="the run that last set it aside")
    account_id: Mapped[str] = mapped_column(Name, comment="the account it was read from")
    job_id: Mapped[int | None] = mapped_column(Id, comment="the record's job id, if it has one")
    reason: Mapped[str] = mapped_column(LongText, comment="what is wrong, and where in the record")
    payload: Mapped[str] = mapped_column(
        LongText,
        comment="the record as received, with secrets as --variables stores them; JSON null if "
        "none was received; cut if it is too long",
    )
    rejected_at: Mapped[datetime] = mapped_column(UTCDateTime, comment="when it was set aside")
    attempts: Mapped[int | None] = mapped_column(
        Integer, comment="number of tries since the record last changed"
    )
    next_attempt_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="no run requests the record again before this; null: the next run does"
    )
    program_version: Mapped[str | None] = mapped_column(
        String(64), comment="the version of this program that last tried it"
    )
    digest: Mapped[str | None] = mapped_column(
        String(32),
        comment="digest of the whole record without its package and cluster, to detect changes",
    )


class PrunedJob(Base):
    __tablename__ = "pruned_jobs"
    __table_args__ = (
        Index(None, "account_id", "gone_at"),
        {
            "comment": "One row per job that db prune has removed, and that the API may still list",
            **MYSQL_OPTIONS,
        },
    )

    job_id: Mapped[int] = mapped_column(
        Id, primary_key=True, autoincrement=False, comment="the job's id at the API"
    )
    account_id: Mapped[str] = mapped_column(
        Name, ForeignKey("accounts.account_id"), comment="the account it was read from"
    )
    status: Mapped[str | None] = mapped_column(Name, comment="the job's status when it was pruned")
    created_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="when the job was requested"
    )
    updated_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime,
        comment="when the API last updated the job; a later update stores the job again",
    )
    gone_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="when the job was first found to be missing at the API"
    )
    pruned_at: Mapped[datetime] = mapped_column(
        UTCDateTime, comment="when the job was pruned, by this host's clock"
    )


class LogSummary(Base):
    __tablename__ = "log_summaries"
    __table_args__ = {  # noqa: RUF012 - read once, by SQLAlchemy
        "comment": "One row per failed job whose log summary was requested, by sync "
        "--log-summaries; all but the marks of the request are null if the API has none",
        **MYSQL_OPTIONS,
    }

    job_id: Mapped[int] = mapped_column(
        Id, ForeignKey("jobs.id"), primary_key=True, autoincrement=False, comment="the failed job"
    )
    error_summary: Mapped[str | None] = mapped_column(
        LongText, comment="what went wrong, in a few words"
    )
    openai_extract: Mapped[str | None] = mapped_column(
        LongText, comment="the part of the log that shows it"
    )
    action_items: Mapped[Any | None] = mapped_column(
        Document, comment="what to do about it, an array of texts"
    )
    body: Mapped[str | None] = mapped_column(LongText, comment="the whole summary")
    created_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="when the API made the summary"
    )
    summary_id: Mapped[int | None] = mapped_column(Id, comment="id of the summary at the API")
    extra: Mapped[Any | None] = mapped_column(
        Document,
        comment="everything that the API sent and that has no column, under the API's names",
    )
    requested_at: Mapped[datetime] = mapped_column(
        UTCDateTime, comment="when the summary was last requested"
    )
    finished_epoch: Mapped[int | None] = mapped_column(
        Id,
        comment="finished_at of the job then, in whole seconds since 1970; if it has another by "
        "now, the job has failed again, and the summary is of an earlier failure",
    )
    attempts: Mapped[int | None] = mapped_column(
        Integer, comment="number of requests that failed; null after an answer"
    )
    next_attempt_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="no run requests it again before this; null after an answer"
    )
