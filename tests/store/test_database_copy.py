"""A database is copied into another of any engine, to the last value, or not at all."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from databases import PostgresServer
from runs import COUNTS
from sqlalchemy import Engine, Table, event, insert, make_url, select, text

from snapshotter.errors import Failure, Interrupted, Stopped, UsageError
from snapshotter.models import METADATA
from snapshotter.store import database_copy, revisions
from snapshotter.store.bulk import encode
from snapshotter.store.database_copy import Digest, copy, require_empty, require_other
from snapshotter.store.engine import open_engine
from snapshotter.store.lock import lock
from snapshotter.store.tables import (
    ACCOUNTS,
    CHANGES,
    FIELDS,
    JOBS,
    LOG_SUMMARIES,
    OUTPUTS,
    PRUNED,
    REJECTS,
    SNAPSHOTS,
)

AT = datetime(2026, 1, 31, 12, 30, 15, 123456, tzinfo=UTC)
WHOLE = AT.replace(microsecond=0)
LARGEST, SMALLEST = 2**63 - 1, -(2**63)
WORDS = "größe 📦\t\\N \\ \r\n'\"%s%% \x01\x7f\ufffd "
DOCUMENT = {
    "b": [1, 1.0, -0.0, 0.1 + 0.2, 5e-324, 1.7976931348623157e308, 2**70, None, True, ""],
    "a": {"": {}, "ä": WORDS, "z": []},
}
RUN = {"account_id": "acme", "kind": "full", "status": "completed", **dict.fromkeys(COUNTS, 0)}
STAMP = {"account_id": "acme", "first_seen_at": AT, "last_changed_at": WHOLE, "snapshot_id": 7}

AWKWARD: tuple[tuple[Table, list[dict[str, Any]]], ...] = (
    (
        ACCOUNTS,
        [
            {"account_id": "acme", "api_url": WORDS, "watermark": AT, "sends_links": True},
            {"account_id": "Acme", "api_url": "", "sends_links": False, "unlisted": -1},
        ],
    ),
    (PRUNED, [{"job_id": 1, "account_id": "acme", "updated_at": AT, "pruned_at": WHOLE}]),
    (
        SNAPSHOTS,
        [{"id": 7, **RUN, "started_at": AT, "error": ""}, {"id": 40, **RUN, "started_at": AT}],
    ),
    (
        JOBS,
        [
            {"id": LARGEST, **STAMP, "owner_id": SMALLEST, "progress": 0.1 + 0.2, "errors": WORDS},
            {"id": 2, **STAMP, "package_name": "", "progress": -0.0, "run_date": date(2010, 1, 1)},
            {"id": 3, **STAMP, "variables": DOCUMENT, "extra": {}, "created_at": AT},
            {"id": 4, **STAMP, "variables": [], "extra": "", "dynamic_variables": 0},
        ],
    ),
    (
        LOG_SUMMARIES,
        [{"job_id": 2, "requested_at": AT, "body": WORDS, "action_items": [WORDS], "extra": {}}],
    ),
    (CHANGES, [{"id": 5, "job_id": 2, "snapshot_id": 7, "observed_at": AT, "progress": 1.0}]),
    (OUTPUTS, [{"id": LARGEST, "job_id": 2, "name": WORDS, "extra": DOCUMENT}]),
    (FIELDS, [{"output_id": LARGEST, "position": n, "name": WORDS * n} for n in (1, 2)]),
    (
        REJECTS,
        [
            {
                "id": 9,
                "snapshot_id": 3,
                "account_id": "nobody",
                "reason": WORDS,
                "payload": json.dumps(DOCUMENT),
                "rejected_at": AT,
            }
        ],
    ),
)


def fill(engine: Engine) -> None:
    with engine.begin() as connection:
        for table, rows in AWKWARD:
            for row in rows:
                connection.execute(insert(table).values(row))


def rows(engine: Engine) -> dict[str, list[Any]]:
    with engine.connect() as connection:
        return {
            table.name: sorted(
                map(tuple, connection.execute(select(table))), key=lambda row: str(row[:2])
            )
            for table in METADATA.sorted_tables
        }


@pytest.fixture
def source(_migrated_sqlite: Path, tmp_path: Path) -> Iterator[Engine]:
    shutil.copy(_migrated_sqlite, tmp_path / "source.db")
    engine = open_engine(f"sqlite:///{tmp_path}/source.db")
    fill(engine)
    yield engine
    engine.dispose()


def go_on() -> None:
    pass


def test_every_value_arrives_and_returns_as_of_one_moment(
    source: Engine, engine: Engine, tmp_path: Path
) -> None:
    before = rows(source)
    numbers = {name: len(found) for name, found in before.items()}
    assert copy(source, engine, go_on) == numbers
    assert {name: len(found) for name, found in rows(engine).items()} == numbers
    revisions.check(engine)
    with engine.begin() as connection:  # the next numbers are free
        for table, row in (
            (SNAPSHOTS, {**RUN, "started_at": AT}),
            (CHANGES, {"job_id": 2, "snapshot_id": 7, "observed_at": AT}),
            (REJECTS, {**AWKWARD[-1][1][0], "id": None}),
        ):
            free = {name: value for name, value in row.items() if value is not None}
            key = connection.execute(insert(table).values(free)).inserted_primary_key
            expected = {"snapshots": 41, "job_changes": 6, "rejected_records": 10}
            assert key == (expected[table.name],)
        connection.rollback()
    back = open_engine(f"sqlite:///{tmp_path}/back.db")
    require_empty(back)
    revisions.require_head(back, may_create=True)
    source.dispose()

    def write() -> None:
        with engine.begin() as connection:
            connection.execute(text("update jobs set errors = 'later'"))

    copy(engine, back, write)
    assert rows(back) == before != rows(engine)
    back.dispose()


sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def are_empty(engine: Engine) -> bool:
    return {name for name, found in rows(engine).items() if found} == {"calendar"}


@pytest.mark.parametrize("error", [Stopped("stopped by SIGINT"), Interrupted()])
def test_what_is_stopped_in_the_middle_leaves_nothing_and_can_be_run_again(
    source: Engine, engine: Engine, error: BaseException
) -> None:
    steps: list[int] = []

    def stop() -> None:
        steps.append(1)
        if len(steps) == 12:
            raise error

    with pytest.raises(type(error)):
        copy(source, engine, stop)
    assert are_empty(engine)
    require_empty(engine)
    copy(source, engine, go_on)
    assert rows(engine) == rows(source)


@sqlite
def test_a_copy_that_differs_is_not_kept(
    source: Engine, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(dialect: Any, table: Table, names: Any, found: Any) -> Any:
        return encode(dialect, table, names, found[: 1 if table is FIELDS else None])

    monkeypatch.setattr(database_copy, "encode", half)
    with pytest.raises(
        Failure, match="the copy of output_fields has other rows; nothing was copied"
    ):
        copy(source, engine, go_on)
    assert are_empty(engine)


def test_digests_are_of_values_and_not_of_their_order() -> None:
    found = [(1, AT, -0.0, {"a": [1, -0.0], "b": ""}, None), (2, AT, 1.5, 2**70, "")]
    same = [(2, AT, 1.5, 2**70, ""), (1, AT, 0.0, {"b": "", "a": [1, 0.0]}, None)]
    assert digest(found) == digest(same)
    for other in (
        (1, WHOLE, 0.0, {"a": [1, 0.0], "b": ""}, None),
        found[1],
        (1, AT, 0.0, {}, None),
    ):
        assert digest(found) != digest([other, found[1]])
    assert digest([*found, found[0]]) != digest([*found, found[1]])


def digest(found: list[tuple[Any, ...]]) -> Digest:
    digest = Digest()
    for row in found:
        digest.add([row])
    return digest


def test_only_an_empty_database_of_ours_is_a_target(engine: Engine) -> None:
    require_empty(engine)
    fill(engine)
    with pytest.raises(UsageError, match="--to is not empty: 2 rows in accounts; name an empty"):
        require_empty(engine)


@pytest.mark.parametrize("empty_database_url", ["sqlite"], indirect=True)
def test_another_programs_database_is_refused(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("create table theirs (id integer)"))
    with pytest.raises(
        UsageError, match="--to cannot be used: the database belongs to another pro"
    ):
        require_empty(engine)
    engine.dispose()


@sqlite
def test_a_target_that_a_run_reads_into_is_left_alone(source: Engine, engine: Engine) -> None:
    with lock(engine, "Acme"), pytest.raises(Stopped, match="a run of account Acme is in progress"):
        copy(source, engine, go_on)
    assert are_empty(engine)


def test_the_database_itself_is_refused(source: Engine, tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to("source.db")
    (tmp_path / "hard.db").hardlink_to(tmp_path / "source.db")
    for name in ("source.db", "./source.db", "link.db", "hard.db"):
        same = open_engine(f"sqlite:///{tmp_path}/{name}")
        with pytest.raises(UsageError, match="--to is the database itself"):
            require_other(source, same)
        same.dispose()
    require_other(source, open_engine("postgresql://x@127.0.0.1/x"))
    with pytest.raises(UsageError, match="--to is the database itself"):
        require_other(
            open_engine("postgresql://x:1@127.0.0.1/x"), open_engine("postgres://y:2@127.0.0.1/x")
        )


def test_a_character_that_the_target_lacks_copies_nothing(
    source: Engine, postgres: PostgresServer
) -> None:
    url = make_url(postgres.create_database())
    name = f"{url.database}_latin1"
    with psycopg.connect(host=str(postgres.folder), user="postgres", autocommit=True) as server:
        server.execute(
            f"create database {name} template template0 encoding 'LATIN1' "
            "lc_collate 'C' lc_ctype 'C'"
        )
    target = open_engine(url.set(database=name).render_as_string(hide_password=False))
    revisions.require_head(target, may_create=True)
    with pytest.raises(Failure, match="--to refuses a row of accounts: "):
        copy(source, target, go_on)
    assert are_empty(target)
    target.dispose()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_commit_waits_for_the_disk(source: Engine, engine: Engine) -> None:
    """Unlike those of a run, which would be read again: the source may be deleted now."""
    statements: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(*given: Any) -> None:
        statements.append(given[2])

    copy(source, engine, go_on)
    assert "set local synchronous_commit = on" in statements
