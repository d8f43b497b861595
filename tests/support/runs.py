"""The rows that stored jobs refer to: their account and the run that wrote them."""

from typing import Any

from sqlalchemy import Connection, Table, insert, update

from snapshotter.store.tables import ACCOUNTS, SNAPSHOTS
from snapshotter.store.write import Stamp

COUNTS = (
    *("requests", "pages", "jobs_seen", "jobs_inserted", "jobs_changed", "jobs_unchanged"),
    "jobs_rejected",
)


def replace(connection: Connection, table: Table, row: dict[str, Any]) -> None:
    """Set the columns of the row that has the key of this one; insert it if there is none."""
    (key,) = table.primary_key
    here = key == row[key.name]
    if not connection.execute(update(table).where(here).values(row)).rowcount:
        connection.execute(insert(table).values(row))


def insert_account(connection: Connection, account_id: str) -> None:
    """Insert an account that has not answered, if it is not there."""
    if connection.execute(ACCOUNTS.select().where(ACCOUNTS.c.account_id == account_id)).first():
        return
    connection.execute(insert(ACCOUNTS).values(account_id=account_id, api_url=""))


def insert_run(connection: Connection, run: Stamp) -> None:
    """Insert the run and its account, if they are not there."""
    insert_account(connection, run.account_id)
    if connection.execute(SNAPSHOTS.select().where(SNAPSHOTS.c.id == run.snapshot_id)).first():
        return
    row: dict[str, Any] = {"account_id": run.account_id, "kind": "jobs", "status": "completed"}
    row |= {"id": run.snapshot_id, "started_at": run.observed_at, **dict.fromkeys(COUNTS, 0)}
    connection.execute(insert(SNAPSHOTS).values(row))
    if connection.dialect.name == "postgresql":  # the others take the next number by themselves
        sequence = "pg_get_serial_sequence('snapshots', 'id')"
        next_one = f"select setval({sequence}, max(id)) from snapshots"
        connection.exec_driver_sql(next_one)
