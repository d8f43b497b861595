"""Checks a server in each new session, and sets what this command depends on.

Whatever a role, a database or an environment has set, text and times come back the same. What a
server lacks is reported in one line, before anything is changed.
"""

from dataclasses import dataclass, field
from typing import Any

from snapshotter.errors import DatabaseError, UsageError
from snapshotter.store.wait_limit import WaitLimit

_OLDEST_POSTGRESQL = 100000  # as it numbers its versions
_KEEPS_IDLE_SESSIONS, _LIMITS_TRANSACTIONS = 140000, 170000
_OLDEST_MARIADB, _OLDEST_MYSQL = (10, 2), (8, 0)
_SMALLEST_PAGE = 8192  # bytes; a smaller page has no room for an index on a name
# The trends sort a million wide rows, of which MariaDB's own 2 MiB hold two thousand: it merged
# hundreds of pieces. Any user may set this much, and a sort takes only what it needs of it.
_SORT_BUFFER = 32 * 2**20  # bytes
_SESSION = {
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "3",
    "standard_conforming_strings": "on",
    "default_transaction_isolation": "read committed",
    "idle_in_transaction_session_timeout": "0",
    "statement_timeout": "0",
}


@dataclass
class ServerSetup:
    """What is known about a server. `read_only`: nothing will be written there."""

    wait_limit: WaitLimit
    read_only: bool
    variables: dict[str, str] = field(default_factory=dict)

    def set_up_postgresql(self, connection: Any) -> str:
        """Set up the session, and check the server.

        Behind a pooler, return the statement that sets up one transaction, else an empty text: a
        pooler may give the next transaction another session, and this one to another program.
        """
        version = connection.info.server_version
        if version < _OLDEST_POSTGRESQL:
            raise DatabaseError(
                f"PostgreSQL {version // 10000} is too old; {_OLDEST_POSTGRESQL // 10000} or newer"
            )
        given = self._given(version)
        # A pooler gives a session a number of its own. `local` ends with this one statement then.
        local = f"pg_backend_pid() <> {connection.info.backend_pid}"
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"select {_sets(given, local)}")
            cursor.execute(
                f"select {local}, current_schema(), pg_is_in_recovery(), "
                "current_setting('transaction_read_only')"
            )
            pooled, schema, is_standby, read_only = cursor.fetchone()
        connection.autocommit = False
        if schema is None:
            raise UsageError(
                "no schema of the database's search_path exists, or this user may not use it: "
                "create it, or set another search_path"
            )
        if not self.read_only and (is_standby or read_only == "on"):
            why = "the server is a standby" if is_standby else "default_transaction_read_only is on"
            raise DatabaseError(f"the database cannot be used: it may only be read ({why})")
        if not pooled:
            return ""
        # A statement that is prepared in one session of the server is unknown in the next.
        connection.prepare_threshold = None
        return f"select {_sets(given, 'true')}"

    def _given(self, version: int) -> dict[str, str]:
        given = {**_SESSION, "lock_timeout": str(int(self.wait_limit.seconds() * 1000))}
        if not self.read_only:
            # A server that crashes may lose the last transactions, each whole and with the
            # checkpoint of what it stored: the next run continues from before them.
            given["synchronous_commit"] = "off"
        if version >= _KEEPS_IDLE_SESSIONS:
            given["idle_session_timeout"] = "0"
        if version >= _LIMITS_TRANSACTIONS:
            given["transaction_timeout"] = "0"
        return given

    def set_up_mariadb(self, connection: Any) -> None:
        """Check the server, and set up the session."""
        with connection.cursor() as cursor:
            if not self.variables:
                cursor.execute(
                    "show variables where variable_name in ('version', 'log_bin', 'binlog_format', "
                    "'innodb_page_size', 'innodb_read_only')"
                )
                self.variables = {name.lower(): value for name, value in cursor.fetchall()}
                cursor.execute("select database()")
                if cursor.fetchone() == (None,):
                    raise UsageError("the database's URL names no database, after the host")
                self._check_mariadb()
            logs_statements = (
                self.variables.get("log_bin") == "ON"
                and self.variables.get("binlog_format") == "STATEMENT"
            )
            # Under READ COMMITTED such a server takes no writes at all.
            level = "repeatable read" if logs_statements else "read committed"
            cursor.execute(f"set session transaction isolation level {level}")
            seconds = max(1, round(self.wait_limit.seconds()))
            cursor.execute(
                f"set innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}, "
                "wait_timeout = 86400, net_write_timeout = 600"
            )
            if self.read_only and self._is_mariadb:
                cursor.execute(
                    f"set sort_buffer_size = greatest(@@sort_buffer_size, {_SORT_BUFFER})"
                )

    @property
    def _is_mariadb(self) -> bool:
        return "mariadb" in self.variables.get("version", "").lower()

    def _check_mariadb(self) -> None:
        version = self.variables.get("version", "")
        oldest = _OLDEST_MARIADB if self._is_mariadb else _OLDEST_MYSQL
        name = "MariaDB" if self._is_mariadb else "MySQL"
        parts = version.removeprefix("5.5.5-").split("-")[0].split(".")
        numbers = tuple(int(part) for part in parts[:2] if part.isdigit())
        if numbers and numbers < oldest:
            raise DatabaseError(
                f"{name} {version} is too old; {'.'.join(map(str, oldest))} or newer"
            )
        page = self.variables.get("innodb_page_size")
        if page is None:
            raise DatabaseError(f"this {name} has no InnoDB, which the tables need")
        if page.isdigit() and int(page) < _SMALLEST_PAGE:
            raise DatabaseError(
                f"this {name} has an innodb_page_size of {page}, in which the tables' keys have no "
                "room; it has to be 8 kB or more"
            )
        if not self.read_only and self.variables.get("innodb_read_only") == "ON":
            raise DatabaseError("the database cannot be used: innodb_read_only is on")


def _sets(given: dict[str, str], local: str) -> str:
    return ", ".join(f"set_config('{name}', '{value}', {local})" for name, value in given.items())
