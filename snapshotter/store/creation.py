"""Creates the newest schema in an empty database: what the revisions one by one would make.

It is made from the models, as Alembic's documentation advises for a new database, but without
Alembic, whose import and revisions would be most of the time of a small first run.
"""

from datetime import date

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect
from sqlalchemy.schema import CreateIndex, CreateTable, SetColumnComment, SetTableComment

from snapshotter.models import METADATA
from snapshotter.store import sizes, views
from snapshotter.store.bulk import encode, insert_encoded
from snapshotter.store.tables import CALENDAR

# As Alembic creates it.
_VERSION = Table(
    "alembic_version",
    MetaData(naming_convention={"pk": "%(table_name)s_pkc"}),
    Column("version_num", String(32), primary_key=True),
    mysql_row_format="DYNAMIC",
    mariadb_row_format="DYNAMIC",
)
# Columns that a revision added to a table, in this order: an added column is always the last.
_ADDED = {
    "accounts": "sends_links refreshed_id counted_at unlisted watermark_epoch vanishing_since "
    "output_days_since",
    "calendar": "epoch",
    "job_outputs": "fields_digest",
    "jobs": "created_epoch started_epoch finished_epoch cluster_wait_seconds error_fingerprint",
    "snapshots": "credits_spent started_epoch finished_epoch watermark_epoch",
}
_FIRST_DAY, _LAST_DAY = date(2010, 1, 1), date(2049, 12, 31)
_EPOCH = date(1970, 1, 1).toordinal()


def create(connection: Connection, revision: str) -> None:
    """Create all tables and views in an empty database, and record that it is at this revision.

    `alembic_version` is created first, and gets its row after all tables: MariaDB commits each
    statement, and by these `ownership` recognizes what a killed run has left.
    """
    sizes.apply_packet_limit(connection.engine)
    if not _has(connection, _VERSION):
        connection.execute(CreateTable(_VERSION))
    with views.set_aside(connection):
        for table in METADATA.sorted_tables:
            _create(connection, table)
        _fill_calendar(connection)
        if not _has(connection, views.REGISTRY):
            _create(connection, views.REGISTRY)
        connection.execute(insert(_VERSION).values(version_num=revision))


def _has(connection: Connection, table: Table) -> bool:
    return inspect(connection).has_table(table.name, connection.dialect.default_schema_name)


def _create(connection: Connection, table: Table) -> None:
    """Create a table with its comments and indexes."""
    statement, added = CreateTable(table), _ADDED.get(table.name, "").split()
    # `sort` keeps the order of the others, which all get the same number.
    statement.columns.sort(
        key=lambda each: added.index(each.element.name) + 1 if each.element.name in added else 0
    )
    connection.execute(statement)
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        connection.execute(CreateIndex(index))
    if connection.dialect.supports_comments and not connection.dialect.inline_comments:
        connection.execute(SetTableComment(table))
        for column in table.columns:
            connection.execute(SetColumnComment(column))


def _fill_calendar(connection: Connection) -> None:
    """Insert a row for each day."""
    names = ("day", "epoch", "week", "month", "weekday")
    rows = list(map(_calendar_row, range(_FIRST_DAY.toordinal(), _LAST_DAY.toordinal() + 1)))
    insert_encoded(connection, CALENDAR, names, encode(connection.dialect, CALENDAR, names, rows))


def _calendar_row(ordinal: int) -> tuple[date, int, date, date, int]:
    day = date.fromordinal(ordinal)
    return (
        day,
        (ordinal - _EPOCH) * 86_400,
        date.fromordinal(ordinal - day.weekday()),
        day.replace(day=1),
        day.isoweekday(),
    )
