"""The schema, on each engine: what Alembic sees, and what it does not."""

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from command import Done, python
from old_rows import OLD_ROWS
from runs import COUNTS, insert_account, insert_run
from samples import job, sample
from sqlalchemy import Engine, insert, inspect, text
from sqlalchemy.exc import IntegrityError

from snapshotter.api.records import Reject, read
from snapshotter.errors import DatabaseError
from snapshotter.models import METADATA
from snapshotter.redact import Redaction
from snapshotter.store import rejects, revisions
from snapshotter.store.diff import compare
from snapshotter.store.engine import open_engine
from snapshotter.store.load import load
from snapshotter.store.prepared import prepare
from snapshotter.store.set_aside import set_aside
from snapshotter.store.tables import SNAPSHOTS
from snapshotter.store.write import Stamp

ROOT = Path(__file__).parent.parent.parent
VERSIONS = ROOT / "migrations" / "versions"
NOON = datetime(2026, 1, 6, 12, tzinfo=UTC)


def alembic(url: str, *words: str, folder: Path) -> Done:
    arguments = ["-m", "alembic", "-c", str(ROOT / "alembic.ini"), *words]
    return python(arguments, cwd=folder, env={"SNAPSHOTTER_DATABASE_URL": url})


def test_revisions_are_numbered_in_one_line() -> None:
    names = sorted(path.name for path in VERSIONS.glob("*.py"))
    assert [name[:4] for name in names] == [f"{n:04}" for n in range(1, len(names) + 1)]
    for n, name in enumerate(names):
        source = (VERSIONS / name).read_text()
        assert f'revision = "{n + 1:04}"' in source
        below = f'"{n:04}"' if n else "None"
        assert f"down_revision = {below}" in source
    assert revisions.head() == names[-1][:4]


# Runs Alembic's command once for each JSON list of words.
ALEMBIC = """
import json, sys
from alembic.config import main
for words in sys.argv[2:]:
    print(words, file=sys.stderr)
    main(["-c", sys.argv[1], *json.loads(words)])
"""


@pytest.mark.slow
def test_every_revision_goes_up_down_and_up_and_matches_the_models(
    empty_database_url: str, tmp_path: Path
) -> None:
    steps = [
        json.dumps(words)
        for revision in sorted(path.name[:4] for path in VERSIONS.glob("*.py"))
        for words in (["upgrade", revision], ["downgrade", "-1"], ["upgrade", revision])
    ]
    environment = {"SNAPSHOTTER_DATABASE_URL": empty_database_url}
    arguments = ["-c", ALEMBIC, str(ROOT / "alembic.ini"), *steps]
    done = python(arguments, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    done = alembic(empty_database_url, "check", folder=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    engine = open_engine(empty_database_url)
    revisions.check(engine)
    assert alembic(empty_database_url, "downgrade", "base", folder=ROOT).returncode == 0
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_a_new_revision_gets_the_next_number(tmp_path: Path) -> None:
    """By the plain command, which needs no database."""
    shutil.copytree(ROOT / "migrations", tmp_path / "migrations")
    shutil.copy(ROOT / "alembic.ini", tmp_path)
    number = int(revisions.head())
    for n in (number + 1, number + 2):
        words = ["-m", "alembic", "revision", "-m", "What it brings"]
        env = {"SNAPSHOTTER_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
        done = python(words, cwd=tmp_path, env=env)
        assert done.returncode == 0, done.stderr
        source = (tmp_path / f"migrations/versions/{n:04}_what_it_brings.py").read_text()
        assert f'revision = "{n:04}"\ndown_revision = "{n - 1:04}"' in source.replace("'", '"')
    env = {"SNAPSHOTTER_DATABASE_URL": f"sqlite:///{tmp_path / 'jobs.db'}"}
    for words in (["upgrade", "head"], ["current"], ["revision", "--autogenerate", "-m", "More"]):
        done = python(["-m", "alembic", *words], cwd=tmp_path, env=env)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / f"migrations/versions/{number + 3:04}_more.py").exists()


def test_keys_and_constraints_are_these(database_url: str) -> None:
    """What `alembic check` does not see: the keys, the foreign keys and the indexes, literally."""
    engine = open_engine(database_url)
    found = inspect(engine)
    keys = {
        table: tuple(found.get_pk_constraint(table)["constrained_columns"])
        for table in METADATA.tables
    }
    assert keys == {
        "accounts": ("account_id",),
        "calendar": ("day",),
        "job_changes": ("id",),
        "job_outputs": ("id",),
        "jobs": ("id",),
        "log_summaries": ("job_id",),
        "output_days": ("first_output_id",),
        "output_fields": ("output_id", "position"),
        "pruned_jobs": ("job_id",),
        "rejected_records": ("id",),
        "snapshots": ("id",),
    }
    foreign = {
        (table, key["name"], *key["constrained_columns"], key["referred_table"])
        for table in keys
        for key in found.get_foreign_keys(table)
    }
    assert foreign == {
        ("job_changes", "fk_job_changes_job_id_jobs", "job_id", "jobs"),
        ("job_changes", "fk_job_changes_snapshot_id_snapshots", "snapshot_id", "snapshots"),
        ("job_outputs", "fk_job_outputs_job_id_jobs", "job_id", "jobs"),
        ("jobs", "fk_jobs_account_id_accounts", "account_id", "accounts"),
        ("jobs", "fk_jobs_snapshot_id_snapshots", "snapshot_id", "snapshots"),
        ("log_summaries", "fk_log_summaries_job_id_jobs", "job_id", "jobs"),
        ("output_fields", "fk_output_fields_output_id_job_outputs", "output_id", "job_outputs"),
        ("pruned_jobs", "fk_pruned_jobs_account_id_accounts", "account_id", "accounts"),
        ("snapshots", "fk_snapshots_account_id_accounts", "account_id", "accounts"),
    }
    indexes = {
        (index["name"], *index["column_names"])
        for table in keys
        for index in found.get_indexes(table)
    }
    assert indexes == {
        ("ix_job_changes_job_id", "job_id"),
        ("ix_job_changes_snapshot_id", "snapshot_id"),
        ("ix_jobs_snapshot_id", "snapshot_id"),
        ("ix_snapshots_account_id", "account_id"),
        ("ix_job_outputs_fields_digest", "fields_digest"),
        ("ix_job_outputs_job_id_records_count", "job_id", "records_count"),
        ("ix_jobs_account_id_created_epoch", "account_id", "created_epoch"),
        ("ix_jobs_account_id_finished_epoch", "account_id", "finished_epoch"),
        ("ix_jobs_epochs", "account_id", "started_epoch", "finished_epoch", "package_id"),
        ("ix_jobs_named", "package_id", "account_id", "id"),
        (
            *("ix_jobs_ends", "package_id", "account_id", "finished_epoch"),
            *("id", "status", "run_date"),
        ),
        (
            *("ix_jobs_schedules", "creator_id", "package_id", "account_id", "created_epoch"),
            *("id", "run_date", "status", "attempts", "runtime_in_seconds", "creator_type"),
        ),
        (
            *("ix_jobs_runs", "status", "run_date", "package_id", "account_id"),
            *("runtime_in_seconds", "finished_epoch", "queue_seconds", "cluster_wait_seconds"),
            *("cluster_id", "cluster_nodes", "id"),
        ),
        ("ix_jobs_account_id_gone_at_finished_at", "account_id", "gone_at", "finished_at"),
        ("ix_jobs_package_id_run_date", "package_id", "run_date"),
        ("ix_output_days_account_id_package_id_run_date", "account_id", "package_id", "run_date"),
        ("ix_pruned_jobs_account_id_gone_at", "account_id", "gone_at"),
        ("ix_rejected_records_account_id_job_id", "account_id", "job_id"),
    }
    engine.dispose()


def test_an_upgrade_works_out_what_the_loader_does(database_url: str, tmp_path: Path) -> None:
    """Rows of an older version end as if they were read anew, or a sync would write them all."""
    moments = "2026-01-05T00:00:09.900000Z", "2026-01-05T00:00:59.100000Z", "2026-01-05T00:00:30Z"
    cluster = {"id": 52, "available_since": moments[2]}
    records = [
        sample("job-with-log-summary"),
        job(
            id=1, errors="Job 17 has no /tmp/a", status="failed", updated_at="2026-01-05T01:00:00Z"
        ),
        job(id=2, created_at=moments[0], started_at=moments[1], cluster=cluster, outputs=[]),
        job(id=3, created_at=moments[1], started_at=moments[0], cluster=cluster, outputs=None),
        job(id=4, created_at=moments[2], started_at=moments[1], cluster=cluster, outputs=None),
    ]
    engine = open_engine(database_url)
    jobs = [prepare(read(json.dumps(each).encode()), Redaction()) for each in records]
    run = Stamp("acme", 1, datetime(2026, 1, 6, tzinfo=UTC))
    with engine.begin() as connection:
        insert_run(connection, run)
        load(connection, run, jobs)
    for words in (["downgrade", "0002"], ["upgrade", "head"]):
        assert alembic(database_url, *words, folder=tmp_path).returncode == 0
    with engine.connect() as connection:
        assert compare(connection, [each.rows for each in jobs]) == {}
        epoch = text("select epoch from calendar where day = '2026-11-24'")
        assert connection.execute(epoch).scalar() == 1795478400
    engine.dispose()


def test_what_is_set_aside_stays_so_from_revision_to_revision(
    database_url: str, tmp_path: Path
) -> None:
    """It is tried again by the next run, and known again for what it was."""
    engine = open_engine(database_url)
    run, record = Stamp("acme", 1, datetime(2026, 1, 6, tzinfo=UTC)), job(id="x")
    aside = [Reject(None, None, "no id", record), Reject(8, None, "no", [8])]
    with engine.begin() as connection:
        set_aside(connection, run, aside, Redaction())
        before = connection.execute(text("select * from rejected_records order by id")).all()
    for words in (["downgrade", "0003"], ["upgrade", "head"]):
        done = alembic(database_url, *words, folder=tmp_path)
        assert done.returncode == 0, done.stderr
    with engine.begin() as connection:
        after = connection.execute(text("select * from rejected_records order by id")).all()
        assert [row.digest for row in after] == [row.digest for row in before]
        assert [row[:7] for row in after] == [row[:7] for row in before]
        assert [(r.attempts, r.next_attempt_at, r.program_version) for r in after] == [
            (None, None, None)
        ] * 2
        again = Stamp("acme", 2, datetime(2026, 1, 7, tzinfo=UTC))
        set_aside(connection, again, aside, Redaction())
    assert [(row.id, row.attempts) for row in rejects.states(engine)] == [
        (row.id, 1) for row in before
    ]
    engine.dispose()


STORAGE = {
    "postgresql": "select relname, relfilenode from pg_class where relname = any(:tables)",
    "mysql": "select substring_index(name, '/', -1), table_id "
    "from information_schema.innodb_sys_tables where name like concat(database(), '/%')",
}
LATER_TABLES = {"log_summaries", "output_days", "pruned_jobs"}


@pytest.mark.parametrize(("old", "new"), [("0004", "0005"), ("0005", "0006")])
@pytest.mark.parametrize("empty_database_url", ["postgresql", "mariadb"], indirect=True)
def test_comments_change_at_once_and_nothing_else_does(
    empty_database_url: str, old: str, new: str, tmp_path: Path
) -> None:
    """A table that is rebuilt gets another file; `show create table` has every property of it."""
    assert alembic(empty_database_url, "upgrade", old, folder=tmp_path).returncode == 0
    engine = open_engine(empty_database_url)

    def seen() -> tuple[dict[str, object], dict[str, object], set[object]]:
        tables = [*set(METADATA.tables) - LATER_TABLES]
        with engine.connect() as connection:
            found = inspect(connection)
            comments: dict[str, object] = {
                f"{table}.{each['name']}": each.get("comment")
                for table in tables
                for each in found.get_columns(table)
            }
            comments |= {table: found.get_table_comment(table)["text"] for table in tables}
            properties: dict[str, object] = {
                table: re.sub(r" COMMENT[ =]'(?:[^']|'')*'", "", created)
                for table in tables
                if engine.dialect.name == "mysql"
                for _, created in connection.execute(text(f"show create table {table}"))
            }
            query = STORAGE[engine.dialect.name]
            values = {"tables": tables} if ":tables" in query else {}
            files = {tuple(row) for row in connection.execute(text(query), values)}
        return comments, properties, {row for row in files if row[0] in tables}

    before = seen()
    assert len(before[2]) == len(set(METADATA.tables) - LATER_TABLES)
    assert alembic(empty_database_url, "upgrade", new, folder=tmp_path).returncode == 0
    after = seen()
    assert after[0] != before[0]
    assert after[1:] == before[1:]
    assert alembic(empty_database_url, "downgrade", old, folder=tmp_path).returncode == 0
    assert seen() == before
    engine.dispose()


def contents(engine: Engine, *queries: str) -> list[list[tuple[Any, ...]]]:
    with engine.connect() as connection:
        return [[tuple(row) for row in connection.execute(text(query))] for query in queries]


def at_revision_0006(url: str, folder: Path) -> Engine:
    """Return a database with rows as an older version left them."""
    assert alembic(url, "upgrade", "0006", folder=folder).returncode == 0
    engine = open_engine(url)
    with engine.begin() as connection:
        for statement in OLD_ROWS:
            connection.exec_driver_sql(statement)
    return engine


def test_the_keys_keep_every_row_of_a_database_that_lacks_some(
    empty_database_url: str, tmp_path: Path
) -> None:
    engine = at_revision_0006(empty_database_url, tmp_path)
    columns = "id, account_id, run_date, created_at, started_at, last_changed_at, variables, extra"
    rows = (
        f"select {columns} from jobs order by id",
        "select id, job_id, snapshot_id, observed_at from job_changes order by id",
    )
    before = contents(engine, *rows)
    done = python(["-m", "snapshotter", "db", "upgrade", "--database", empty_database_url])
    assert (done.returncode, "job_changes_without_jobs" in done.stderr) == (0, True), done.stderr
    found = contents(
        engine,
        "select account_id, api_url from accounts order by account_id",
        "select id, account_id, kind, status from snapshots order by id",
        "select id, job_id from job_changes order by id",
        "select id, job_id from job_changes_without_jobs",
    )
    assert found == [
        [("acme", "https://api.xplenty.com"), ("deleted", ""), ("mistyped", "")],
        [
            (1, "acme", "full", "failed"),
            (2, "mistyped", "full", "failed"),
            (5, "deleted", "jobs", "failed"),
            (6, "deleted", "jobs", "failed"),
        ],
        [(1, 7), (2, 8)],
        [(3, 9)],
    ]
    with engine.begin() as connection:  # a run's number is new
        insert_account(connection, "acme")
        row = {"account_id": "acme", "kind": "full", "status": "failed", "started_at": NOON}
        key = connection.execute(insert(SNAPSHOTS).values({**row, **dict.fromkeys(COUNTS, 0)}))
        assert key.inserted_primary_key == (7,)
    with engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(text("update jobs set account_id = 'nobody'"))
    revisions.check(engine)
    assert alembic(empty_database_url, "downgrade", "0006", folder=tmp_path).returncode == 0
    assert contents(engine, *rows) == before
    (accounts,) = contents(engine, "select account_id from accounts")
    assert accounts == [("acme",)]
    engine.dispose()


@pytest.mark.parametrize("empty_database_url", ["sqlite"], indirect=True)
def test_sqlite_gets_other_texts_and_types_and_keeps_what_users_added(
    empty_database_url: str, tmp_path: Path
) -> None:
    engine = at_revision_0006(empty_database_url, tmp_path)
    own = (
        "alter table jobs add column team text not null default 'a, (b)' check (team <> ')')",
        "create index by_team on jobs (team) where team > 'a'",
        "create view mine as select team, extra, started_at from jobs",
        "create view of_mine as select * from mine",
        "create view broken as select it from nowhere",
        "create table seen (id integer references jobs (id), at text)",
        (
            "create trigger on_change after update on jobs begin "
            "insert into seen values (new.id, 'with ; and ?'); end"
        ),
        (
            "create trigger through instead of insert on mine begin "
            "insert into seen values (7, new.team); end"
        ),
    )
    with engine.begin() as connection:
        for statement in own:
            connection.exec_driver_sql(statement)
    objects = (
        "select type, name, sql from sqlite_master where name in ('by_team', 'mine', 'of_mine', "
        "'broken', 'seen', 'on_change', 'through') order by name"
    )
    before = contents(engine, objects)
    for _ in range(2):
        revisions.upgrade(engine)
        types = (
            "select name, type from pragma_table_info('jobs') where name in ('run_date', 'team')"
        )
        day = "select type from pragma_table_info('calendar') where name = 'day'"
        times = (
            "select created_at, started_at, first_seen_at, run_date, team from jobs where id = 7"
        )
        assert contents(engine, objects, types, day, times) == [
            *before,
            [("run_date", "TEXT"), ("team", "TEXT")],
            [("TEXT",)],
            [
                (
                    *("2026-01-05 03:04:05.000", "2026-01-05 03:04:05.123456"),
                    *("2026-01-05 04:00:00.500", "2026-01-05", "a, (b)"),
                )
            ],
        ]
        with engine.begin() as connection:
            connection.exec_driver_sql("update jobs set team = 'c'")
            assert connection.exec_driver_sql("select count(*) from seen").scalar() == 2
            assert connection.exec_driver_sql("pragma foreign_key_check").all() == []
            assert connection.exec_driver_sql("pragma foreign_keys").scalar() == 1
            connection.exec_driver_sql("update jobs set team = 'a, (b)'")
            connection.exec_driver_sql("delete from seen")
        assert alembic(empty_database_url, "downgrade", "0006", folder=tmp_path).returncode == 0
        assert contents(engine, objects, types) == [
            *before,
            [("run_date", "DATE"), ("team", "TEXT")],
        ]
    engine.dispose()


@pytest.mark.parametrize("empty_database_url", ["postgresql"], indirect=True)
def test_jsonb_takes_what_an_older_version_stored(empty_database_url: str, tmp_path: Path) -> None:
    engine = at_revision_0006(empty_database_url, tmp_path)
    with engine.begin() as connection:
        connection.exec_driver_sql(r"""update jobs set extra = '{"a": "\u0000"}' where id = 7""")
        connection.exec_driver_sql("""update jobs set extra = '{"a": 1, "a": 2}' where id = 8""")
        connection.exec_driver_sql("create view mine as select id, extra ->> 'a' as a from jobs")
    revisions.upgrade(engine)
    assert contents(engine, "select a from mine order by id") == [[(None,), ("2",)]]
    documents = "select id, cast(extra as text), pg_typeof(extra)::text from jobs order by id"
    assert contents(engine, documents) == [
        [(7, r'"{\"a\": \"\\ufffd\"}"', "jsonb"), (8, '{"a": 2}', "jsonb")]
    ]
    engine.dispose()


def test_the_calendar_has_every_day(database_url: str) -> None:
    engine = open_engine(database_url, read_only=True)
    with engine.connect() as connection:
        count, first, last = connection.execute(
            text("select count(*), min(day), max(day) from calendar")
        ).one()
        row = connection.execute(
            text("select week, month, weekday from calendar where day = '2026-11-24'")
        ).one()
    assert (count, str(first), str(last)) == (14610, "2010-01-01", "2049-12-31")
    assert [str(value) for value in row] == ["2026-11-23", "2026-11-01", "2"]
    engine.dispose()


@pytest.mark.parametrize(
    ("revision", "said"),
    [
        ("0000", "behind {head}; run 'snapshotter db upgrade'"),
        ("9999", "ahead of this version's {head}; install a newer xplenty-snapshotter"),
    ],
)
def test_a_schema_of_another_version_is_refused(
    database_url: str, revision: str, said: str
) -> None:
    engine = open_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text(f"update alembic_version set version_num = '{revision}'"))
    with pytest.raises(DatabaseError) as caught:
        revisions.require_head(engine, may_create=True)
    assert said.format(head=revisions.head()) in str(caught.value)
    engine.dispose()


def test_somebody_elses_table_is_left_alone(empty_database_url: str) -> None:
    engine = open_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("create table jobs (name varchar(9))"))
    with pytest.raises(DatabaseError, match="that this tool did not create"):
        revisions.require_head(engine, may_create=True)
    assert inspect(engine).get_table_names() == ["jobs"]
    engine.dispose()
