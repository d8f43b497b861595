"""The tables as they are declared: names, types, comments, and what each engine makes of them."""

import re
import shutil
import subprocess
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest
from migrating import run_revisions
from runs import insert_run
from sqlalchemy import (
    BigInteger,
    Connection,
    DateTime,
    Engine,
    String,
    insert,
    inspect,
    select,
    text,
)

from snapshotter.api import schema
from snapshotter.models import METADATA, UTCDateTime
from snapshotter.store.engine import open_engine
from snapshotter.store.write import Stamp

TABLES = METADATA.tables
ACCOUNTS, JOBS = TABLES["accounts"], TABLES["jobs"]
COLUMNS = [each for table in TABLES.values() for each in table.columns]
AT = datetime(2026, 1, 31, 12, 30, 15, 123456, tzinfo=UTC)
RUN = Stamp("acme", 1, AT)
STAMP = {"account_id": "acme", "first_seen_at": AT, "last_changed_at": AT, "snapshot_id": 1}


def test_every_table_and_column_has_a_comment() -> None:
    for table in METADATA.tables.values():
        assert table.comment, table.name
        for column in table.columns:
            assert column.comment, f"{table.name}.{column.name}"


def api_names(part: type[msgspec.Struct], prefix: str = "") -> dict[str, bool]:
    """Return the columns that an object of the API needs, and whether it may leave each out."""
    return {f"{prefix}{field.name}": not field.required for field in msgspec.structs.fields(part)}


def names_of_a_job() -> dict[str, bool]:
    names = api_names(schema.Job)
    # These have their columns below; the last has none, and is part of `extra`.
    for nested in ("outputs", "package", "cluster", "creator", "log_summary"):
        del names[nested]
    for part, prefix in (
        (schema.Package, "package_"),
        (schema.Cluster, "cluster_"),
        (schema.Creator, "creator_"),
    ):
        names |= api_names(part, prefix)
    return names


def names_of_an_output() -> dict[str, bool]:
    names = api_names(schema.Output)
    del names["component"]
    component = api_names(schema.Component, "component_")
    del component["component_fields"]  # a table of their own
    return names | component


OWN = {  # computed while loading, or about this database; the rest is the API's
    "jobs": {
        *("account_id", "extra", "run_date", "queue_seconds", "finished_at", "created_epoch"),
        *("started_epoch", "finished_epoch", "cluster_wait_seconds", "error_fingerprint"),
        *("first_seen_at", "last_changed_at", "snapshot_id", "gone_at"),
    },
    "job_outputs": {"job_id", "fields_digest", "extra"},
}


@pytest.mark.parametrize(
    ("table", "names"), [("jobs", names_of_a_job()), ("job_outputs", names_of_an_output())]
)
def test_columns_have_the_names_of_the_api(table: str, names: dict[str, bool]) -> None:
    assert {each.name for each in TABLES[table].columns} - OWN[table] == set(names)
    for name, may_be_left_out in names.items():
        assert TABLES[table].c[name].nullable == may_be_left_out, name


def test_ids_have_64_bits_and_are_those_of_the_api() -> None:
    ids = [each for each in COLUMNS if each.name == "id" or each.name.endswith("_id")]
    assert len(ids) > 15
    for each in ids:
        expected = String if each.name == "account_id" else BigInteger
        assert isinstance(each.type, expected), each
    for name in ("jobs.id", "job_outputs.id", "output_fields.output_id", "output_fields.position"):
        table, own = name.split(".")
        assert TABLES[table].c[own].autoincrement is False, name


def test_times_are_in_utc_and_their_names_show_it() -> None:
    for each in COLUMNS:
        assert not isinstance(each.type, DateTime), each
        if each.name.endswith("_at"):
            assert isinstance(each.type, UTCDateTime), each
        if each.name.endswith("_epoch"):
            assert isinstance(each.type, BigInteger), each
            assert "whole seconds since 1970" in (each.comment or "")


def test_names_follow_the_convention_and_fit_every_engine() -> None:
    """Another name would be another index for the users' hints, and for later revisions."""
    for table in TABLES.values():
        assert table.primary_key.name == f"pk_{table.name}"
        for key in table.foreign_key_constraints:
            (own,) = key.column_keys
            assert key.name == f"fk_{table.name}_{own}_{key.referred_table.name}"
        for index in table.indexes:
            assert str(index.name).startswith(f"ix_{table.name}_")
            assert len(str(index.name)) <= 63
    names = Counter(str(index.name) for table in TABLES.values() for index in table.indexes)
    assert set(names.values()) == {1}  # SQLite and PostgreSQL know an index by its name alone


def made(connection: Connection) -> dict[str, Any]:
    """Return what the tables are, without the order of their columns."""
    found = inspect(connection)
    has_comments = connection.dialect.supports_comments
    return {
        name: {
            "comment": found.get_table_comment(name) if has_comments else None,
            "columns": {
                each["name"]: (str(each["type"]), each["nullable"], each.get("comment"))
                for each in found.get_columns(name)
            },
            "key": found.get_pk_constraint(name),
            "foreign keys": found.get_foreign_keys(name),
            **of_this_engine(connection, name),
        }
        for name in TABLES
    }


def of_this_engine(connection: Connection, table: str) -> dict[str, object]:
    """Return the table's indexes and options, in the engine's own words."""

    def ask(query: str) -> list[str]:
        return list(connection.execute(text(query)).scalars())

    match connection.dialect.name:
        case "sqlite":
            named = f"select sql from sqlite_master where tbl_name = '{table}' and type"
            (created,) = ask(f"{named} = 'table'")
            return {"rowid": "ROWID" not in created, "indexes": set(ask(f"{named} = 'index'"))}
        case "postgresql":
            query = f"select indexdef from pg_indexes where tablename = '{table}'"
            return {"indexes": set(ask(query))}
        case _:
            created = connection.execute(text(f"show create table {table}")).one()[1]
            *lines, last = created.splitlines()
            # A counter is of the rows that there were.
            options = re.sub(r" AUTO_INCREMENT=\w+", "", last)
            return {"options": options, "lines": {line.strip().rstrip(",") for line in lines}}


def test_revisions_make_what_the_models_declare(empty_database_url: str) -> None:
    """Also what Alembic does not compare: keys, partial indexes, rowids, engines, collations."""
    engine = open_engine(empty_database_url)
    with engine.begin() as connection:
        METADATA.create_all(connection)
        declared = made(connection)
        METADATA.drop_all(connection)
    run_revisions(engine)
    with engine.connect() as connection:
        upgraded = made(connection)
    engine.dispose()
    for name in TABLES:
        assert upgraded[name] == declared[name]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite_finds_rows_by_their_ids_without_another_index(engine: Engine) -> None:
    with engine.connect() as connection:
        for name in ("jobs", "job_outputs", "job_changes", "snapshots", "rejected_records"):
            plan = f"explain query plan select * from {name} where id = 7"
            assert "INTEGER PRIMARY KEY" in connection.execute(text(plan)).one()[3]


DRIVER = Path("/usr/share/java/sqlite-jdbc.jar")


@pytest.mark.skipif(
    not (shutil.which("javac") and DRIVER.exists()),
    reason="no JDK or no libxerial-sqlite-jdbc-java here",
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite_jdbc_reads_times_and_days(engine: Engine, tmp_path: Path) -> None:
    """By the method for the declared type of each column, as Metabase and DBeaver do."""
    at = datetime(2026, 1, 31, 12, 30, 15, 123000, tzinfo=UTC)
    with engine.begin() as connection:
        insert_run(connection, RUN._replace(observed_at=at))
        row = {"id": 7, "created_at": at, "finished_at": at.replace(microsecond=0)}
        row |= {"run_date": at.date(), **STAMP}
        connection.execute(insert(JOBS).values(row))
    query = "select created_at, finished_at, run_date, (select min(day) from calendar) from jobs"
    command = ["java", "-Dorg.sqlite.lib.path=/usr/lib/x86_64-linux-gnu/jni", "-cp", DRIVER]
    command += [Path(__file__).parent / "data" / "ReadWithJdbc.java", engine.url.database, query]
    done = subprocess.run(
        [*map(str, command)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == [
        *("2026-01-31 12:30:15.123", "2026-01-31 12:30:15.0", "2026-01-31", "2010-01-01")
    ], done.stderr


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite_and_pandas_read_times_and_days(engine: Engine) -> None:
    with engine.begin() as connection:
        insert_run(connection, RUN)
        row = {"id": 7, "created_at": AT, "finished_at": AT.replace(microsecond=0), **STAMP}
        connection.execute(insert(JOBS).values({**row, "run_date": AT.date()}))
        query = "select created_at, finished_at, run_date from jobs"
        frame = pd.read_sql(text(query), connection, parse_dates=["finished_at", "run_date"])
        functions = "select datetime(created_at), time(finished_at), date(run_date) from jobs"
        found = tuple(connection.execute(text(functions)).one())
    assert found == ("2026-01-31 12:30:15", "12:30:15", "2026-01-31")
    assert frame.finished_at[0] == pd.Timestamp("2026-01-31 12:30:15")
    assert frame.run_date[0] == pd.Timestamp("2026-01-31")


def test_numbers_and_texts_of_any_size_come_back(engine: Engine) -> None:
    largest, long = 2**63 - 1, "größe 📦 " * 20_000
    row = {"owner_id": -(2**63), "errors": long, "package_name": long, "progress": 0.1 + 0.2}
    with engine.begin() as connection:
        insert_run(connection, RUN)
        connection.execute(insert(JOBS).values(id=largest, **row, **STAMP))
        found = connection.execute(select(JOBS)).mappings().one()
    assert found["id"] == largest
    assert {name: found[name] for name in row} == row


def test_names_that_differ_in_case_are_different(engine: Engine) -> None:
    with engine.begin() as connection:
        for name in ("acme", "Acme", "acmé"):
            connection.execute(insert(ACCOUNTS).values(account_id=name, api_url=""))
        same = select(ACCOUNTS.c.account_id).where(ACCOUNTS.c.account_id == "Acme")
        assert [*connection.execute(same).scalars()] == ["Acme"]


def test_no_document_is_null_and_not_a_text(engine: Engine) -> None:
    with engine.begin() as connection:
        insert_run(connection, RUN)
        connection.execute(insert(JOBS).values(id=1, extra=None, variables={"a": None}, **STAMP))
        nulls = text("select extra is null, variables is null from jobs")
        assert tuple(connection.execute(nulls).one()) == (True, False)
        assert connection.execute(select(JOBS.c.variables)).scalar_one() == {"a": None}
