"""A MariaDB or MySQL server: its version and what it has set, the rights."""

from sqlalchemy import Connection, exc, inspect, text

from snapshotter.doctor.report import Report
from snapshotter.models import METADATA

_SMALLEST_PACKET = 16 * 1024 * 1024  # bytes, its own default
_REFUSED = (1142, 1143)
_VARIABLES = (
    *("version", "innodb_page_size", "max_allowed_packet", "log_bin", "binlog_format"),
    "innodb_read_only",
)
_ROW_FORMATS = """
select table_name, row_format
from information_schema.tables
where table_schema = database() and engine = 'InnoDB'
"""


def check(report: Report, connection: Connection) -> None:
    """Report what the server has set, and the rights that the user lacks."""
    listed = ", ".join(f"'{name}'" for name in _VARIABLES)
    rows = connection.exec_driver_sql(f"show variables where variable_name in ({listed})")
    found = {str(name).lower(): str(value) for name, value in rows}
    packet = int(found.get("max_allowed_packet", _SMALLEST_PACKET))
    log = found.get("binlog_format", "none") if found.get("log_bin") == "ON" else "off"
    by_statement = ", so that runs use REPEATABLE READ" if log == "STATEMENT" else ""
    report.ok(
        f"{_name(found)} (at least MariaDB 10.2 or MySQL 8.0), innodb_page_size "
        f"{found.get('innodb_page_size')}, max_allowed_packet {packet:,}, binary log "
        f"{log}{by_statement}"
    )
    if packet < _SMALLEST_PACKET:
        report.warn(
            f"max_allowed_packet is {packet:,} bytes",
            f"larger records are set aside; set it to {_SMALLEST_PACKET:,} or more",
        )
    _check_row_formats(report, connection)
    _check_rights(report, connection)


def _name(found: dict[str, str]) -> str:
    version = found.get("version", "?")
    return f"{'MariaDB' if 'mariadb' in version.lower() else 'MySQL'} {version}"


def _check_row_formats(report: Report, connection: Connection) -> None:
    formats = {str(name): str(kind) for name, kind in connection.execute(text(_ROW_FORMATS))}
    old = [name for name in _ours(connection) if formats.get(name) in ("Compact", "Redundant")]
    if old:
        report.warn(
            f"row format {formats[old[0]]} of {', '.join(old)}",
            f"its keys are too short for an upgrade: alter table {old[0]} row_format = dynamic",
        )


def _check_rights(report: Report, connection: Connection) -> None:
    """Let the server explain writes, for which it checks the same rights, and writes nothing."""
    for table in _ours(connection):
        column = next(iter(METADATA.tables[table].columns)).name
        for statement in (
            f"insert into {table} select * from {table} where 1 = 0",  # noqa: S608 - our own names
            f"update {table} set {column} = {column} where 1 = 0",  # noqa: S608 - as above
            f"delete from {table} where 1 = 0",  # noqa: S608 - as above
        ):
            try:
                connection.exec_driver_sql(f"explain {statement}")
            except exc.DBAPIError as error:
                code = error.orig.args[0] if error.orig and error.orig.args else None
                if code not in _REFUSED:
                    raise
                report.fail(
                    f"its user may not {statement.partition(' ')[0]} in the table {table}",
                    "grant select, insert, update, delete on the database to it",
                )
                return


def _ours(connection: Connection) -> list[str]:
    return [name for name in inspect(connection).get_table_names() if name in METADATA.tables]
