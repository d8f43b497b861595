"""The tables. Column names are the API's own; a nested object's are joined with `_`.

Times are UTC, ids are the API's own 64 bits, and what the API may leave out is nullable.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from sqlalchemy import (
    JSON,
    BigInteger,
    Date,
    DateTime,
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
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeEngine

_WHOLE_SECONDS = 20  # characters


def _to_iso(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError(f"a time without a zone: {at!r}")
    # A job has a dozen times: msgspec writes one in a fifth of the time that `isoformat` takes.
    iso: str = msgspec.to_builtins(at if at.tzinfo is UTC else at.astimezone(UTC))
    return iso


def _to_text(at: datetime | None) -> str | None:
    """Give a time as SQLAlchemy puts it into SQLite, and as MariaDB takes it."""
    if at is None:
        return None
    iso = _to_iso(at)
    # Most times are of whole seconds: `2026-01-05T03:04:05Z`.
    fraction = "000000" if len(iso) == _WHOLE_SECONDS else iso[20:26]
    return f"{iso[:10]} {iso[11:19]}.{fraction}"


def _to_iso_or_none(at: datetime | None) -> str | None:
    return None if at is None else _to_iso(at)


def _from_text(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text + "+00:00")


class UTCDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC by every engine, to the microsecond."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime(timezone=True))

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str | None]:
        return _to_iso_or_none if dialect.name == "postgresql" else _to_text

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        if dialect.name == "sqlite":
            return _from_text
        return super().result_processor(dialect, coltype)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the interface's
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# INTEGER makes the key the row's own address in SQLite; BIGINT would cost a second index.
Id = BigInteger().with_variant(Integer, "sqlite")
Name = String(255)  # short enough for a key on every engine
Words = Text().with_variant(mysql.LONGTEXT, "mysql", "mariadb")  # MariaDB's TEXT ends at 64 KiB
Document = JSON(none_as_null=True)


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


# MariaDB's usual collations would take "Orders" and "orders" for one package.
_MYSQL = {
    f"{name}_{option}": value
    for name in ("mysql", "mariadb")
    for option, value in (
        ("engine", "InnoDB"),
        ("charset", "utf8mb4"),
        ("collate", "utf8mb4_bin"),
    )
}


class Account(Base):
    __tablename__ = "accounts"
    __table_args__ = {"comment": "The accounts read, and how far", **_MYSQL}  # noqa: RUF012 - read once, by SQLAlchemy

    account_id: Mapped[str] = mapped_column(
        Name, primary_key=True, comment="the account's name in the API's URLs"
    )
    api_url: Mapped[str] = mapped_column(Words, comment="the service that the account lives on")
    watermark: Mapped[datetime | None] = mapped_column(
        UTCDateTime,
        comment="the server's clock when the last whole listing began; all before is here",
    )
    watermark_epoch: Mapped[int | None] = mapped_column(
        Id, comment="watermark in whole seconds since 1970"
    )
    newest_updated_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime,
        comment="the latest updated_at when the last listing began; none starts after it",
    )
    page_size: Mapped[int | None] = mapped_column(
        Integer, comment="the most jobs that the server has given in one page"
    )
    sends_links: Mapped[bool | None] = mapped_column(
        comment="the server names the pages around one, so one that names none is alone"
    )
    listing_since: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="the since of the listing under way; null when it is of the whole"
    )
    listing_clock: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="the server's clock when the listing under way began"
    )
    listing_offset: Mapped[int | None] = mapped_column(
        Id, comment="where the listing under way goes on; null when there is none"
    )
    listing_edge: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="the created_at before which all of the listing under way was read"
    )
    refreshed_id: Mapped[int | None] = mapped_column(
        Id, comment="the last job that a run asked for by id before it had to stop"
    )
    counted_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="the server's clock when its jobs were last counted"
    )
    unlisted: Mapped[int | None] = mapped_column(
        Id,
        comment="jobs here that the list did not have then, though the API gave them by id; less "
        "than none: records without an id, all alike, that are here once",
    )
    vanishing_since: Mapped[datetime | None] = mapped_column(
        UTCDateTime,
        comment="when a run first missed more jobs than it may mark as gone; a later run confirms "
        "it",
    )


_WHERE_NAMED: Any = {
    f"{dialect}_where": text("package_name is not null") for dialect in ("sqlite", "postgresql")
}


class Job(Base):
    __tablename__ = "jobs"
    __table_args__ = (
        Index(None, "account_id", "gone_at", "finished_at"),
        Index(None, "package_id", "run_date"),
        # What the trends read: all that most of them take of a job, in a fifth of its row.
        Index(
            "ix_jobs_runs",
            *("status", "package_id", "run_date", "runtime_in_seconds", "finished_epoch"),
        ),
        Index(
            "ix_jobs_epochs",
            *("account_id", "finished_epoch", "started_epoch", "created_epoch", "package_id"),
        ),
        Index("ix_jobs_named", "package_id", **_WHERE_NAMED),
        {"comment": "One row a job: one run of a package on a cluster", **_MYSQL},
    )

    id: Mapped[int] = mapped_column(
        Id, primary_key=True, autoincrement=False, comment="the job, as the API numbers it"
    )
    account_id: Mapped[str] = mapped_column(Name, comment="the account it was read from")
    status: Mapped[str | None] = mapped_column(
        Name,
        comment="idle, pending, queued, running, pending_stoppage, stopping; "
        "final: completed, failed, stopped",
    )
    owner_id: Mapped[int | None] = mapped_column(Id, comment="the user who owns it")
    progress: Mapped[float | None] = mapped_column(Double, comment="0 to 1")
    outputs_count: Mapped[int | None] = mapped_column(Id, comment="outputs, by the API's count")
    created_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="when it was asked for"
    )
    started_at: Mapped[datetime | None] = mapped_column(UTCDateTime, comment="when it began to run")
    failed_at: Mapped[datetime | None] = mapped_column(UTCDateTime, comment="when it failed")
    completed_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="when it ended, however it ended"
    )
    updated_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="when the API last touched it; does not move with progress"
    )
    cluster_id: Mapped[int | None] = mapped_column(Id, comment="the cluster, by the job")
    cluster_name: Mapped[str | None] = mapped_column(Words, comment="the cluster's name")
    cluster_url: Mapped[str | None] = mapped_column(Words, comment="the cluster in the API")
    cluster_nodes: Mapped[int | None] = mapped_column(Id, comment="the cluster's nodes")
    cluster_available_since: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="when the cluster was ready for jobs"
    )
    package_id: Mapped[int | None] = mapped_column(Id, comment="the package, by the job")
    package_name: Mapped[str | None] = mapped_column(Words, comment="the package's name")
    package_url: Mapped[str | None] = mapped_column(Words, comment="the package in the API")
    package_updated_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="when the package was last edited"
    )
    creator_type: Mapped[str | None] = mapped_column(Words, comment="User or Schedule")
    creator_id: Mapped[int | None] = mapped_column(Id, comment="the user or the schedule")
    creator_display_name: Mapped[str | None] = mapped_column(Words, comment="the creator's name")
    creator_url: Mapped[str | None] = mapped_column(Words, comment="the creator in the API")
    errors: Mapped[str | None] = mapped_column(Words, comment="what went wrong, in the API's words")
    runtime_in_seconds: Mapped[int | None] = mapped_column(
        Id, comment="seconds it ran; so far, while it runs"
    )
    attempts: Mapped[int | None] = mapped_column(Id, comment="retries done by the schedule")
    master_auto_retry_attempts: Mapped[int | None] = mapped_column(
        Id, comment="retries allowed by the schedule"
    )
    variables: Mapped[Any | None] = mapped_column(Document, comment="variables, values masked")
    dynamic_variables: Mapped[Any | None] = mapped_column(
        Document, comment="variables worked out at run time, values masked"
    )
    url: Mapped[str | None] = mapped_column(Words, comment="the job in the API")
    html_url: Mapped[str | None] = mapped_column(Words, comment="the job's page")
    log_url: Mapped[str | None] = mapped_column(Words, comment="the job's log in the API")
    extra: Mapped[Any | None] = mapped_column(
        Document, comment="what the API sent and no column holds, under its own names"
    )
    run_date: Mapped[date | None] = mapped_column(
        Date, comment="the UTC date of started_at, else of created_at"
    )
    queue_seconds: Mapped[int | None] = mapped_column(
        Id, comment="seconds from created_at to started_at"
    )
    finished_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime,
        comment="of a final job: completed_at, else failed_at, else updated_at",
    )
    created_epoch: Mapped[int | None] = mapped_column(
        Id, comment="created_at in whole seconds since 1970: engines disagree on differences"
    )
    started_epoch: Mapped[int | None] = mapped_column(
        Id, comment="started_at in whole seconds since 1970"
    )
    finished_epoch: Mapped[int | None] = mapped_column(
        Id, comment="finished_at in whole seconds since 1970"
    )
    cluster_wait_seconds: Mapped[int | None] = mapped_column(
        Id, comment="those of queue_seconds in which the cluster was not there yet"
    )
    error_fingerprint: Mapped[str | None] = mapped_column(
        Name, comment="errors with ids, numbers, dates and paths taken out"
    )
    first_seen_at: Mapped[datetime] = mapped_column(
        UTCDateTime, comment="when the job was first read"
    )
    last_changed_at: Mapped[datetime] = mapped_column(
        UTCDateTime, comment="when a run last found it changed"
    )
    snapshot_id: Mapped[int] = mapped_column(Id, comment="the run that last changed the row")
    gone_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="when the API was first found to have the job no more"
    )


class JobOutput(Base):
    __tablename__ = "job_outputs"
    __table_args__ = {"comment": "One row an output of a job", **_MYSQL}  # noqa: RUF012 - read once, by SQLAlchemy

    id: Mapped[int] = mapped_column(
        Id, primary_key=True, autoincrement=False, comment="the output, as the API numbers it"
    )
    job_id: Mapped[int] = mapped_column(
        Id, ForeignKey("jobs.id"), index=True, comment="the job that wrote it"
    )
    name: Mapped[str | None] = mapped_column(Words, comment="the output's name")
    records_count: Mapped[int | None] = mapped_column(Id, comment="records written")
    progress: Mapped[float | None] = mapped_column(Double, comment="0 to 1")
    created_at: Mapped[datetime | None] = mapped_column(UTCDateTime, comment="when it was begun")
    updated_at: Mapped[datetime | None] = mapped_column(UTCDateTime, comment="when it last changed")
    url: Mapped[str | None] = mapped_column(Words, comment="the output in the API")
    preview_url: Mapped[str | None] = mapped_column(Words, comment="its first records in the API")
    preview_type: Mapped[str | None] = mapped_column(Words, comment="the preview's format")
    component_name: Mapped[str | None] = mapped_column(
        Words, comment="the destination component of the package"
    )
    component_type: Mapped[str | None] = mapped_column(
        Words, comment="what the component writes to"
    )
    fields_digest: Mapped[str | None] = mapped_column(
        String(16),
        index=True,
        comment="equal for an output of a package while its fields stay, in their order",
    )
    extra: Mapped[Any | None] = mapped_column(
        Document, comment="what the API sent and no column holds, under its own names"
    )


class OutputField(Base):
    __tablename__ = "output_fields"
    # Without a rowid SQLite keeps the rows in the key itself: faster, and a sixth smaller.
    __table_args__ = {  # noqa: RUF012 - read once, by SQLAlchemy
        "comment": "One row a field of an output",
        "sqlite_with_rowid": False,
        **_MYSQL,
    }

    output_id: Mapped[int] = mapped_column(
        Id,
        ForeignKey("job_outputs.id"),
        primary_key=True,
        autoincrement=False,
        comment="the output that has the field",
    )
    position: Mapped[int] = mapped_column(
        Integer, primary_key=True, autoincrement=False, comment="its place, from 1"
    )
    name: Mapped[str] = mapped_column(Words, comment="the field's name")


class Calendar(Base):
    __tablename__ = "calendar"
    __table_args__ = {"comment": "The days of 2010 to 2049", **_MYSQL}  # noqa: RUF012 - read once, by SQLAlchemy

    day: Mapped[date] = mapped_column(Date, primary_key=True, comment="the day")
    epoch: Mapped[int | None] = mapped_column(
        Id, comment="its midnight UTC in whole seconds since 1970"
    )
    week: Mapped[date] = mapped_column(Date, comment="the Monday of its week")
    month: Mapped[date] = mapped_column(Date, comment="the first day of its month")
    weekday: Mapped[int] = mapped_column(SmallInteger, comment="1 Monday to 7 Sunday")


class Snapshot(Base):
    __tablename__ = "snapshots"
    __table_args__ = {"comment": "One row a run of sync", **_MYSQL}  # noqa: RUF012 - read once, by SQLAlchemy

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="the run")
    account_id: Mapped[str] = mapped_column(Name, comment="the account it read")
    kind: Mapped[str] = mapped_column(String(16), comment="full, incremental or jobs")
    status: Mapped[str] = mapped_column(String(16), comment="running, completed, partial or failed")
    started_at: Mapped[datetime] = mapped_column(UTCDateTime, comment="when it began, by this host")
    finished_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="when it ended, by this host"
    )
    started_epoch: Mapped[int | None] = mapped_column(
        Id, comment="started_at in whole seconds since 1970"
    )
    finished_epoch: Mapped[int | None] = mapped_column(
        Id, comment="finished_at in whole seconds since 1970"
    )
    since: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="the since it listed from; null for the whole"
    )
    watermark: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="the account's watermark that it left, where it moved it"
    )
    watermark_epoch: Mapped[int | None] = mapped_column(
        Id, comment="watermark in whole seconds since 1970"
    )
    requests: Mapped[int] = mapped_column(Integer, comment="HTTP requests sent, retries included")
    pages: Mapped[int] = mapped_column(Integer, comment="pages of the listing read")
    jobs_seen: Mapped[int] = mapped_column(Integer, comment="different jobs answered")
    jobs_inserted: Mapped[int] = mapped_column(Integer, comment="jobs that were new")
    jobs_changed: Mapped[int] = mapped_column(Integer, comment="jobs whose rows were changed")
    jobs_unchanged: Mapped[int] = mapped_column(Integer, comment="jobs whose rows were left alone")
    jobs_rejected: Mapped[int] = mapped_column(Integer, comment="records set aside")
    credits_remaining: Mapped[int | None] = mapped_column(
        Integer, comment="credits left of the hour's, by the last answer"
    )
    credits_spent: Mapped[int | None] = mapped_column(
        Integer, comment="requests sent that cost a credit, retries included"
    )
    error: Mapped[str | None] = mapped_column(
        Words, comment="why it did not complete, or what it could not ask for"
    )


class JobChange(Base):
    __tablename__ = "job_changes"
    __table_args__ = {"comment": "One row whenever a job's state was seen to move", **_MYSQL}  # noqa: RUF012 - read once, by SQLAlchemy

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="the order of observation")
    job_id: Mapped[int] = mapped_column(Id, index=True, comment="the job")
    snapshot_id: Mapped[int] = mapped_column(Id, comment="the run that saw it")
    observed_at: Mapped[datetime] = mapped_column(UTCDateTime, comment="when it was seen")
    status: Mapped[str | None] = mapped_column(Name, comment="the job's status then")
    progress: Mapped[float | None] = mapped_column(Double, comment="0 to 1")
    runtime_in_seconds: Mapped[int | None] = mapped_column(Id, comment="seconds it had run")
    outputs_count: Mapped[int | None] = mapped_column(Id, comment="outputs, by the API's count")
    records_count: Mapped[int | None] = mapped_column(
        Id, comment="records written, summed over its outputs"
    )


class RejectedRecord(Base):
    __tablename__ = "rejected_records"
    __table_args__ = (
        Index(None, "account_id", "job_id"),
        {"comment": "Records that could not be read, whole, until they can be", **_MYSQL},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="the record")
    snapshot_id: Mapped[int] = mapped_column(Id, comment="the run that last set it aside")
    account_id: Mapped[str] = mapped_column(Name, comment="the account it was read from")
    job_id: Mapped[int | None] = mapped_column(Id, comment="its job, where it names one")
    reason: Mapped[str] = mapped_column(Words, comment="what is wrong, with its path")
    payload: Mapped[str] = mapped_column(
        Words,
        comment="the record as it came, secrets masked; null if none came, cut if it is too long",
    )
    rejected_at: Mapped[datetime] = mapped_column(UTCDateTime, comment="when it was set aside")
    attempts: Mapped[int | None] = mapped_column(
        Integer, comment="times it was tried since it last changed"
    )
    next_attempt_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, comment="before then no run asks for it again; null: the next run does"
    )
    program_version: Mapped[str | None] = mapped_column(
        String(64), comment="the version of this program that last tried it"
    )
    digest: Mapped[str | None] = mapped_column(
        String(32),
        comment="of the whole record, but for its package and cluster: it tells a change",
    )
