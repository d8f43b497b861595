"""What an engine sets in its sessions, and what its errors contain."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from snapshotter.errors import DatabaseError, UsageError
from snapshotter.store.engine import (
    checkpoint,
    named_errors,
    open_engine,
    reading,
    to_json,
    unmoving,
)


@pytest.mark.parametrize(
    ("database_url", "asked", "expected"),
    [
        ("sqlite", "pragma wal_autocheckpoint", (10_000, 1_000)),
        (
            "postgresql",  # the tests' server has it off for all
            "select source from pg_settings where name = 'synchronous_commit'",
            ("session", "command line"),
        ),
    ],
    indirect=["database_url"],
)
def test_only_what_writes_is_set_up_to_write(
    engine: Engine, asked: str, expected: tuple[object, object]
) -> None:
    reader = open_engine(engine.url.render_as_string(hide_password=False), read_only=True)
    with engine.connect() as writes, reader.connect() as reads:
        found = tuple(each.execute(text(asked)).scalar_one() for each in (writes, reads))
    reader.dispose()
    assert found == expected


def test_the_log_of_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    other = open_engine(f"sqlite:///{tmp_path}/new.db")
    with other.begin() as connection:
        connection.execute(text("create table t (a)"))
        connection.execute(text("insert into t values (1)"))
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.glob("new.db*")}
    other.dispose()
    assert modes == {"new.db": 0o600, "new.db-wal": 0o600, "new.db-shm": 0o600}


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="name a file"):
        open_engine(url)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_error_names_its_database(engine: Engine) -> None:
    with pytest.raises(DatabaseError) as caught, named_errors(), engine.connect() as connection:
        connection.execute(text("select * from nowhere"))
    message = str(caught.value)
    assert message.startswith("the database cannot be used: no such table: nowhere (sqlite:///")
    assert "\n" not in message


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_reader_does_not_wait_for_a_writer(database_url: str, engine: Engine) -> None:
    other = open_engine(database_url)
    with other.begin() as writing:
        writing.execute(text("insert into accounts (account_id, api_url) values ('a', 'x')"))
        with reading(engine).begin() as connection:
            assert connection.execute(text("select count(*) from accounts")).scalar() == 0
    other.dispose()


def test_an_unmoving_engine_sees_one_state(database_url: str, engine: Engine) -> None:
    other = open_engine(database_url)
    count = text("select count(*) from accounts")
    with unmoving(engine).connect() as connection:
        before = connection.execute(count).scalar()
        with other.begin() as writing:
            writing.execute(text("insert into accounts (account_id, api_url) values ('a', 'x')"))
        assert connection.execute(count).scalar() == before == 0
    with unmoving(engine).connect() as connection:
        assert connection.execute(count).scalar() == 1
    other.dispose()


def test_a_checkpoint_empties_the_log(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/new.db")
    with engine.begin() as connection:
        connection.execute(text("create table t (a)"))
    log = tmp_path / "new.db-wal"
    assert log.stat().st_size > 0
    checkpoint(engine)
    assert log.stat().st_size == 0
    engine.dispose()


@pytest.mark.parametrize("value", [None, 2**70, -1.5, {"a": ["\N{SNOWMAN}"]}])
def test_any_json_is_stored(value: object) -> None:
    assert json.loads(to_json(value)) == value
