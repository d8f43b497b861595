"""A MariaDB server, as `doctor` reports it: what it has set, and what its user may do."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from databases import MariaDBServer
from examined import examined, lines
from sqlalchemy import make_url

from snapshotter.store.engine import open_engine

mariadb_only = pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)


def found(url: str) -> list[str]:
    return lines(examined({}, url), "database")


@pytest.fixture
def reader(database_url: str, mariadb: MariaDBServer) -> Iterator[str]:
    """Yield the URL of a user who may read the tables and nothing else."""
    name, url = f"reader_{uuid4().hex[:20]}", make_url(database_url)
    mariadb._execute(f"create user {name}@localhost")  # noqa: SLF001
    mariadb._execute(f"grant select, show view on {url.database}.* to {name}@localhost")  # noqa: SLF001
    yield url.set(username=name).render_as_string()
    mariadb._execute(f"drop user {name}@localhost")  # noqa: SLF001


@mariadb_only
def test_a_server_that_is_well(database_url: str) -> None:
    (line,) = found(database_url)
    assert line.startswith("ok: MariaDB 1")
    assert "innodb_page_size 16384, max_allowed_packet 16,777,216, binary log off; " in line


@mariadb_only
def test_tables_of_an_old_row_format(database_url: str) -> None:
    engine = open_engine(database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("alter table output_fields row_format = compact")
    engine.dispose()
    one, two = found(database_url)
    assert one.startswith("ok")
    assert two == (
        "warning: row format Compact of output_fields; its keys are too short for an upgrade: "
        "alter table output_fields row_format = dynamic"
    )


@mariadb_only
def test_a_user_who_may_only_read(reader: str) -> None:
    one, two = found(reader)
    assert one.startswith("ok")
    assert two.startswith("FAILED: its user may not insert in the table ")
    assert "grant select, insert, update, delete" in two
