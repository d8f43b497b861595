"""Outputs by day, which are counted while they are loaded, and records in the index of outputs.

The outputs are not counted here: `db upgrade` does that afterwards for each account that is not
being read, or else the account's next run. Until then `accounts.output_days_since` is null, and the
trends count the outputs themselves.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from snapshotter.models import Day, UTCDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

OLD_INDEX, NEW_INDEX = "ix_job_outputs_job_id", "ix_job_outputs_job_id_records_count"
DAYS_INDEX = "ix_output_days_account_id_package_id_run_date"
id_ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
words = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
mysql_options: Any = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}


def upgrade() -> None:
    # MariaDB commits each statement: what a killed upgrade has done already is left as it is.
    if not sa.inspect(op.get_bind()).has_table("output_days"):
        create_table()
    if DAYS_INDEX not in indexes("output_days"):
        op.create_index(DAYS_INDEX, "output_days", ["account_id", "package_id", "run_date"])
    # The new one first: MariaDB needs one of them for the foreign key.
    replace_index(NEW_INDEX, ["job_id", "records_count"], OLD_INDEX)
    if not has_mark():
        op.add_column(
            "accounts",
            sa.Column(
                "output_days_since",
                UTCDateTime(),
                nullable=True,
                comment="when the account's outputs were counted into output_days, by this host's "
                "clock; null if they are still to be counted",
            ),
        )


def downgrade() -> None:
    replace_index(OLD_INDEX, ["job_id"], NEW_INDEX)
    if sa.inspect(op.get_bind()).has_table("output_days"):
        op.drop_table("output_days")
    if not has_mark():
        return
    programs = sqlite_programs()
    for kind, name, _ in programs:
        op.execute(sa.text(f'drop {kind} if exists "{name}"'))
    op.drop_column("accounts", "output_days_since")
    for _, _, statement in programs:
        op.get_bind().exec_driver_sql(statement)


def sqlite_programs() -> list[tuple[str, str, str]]:
    """Return type, name and statement of the views and triggers, which SQLite checks for a column.

    It drops none if a view cannot be read, for whatever reason.
    """
    if op.get_bind().dialect.name != "sqlite":
        return []
    found = op.get_bind().exec_driver_sql(
        "select type, replace(name, '\"', '\"\"'), sql from sqlite_master "
        "where type in ('view', 'trigger') order by type desc"
    )
    return [(kind, name, statement) for kind, name, statement in found]


def has_mark() -> bool:
    columns = sa.inspect(op.get_bind()).get_columns("accounts")
    return "output_days_since" in {column["name"] for column in columns}


def indexes(table: str) -> set[str | None]:
    return {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}


def replace_index(name: str, columns: list[str], other: str) -> None:
    found = indexes("job_outputs")
    if name not in found:
        op.create_index(name, "job_outputs", columns)
    if other in found:
        op.drop_index(other, "job_outputs")


def create_table() -> None:
    op.create_table(
        "output_days",
        sa.Column(
            "first_output_id",
            id_,
            autoincrement=False,
            nullable=False,
            comment="the least id of the outputs",
        ),
        sa.Column("account_id", sa.String(255), nullable=False, comment="the account of the jobs"),
        sa.Column("package_id", id_, nullable=True, comment="the package of the jobs"),
        sa.Column("run_date", Day, nullable=True, comment="the day of the jobs"),
        sa.Column("name", words, nullable=True, comment="the name of the outputs"),
        sa.Column("runs", id_, nullable=False, comment="number of jobs"),
        sa.Column(
            "zero_runs",
            id_,
            nullable=False,
            comment="number of jobs that wrote 0 records; a job without a number is not counted",
        ),
        sa.Column(
            "billions",
            id_,
            nullable=True,
            comment="records written, in whole billions of each output; counts outside 0 to "
            "10000000000000000 are ignored",
        ),
        sa.Column(
            "rest",
            id_,
            nullable=True,
            comment="records written that billions lacks: the sum is billions * 1000000000 + rest",
        ),
        sa.PrimaryKeyConstraint("first_output_id", name=op.f("pk_output_days")),
        comment="One row per account, package, day and output name: what the completed jobs of the "
        "day wrote",
        **mysql_options,
    )
