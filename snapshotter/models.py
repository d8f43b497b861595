"""The tables and their data dictionary: PostgreSQL and MariaDB store each comment.

Columns have the API's names; those of a nested object are joined with `_`. Times are UTC, ids are
the API's, with 64 bits, and what the API may leave out is nullable. `store.tables` has handles.
"""

from datetime import date
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.dialects import mysql, postgresql

from snapshotter.utc_times import UTCDateTime

__all__ = ["METADATA", "UTCDateTime"]  # the revisions import the type from here


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


METADATA = MetaData(
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


Table(
    "accounts",
    METADATA,
    Column("account_id", Name, primary_key=True, comment="the account id, as in the API's URLs"),
    Column(
        "api_url",
        LongText,
        nullable=False,
        comment="base URL of the service that has the account; empty until it has answered",
    ),
    Column(
        "watermark",
        UTCDateTime,
        comment="the server's time when the last complete listing began; everything updated before "
        "it is stored",
    ),
    Column("watermark_epoch", Id, comment="watermark in whole seconds since 1970"),
    Column(
        "newest_updated_at",
        UTCDateTime,
        comment="the latest updated_at when the last listing began; the next one starts no later",
    ),
    Column("page_size", Integer, comment="the most jobs that the server has returned in one page"),
    Column(
        "sends_links",
        Boolean,
        comment="whether the server links a page to its neighbours, so that a page without links "
        "is the only one",
    ),
    Column(
        "listing_since",
        UTCDateTime,
        comment="the since of the listing in progress; null if it lists all jobs",
    ),
    Column(
        "listing_clock", UTCDateTime, comment="the server's time when the listing in progress began"
    ),
    Column(
        "listing_offset",
        Id,
        comment="the offset at which the listing in progress continues; null if there is none",
    ),
    Column(
        "listing_edge",
        UTCDateTime,
        comment="every job created before this is read, in the listing in progress",
    ),
    Column(
        "refreshed_id", Id, comment="the last job that a run requested by id before it had to stop"
    ),
    Column(
        "counted_at",
        UTCDateTime,
        comment="the server's time when the account's jobs were last counted",
    ),
    Column(
        "unlisted",
        Id,
        comment="jobs that exist at the API but were missing from its list at the last count; "
        "negative if the list repeats equal records without an id, which are stored once",
    ),
    Column(
        "vanishing_since",
        UTCDateTime,
        comment="when a run first missed more jobs than one run may mark as gone; a later run "
        "confirms it",
    ),
    Column(
        "output_days_since",
        UTCDateTime,
        comment="when the account's outputs were counted into output_days, by this host's clock; "
        "null if they are still to be counted",
    ),
    comment="One row per account, and how far it is read",
    **MYSQL_OPTIONS,
)


_WHERE_NAMED: Any = {
    f"{dialect}_where": text("package_name is not null") for dialect in ("sqlite", "postgresql")
}
_OF_SCHEDULES: Any = {
    **{f"{each}_where": text("creator_type = 'Schedule'") for each in ("sqlite", "postgresql")},
    **{f"{each}_length": {"creator_type": 16} for each in ("mysql", "mariadb")},
}


Table(
    "jobs",
    METADATA,
    Column("id", Id, primary_key=True, autoincrement=False, comment="the job's id at the API"),
    Column(
        "account_id",
        Name,
        ForeignKey("accounts.account_id"),
        nullable=False,
        comment="the account it was read from",
    ),
    Column(
        "status",
        Name,
        comment="idle, pending, queued, running, pending_stoppage, stopping; "
        "final: completed, failed, stopped",
    ),
    Column("owner_id", Id, comment="id of the user who owns the job"),
    Column("progress", Double, comment="0 to 1"),
    Column("outputs_count", Id, comment="number of outputs, as counted by the API"),
    Column("created_at", UTCDateTime, comment="when the job was requested"),
    Column("started_at", UTCDateTime, comment="when the job began to run"),
    Column("failed_at", UTCDateTime, comment="when the job failed"),
    Column("completed_at", UTCDateTime, comment="when the job ended, whatever its final status"),
    Column(
        "updated_at",
        UTCDateTime,
        comment="when the API last updated the job; progress alone does not move it",
    ),
    Column("cluster_id", Id, comment="id of the cluster, as the job gives it"),
    Column("cluster_name", LongText, comment="the cluster's name"),
    Column("cluster_url", LongText, comment="the cluster's URL in the API"),
    Column("cluster_nodes", Id, comment="number of nodes of the cluster"),
    Column(
        "cluster_available_since", UTCDateTime, comment="when the cluster became ready for jobs"
    ),
    Column("package_id", Id, comment="id of the package, as the job gives it"),
    Column("package_name", LongText, comment="the package's name"),
    Column("package_url", LongText, comment="the package's URL in the API"),
    Column("package_updated_at", UTCDateTime, comment="when the package was last edited"),
    Column("creator_type", LongText, comment="User or Schedule"),
    Column("creator_id", Id, comment="id of that user or schedule"),
    Column("creator_display_name", LongText, comment="the creator's name"),
    Column("creator_url", LongText, comment="the creator's URL in the API"),
    Column("errors", LongText, comment="the error text of the API"),
    Column(
        "runtime_in_seconds", Id, comment="seconds that the job ran; seconds so far while it runs"
    ),
    Column("attempts", Id, comment="retries made by the schedule"),
    Column("master_auto_retry_attempts", Id, comment="retries allowed by the schedule"),
    Column(
        "variables",
        Document,
        comment="the job's variables, with secrets as --variables stores them",
    ),
    Column(
        "dynamic_variables",
        Document,
        comment="variables computed at run time, with secrets as --variables stores them",
    ),
    Column("url", LongText, comment="the job's URL in the API"),
    Column("html_url", LongText, comment="URL of the job's web page"),
    Column("log_url", LongText, comment="URL of the job's log in the API"),
    Column(
        "extra",
        Document,
        comment="everything that the API sent and that has no column, under the API's names",
    ),
    Column("run_date", Day, comment="the UTC date of started_at, or of created_at if that is null"),
    Column("queue_seconds", Id, comment="seconds from created_at to started_at"),
    Column(
        "finished_at",
        UTCDateTime,
        comment="for a final job: completed_at, else failed_at, else updated_at",
    ),
    Column(
        "created_epoch",
        Id,
        comment="created_at in whole seconds since 1970; engines subtract times differently",
    ),
    Column("started_epoch", Id, comment="started_at in whole seconds since 1970"),
    Column("finished_epoch", Id, comment="finished_at in whole seconds since 1970"),
    Column(
        "cluster_wait_seconds", Id, comment="the part of queue_seconds before the cluster was ready"
    ),
    Column(
        "error_fingerprint",
        Name,
        comment="errors without ids, numbers, dates and paths, so that equal causes are equal",
    ),
    Column("first_seen_at", UTCDateTime, nullable=False, comment="when the job was first read"),
    Column(
        "last_changed_at", UTCDateTime, nullable=False, comment="when a run last found it changed"
    ),
    Column(
        "snapshot_id",
        Id,
        ForeignKey("snapshots.id"),
        index=True,
        nullable=False,
        comment="the run that last changed the row",
    ),
    Column("gone_at", UTCDateTime, comment="when the job was first found to be missing at the API"),
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
    comment="One row per job: one run of a package on a cluster",
    **MYSQL_OPTIONS,
)


Table(
    "job_outputs",
    METADATA,
    Column("id", Id, primary_key=True, autoincrement=False, comment="the output's id at the API"),
    Column("job_id", Id, ForeignKey("jobs.id"), nullable=False, comment="the job that wrote it"),
    Column("name", LongText, comment="the output's name"),
    Column("records_count", Id, comment="number of records written"),
    Column("progress", Double, comment="0 to 1"),
    Column("created_at", UTCDateTime, comment="when the API created the output"),
    Column("updated_at", UTCDateTime, comment="when the API last updated the output"),
    Column("url", LongText, comment="the output's URL in the API"),
    Column("preview_url", LongText, comment="URL of the output's first records in the API"),
    Column("preview_type", LongText, comment="format of the preview"),
    Column("component_name", LongText, comment="name of the package's destination component"),
    Column("component_type", LongText, comment="what the component writes to"),
    Column(
        "fields_digest",
        String(16),
        index=True,
        comment="digest of the fields in their order; equal as long as an output's fields stay the "
        "same",
    ),
    Column(
        "extra",
        Document,
        comment="everything that the API sent and that has no column, under the API's names",
    ),
    # With the number, so that a sum over all outputs reads nothing else.
    Index(None, "job_id", "records_count"),
    comment="One row per output of a job",
    **MYSQL_OPTIONS,
)


Table(
    "output_fields",
    METADATA,
    Column(
        "output_id",
        Id,
        ForeignKey("job_outputs.id"),
        primary_key=True,
        autoincrement=False,
        comment="the output that has the field",
    ),
    Column(
        "position",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="the field's position in the output, from 1",
    ),
    Column("name", LongText, nullable=False, comment="the field's name"),
    comment="One row per field of an output",
    # Without a rowid SQLite stores the rows in the key's index: faster, and a sixth smaller.
    sqlite_with_rowid=False,
    **MYSQL_OPTIONS,
)


Table(
    "output_days",
    METADATA,
    Column(
        "first_output_id",
        Id,
        primary_key=True,
        autoincrement=False,
        comment="the least id of the outputs",
    ),
    Column("account_id", Name, nullable=False, comment="the account of the jobs"),
    Column("package_id", Id, comment="the package of the jobs"),
    Column("run_date", Day, comment="the day of the jobs"),
    Column("name", LongText, comment="the name of the outputs"),
    Column("runs", Id, nullable=False, comment="number of jobs"),
    Column(
        "zero_runs",
        Id,
        nullable=False,
        comment="number of jobs that wrote 0 records; a job without a number is not counted",
    ),
    Column(
        "billions",
        Id,
        comment="records written, in whole billions of each output; counts outside 0 to "
        "10000000000000000 are ignored",
    ),
    Column(
        "rest",
        Id,
        comment="records written that billions lacks: the sum is billions * 1000000000 + rest",
    ),
    Index(None, "account_id", "package_id", "run_date"),
    comment="One row per account, package, day and output name: what the completed jobs "
    "of the day wrote",
    **MYSQL_OPTIONS,
)


Table(
    "calendar",
    METADATA,
    Column("day", Day, primary_key=True, comment="the day"),
    Column("epoch", Id, comment="midnight UTC of the day in whole seconds since 1970"),
    Column("week", Day, nullable=False, comment="the Monday of the day's week"),
    Column("month", Day, nullable=False, comment="the first day of the day's month"),
    Column("weekday", SmallInteger, nullable=False, comment="1 (Monday) to 7 (Sunday)"),
    comment="One row per day from 2010 to 2049",
    **MYSQL_OPTIONS,
)


Table(
    "snapshots",
    METADATA,
    Column("id", Id, primary_key=True, comment="id of the run"),
    Column(
        "account_id",
        Name,
        ForeignKey("accounts.account_id"),
        index=True,
        nullable=False,
        comment="the account that the run read",
    ),
    Column("kind", String(16), nullable=False, comment="full, incremental or jobs"),
    Column("status", String(16), nullable=False, comment="running, completed, partial or failed"),
    Column(
        "started_at",
        UTCDateTime,
        nullable=False,
        comment="when the run began, by this host's clock",
    ),
    Column("finished_at", UTCDateTime, comment="when the run ended, by this host's clock"),
    Column("started_epoch", Id, comment="started_at in whole seconds since 1970"),
    Column("finished_epoch", Id, comment="finished_at in whole seconds since 1970"),
    Column(
        "since", UTCDateTime, comment="the since from which the run listed; null if it had none"
    ),
    Column(
        "watermark",
        UTCDateTime,
        comment="the account's watermark after the run, if the run moved it",
    ),
    Column("watermark_epoch", Id, comment="watermark in whole seconds since 1970"),
    Column("requests", Integer, nullable=False, comment="HTTP requests sent, including retries"),
    Column("pages", Integer, nullable=False, comment="pages of the list that the run read"),
    Column("jobs_seen", Integer, nullable=False, comment="distinct jobs that the API returned"),
    Column("jobs_inserted", Integer, nullable=False, comment="jobs that were new"),
    Column("jobs_changed", Integer, nullable=False, comment="jobs whose rows changed"),
    Column(
        "jobs_unchanged",
        Integer,
        nullable=False,
        comment="jobs whose rows stayed the same, or that are pruned",
    ),
    Column(
        "jobs_rejected",
        Integer,
        nullable=False,
        comment="all records of the account set aside when the run completed; only those that the "
        "run itself set aside if it named jobs, used filters, repaired or did not complete",
    ),
    Column("credits_remaining", Integer, comment="credits left in the hour, by the last answer"),
    Column("credits_spent", Integer, comment="requests sent that cost a credit, including retries"),
    Column("error", LongText, comment="why the run did not complete, or what it could not request"),
    comment="One row per run of sync, rejects --retry or verify --repair, however it ended",
    **MYSQL_OPTIONS,
)


Table(
    "job_changes",
    METADATA,
    Column("id", Id, primary_key=True, comment="increases in the order of observation"),
    Column("job_id", Id, ForeignKey("jobs.id"), index=True, nullable=False, comment="the job"),
    Column(
        "snapshot_id",
        Id,
        ForeignKey("snapshots.id"),
        index=True,
        nullable=False,
        comment="the run that observed it",
    ),
    Column("observed_at", UTCDateTime, nullable=False, comment="when it was observed"),
    Column("status", Name, comment="the job's status then"),
    Column("progress", Double, comment="0 to 1"),
    Column("runtime_in_seconds", Id, comment="seconds that the job had run"),
    Column("outputs_count", Id, comment="number of outputs, as counted by the API"),
    Column("records_count", Id, comment="records written, summed over the job's outputs"),
    comment="One row per state in which a job was seen",
    **MYSQL_OPTIONS,
)


Table(
    "rejected_records",
    METADATA,
    Column("id", Id, primary_key=True, comment="id of this row"),
    Column("snapshot_id", Id, nullable=False, comment="the run that last set it aside"),
    Column("account_id", Name, nullable=False, comment="the account it was read from"),
    Column("job_id", Id, comment="the record's job id, if it has one"),
    Column("reason", LongText, nullable=False, comment="what is wrong, and where in the record"),
    Column(
        "payload",
        LongText,
        nullable=False,
        comment="the record as received, with secrets as --variables stores them; JSON null if "
        "none was received; cut if it is too long",
    ),
    Column("rejected_at", UTCDateTime, nullable=False, comment="when it was set aside"),
    Column("attempts", Integer, comment="number of tries since the record last changed"),
    Column(
        "next_attempt_at",
        UTCDateTime,
        comment="no run requests the record again before this; null: the next run does",
    ),
    Column("program_version", String(64), comment="the version of this program that last tried it"),
    Column(
        "digest",
        String(32),
        comment="digest of the whole record without its package and cluster, to detect changes",
    ),
    Index(None, "account_id", "job_id"),
    comment="One row per record that could not be loaded, until it can be",
    **MYSQL_OPTIONS,
)


Table(
    "pruned_jobs",
    METADATA,
    Column("job_id", Id, primary_key=True, autoincrement=False, comment="the job's id at the API"),
    Column(
        "account_id",
        Name,
        ForeignKey("accounts.account_id"),
        nullable=False,
        comment="the account it was read from",
    ),
    Column("status", Name, comment="the job's status when it was pruned"),
    Column("created_at", UTCDateTime, comment="when the job was requested"),
    Column(
        "updated_at",
        UTCDateTime,
        comment="when the API last updated the job; a later update stores the job again",
    ),
    Column("gone_at", UTCDateTime, comment="when the job was first found to be missing at the API"),
    Column(
        "pruned_at",
        UTCDateTime,
        nullable=False,
        comment="when the job was pruned, by this host's clock",
    ),
    Index(None, "account_id", "gone_at"),
    comment="One row per job that db prune has removed, and that the API may still list",
    **MYSQL_OPTIONS,
)


Table(
    "log_summaries",
    METADATA,
    Column(
        "job_id",
        Id,
        ForeignKey("jobs.id"),
        primary_key=True,
        autoincrement=False,
        comment="the failed job",
    ),
    Column("error_summary", LongText, comment="what went wrong, in a few words"),
    Column("openai_extract", LongText, comment="the part of the log that shows it"),
    Column("action_items", Document, comment="what to do about it, an array of texts"),
    Column("body", LongText, comment="the whole summary"),
    Column("created_at", UTCDateTime, comment="when the API made the summary"),
    Column("summary_id", Id, comment="id of the summary at the API"),
    Column(
        "extra",
        Document,
        comment="everything that the API sent and that has no column, under the API's names",
    ),
    Column(
        "requested_at", UTCDateTime, nullable=False, comment="when the summary was last requested"
    ),
    Column(
        "finished_epoch",
        Id,
        comment="finished_at of the job then, in whole seconds since 1970; if it has another by "
        "now, the job has failed again, and the summary is of an earlier failure",
    ),
    Column("attempts", Integer, comment="number of requests that failed; null after an answer"),
    Column(
        "next_attempt_at",
        UTCDateTime,
        comment="no run requests it again before this; null after an answer",
    ),
    comment="One row per failed job whose log summary was requested, by sync "
    "--log-summaries; all but the marks of the request are null if the API has none",
    **MYSQL_OPTIONS,
)
