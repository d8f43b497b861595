"""What the trends need: times as seconds, reasons of failures, digests of fields; indexes."""

from collections import defaultdict
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

# By the loader's own functions: rows that differ from what it makes would all be written anew.
from snapshotter.fingerprint import of_error, of_fields

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

id_ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BATCH = 5_000  # rows

EPOCHS = {
    "accounts": ("watermark",),
    "calendar": ("day",),
    "jobs": ("created_at", "started_at", "finished_at"),
    "snapshots": ("started_at", "finished_at", "watermark"),
}
COMMENTS = {
    "calendar": "its midnight UTC in whole seconds since 1970",
    "created_at": "created_at in whole seconds since 1970: engines disagree on differences",
}
EPOCH = {
    "sqlite": "cast(strftime('%s', substr({0}, 1, 19)) as integer)",
    "postgresql": "cast(floor(extract(epoch from {0})) as bigint)",
    "mysql": "timestampdiff(second, '1970-01-01', {0})",
}
# SQLite's text of a time ends with its fraction, always six digits.
CLUSTER_WAIT = {
    "sqlite": EPOCH["sqlite"].format("min(started_at, cluster_available_since)")
    + " - "
    + EPOCH["sqlite"].format("created_at")
    + " - (substr(min(started_at, cluster_available_since), 20) < substr(created_at, 20))",
    "postgresql": "cast(trunc(extract(epoch from "
    "least(started_at, cluster_available_since) - created_at)) as bigint)",
    "mysql": "timestampdiff(second, created_at, least(started_at, cluster_available_since))",
}


def epoch_of(time: str) -> str:
    return "epoch" if time == "day" else f"{time.removesuffix('_at')}_epoch"


def columns() -> Iterator[tuple[str, sa.Column[object]]]:
    for table, times in EPOCHS.items():
        for time in times:
            words = f"{time} in whole seconds since 1970"
            comment = COMMENTS.get(table) or COMMENTS.get(time) or words
            yield table, sa.Column(epoch_of(time), id_, nullable=True, comment=comment)
    yield (
        "jobs",
        sa.Column(
            "cluster_wait_seconds",
            id_,
            nullable=True,
            comment="those of queue_seconds in which the cluster was not there yet",
        ),
    )
    yield (
        "jobs",
        sa.Column(
            "error_fingerprint",
            sa.String(length=255),
            nullable=True,
            comment="errors with ids, numbers, dates and paths taken out",
        ),
    )
    yield (
        "job_outputs",
        sa.Column(
            "fields_digest",
            sa.String(length=16),
            nullable=True,
            comment="equal for an output of a package while its fields stay, in their order",
        ),
    )


_RUNS = ["status", "package_id", "run_date", "runtime_in_seconds", "finished_epoch"]
_EPOCHS = ["account_id", "finished_epoch", "started_epoch", "created_epoch", "package_id"]
INDEXES = (
    ("ix_jobs_runs", "jobs", _RUNS, None),
    ("ix_jobs_epochs", "jobs", _EPOCHS, None),
    ("ix_jobs_named", "jobs", ["package_id"], sa.text("package_name is not null")),
    ("ix_job_outputs_fields_digest", "job_outputs", ["fields_digest"], None),
)


def upgrade() -> None:
    # MariaDB commits each statement: what a killed upgrade has done already is left as it is.
    connection = op.get_bind()
    found = sa.inspect(connection)
    for table, column in columns():
        if column.name not in {each["name"] for each in found.get_columns(table)}:
            op.add_column(table, column)
    dialect = "mysql" if connection.dialect.name == "mariadb" else connection.dialect.name
    for table, times in EPOCHS.items():
        sets = ", ".join(f"{epoch_of(time)} = {EPOCH[dialect].format(time)}" for time in times)
        connection.exec_driver_sql(f"update {table} set {sets}")  # noqa: S608 - names from above
    wait = CLUSTER_WAIT[dialect]
    connection.exec_driver_sql(
        f"update jobs set cluster_wait_seconds = case when {wait} > 0 then {wait} else 0 end "  # noqa: S608 - from above
        "where created_at is not null and started_at is not null "
        "and cluster_available_since is not null"
    )
    fingerprint_errors(connection)
    digest_fields(connection)
    for name, table, members, only in INDEXES:
        if name not in {each["name"] for each in found.get_indexes(table)}:
            op.create_index(name, table, members, sqlite_where=only, postgresql_where=only)


def fingerprint_errors(connection: sa.Connection) -> None:
    jobs = sa.table("jobs", sa.column("id"), sa.column("errors"), sa.column("error_fingerprint"))
    change = (
        sa.update(jobs)
        .where(jobs.c.id == sa.bindparam("job_id"))
        .values(error_fingerprint=sa.bindparam("fingerprint"))
    )
    last = 0
    while rows := connection.execute(
        sa.select(jobs.c.id, jobs.c.errors)
        .where(jobs.c.id > last, jobs.c.errors.is_not(None), jobs.c.errors != "")
        .order_by(jobs.c.id)
        .limit(BATCH)
    ).all():
        last = rows[-1].id
        connection.execute(
            change, [{"job_id": row.id, "fingerprint": of_error(row.errors)} for row in rows]
        )


def digest_fields(connection: sa.Connection) -> None:
    outputs = sa.table(
        "job_outputs",
        *map(sa.column, ("id", "job_id", "name", "component_name", "fields_digest")),
    )
    jobs = sa.table("jobs", sa.column("id"), sa.column("package_id"))
    fields = sa.table(
        "output_fields", sa.column("output_id"), sa.column("position"), sa.column("name")
    )
    change = (
        sa.update(outputs)
        .where(outputs.c.id == sa.bindparam("output_id"))
        .values(fields_digest=sa.bindparam("digest"))
    )
    last = 0
    while rows := connection.execute(
        sa.select(outputs.c.id, jobs.c.package_id, outputs.c.component_name, outputs.c.name)
        .join(jobs, jobs.c.id == outputs.c.job_id)
        .where(outputs.c.id > last)
        .order_by(outputs.c.id)
        .limit(BATCH)
    ).all():
        names: dict[int, list[str]] = defaultdict(list)
        for output_id, name in connection.execute(
            sa.select(fields.c.output_id, fields.c.name)
            .where(fields.c.output_id > last, fields.c.output_id <= rows[-1].id)
            .order_by(fields.c.output_id, fields.c.position)
        ):
            names[output_id].append(name)
        last = rows[-1].id
        digests = [
            of_fields(row.package_id, row.component_name, row.name, names[row.id]) for row in rows
        ]
        connection.execute(
            change,
            [
                {"output_id": row.id, "digest": digest}
                for row, digest in zip(rows, digests, strict=True)
            ],
        )


def downgrade() -> None:
    for name, table, *_ in INDEXES:
        op.drop_index(name, table_name=table)
    for table, column in columns():
        # Not by a batch: SQLite's copy of a table cannot be put in its place while rows hang on it.
        op.drop_column(table, str(column.name))
