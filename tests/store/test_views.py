"""The trends as views: what they return, whose they are, and what becomes of them in an upgrade."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import Done, python
from samples import job
from sqlalchemy import Connection, Engine, inspect, text
from trend_jobs import DAY, ahead, ended, known_until, log_two_runs, put, ran

from snapshotter import statements
from snapshotter.errors import DatabaseError
from snapshotter.store import revisions, views
from snapshotter.store.engine import open_engine
from snapshotter.trends import trends
from snapshotter.trends.filters import Filters
from snapshotter.trends.values import normalized

MAY_BE_EMPTY = (
    "output_field_changes",
    "recovery",
    "retries",
    "runtime_regressions",
    "runtime_steps",
)
postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def made(engine: Engine) -> dict[str, str]:
    with engine.connect() as connection:
        rows = connection.execute(text("select name, state from snapshotter_views"))
        return {row.name: row.state for row in rows}


def differences(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return views.differences(connection)


def taken(name: str) -> str:
    """Return the line of a check for a name that a user's table or view has."""
    return (
        f"another table or view has the name of the view {name}; rename or drop it and run "
        "'snapshotter db upgrade'"
    )


def execute(engine: Engine, *script: str) -> None:
    with engine.begin() as connection:
        for statement in script:
            connection.exec_driver_sql(statement)


def alembic(engine: Engine, *words: str, folder: Path) -> Done:
    url = engine.url.render_as_string(hide_password=False)
    ini = Path(__file__).parent.parent.parent / "alembic.ini"
    arguments = ["-m", "alembic", "-c", str(ini), *words]
    return python(arguments, cwd=folder, env={"SNAPSHOTTER_DATABASE_URL": url})


def upgrade(engine: Engine, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Upgrade the schema; return the warnings."""
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        revisions.upgrade(engine)
    return [record.getMessage() for record in caplog.records if record.name == views.__name__]


def test_each_trend_is_a_view_that_returns_the_same(engine: Engine) -> None:
    log_two_runs(engine)
    put(
        engine,
        *(ended(n, n, 30 * n) for n in range(1, 20)),
        ended(30, 30, status="failed", errors="100 % full"),
        ran(31, None, status="running"),
        ahead(32),
        job(id=40),
    )
    put(engine, ended(50, 50, package_id=1), account_id="beta")
    known_until(engine, DAY)
    for name in statements.files():
        with engine.connect() as connection:
            expected = trends.rows(connection, name, Filters())
            result = connection.execute(text(f"select * from {name}"))
            columns = list(result.keys())
            rows = normalized(columns, result.all())
        assert (columns, rows) == (expected.columns, expected.rows), name
        assert rows or name in MAY_BE_EMPTY, name


def test_the_packages(engine: Engine) -> None:
    put(
        engine,
        job(id=1, package={"id": 434, "name": "old"}),
        job(id=2, outputs=[], started_at="2026-01-03T00:00:00Z"),
        job(id=3, outputs=[], status="failed", package=None, started_at=None),
        job(id=4, outputs=[], package_id=None, package=None),
    )
    put(engine, job(id=5, outputs=[]), account_id="beta")
    with engine.connect() as connection:
        result = connection.execute(text("select * from packages"))
        columns = list(result.keys())
        rows = normalized(columns, result.all())
    assert columns == [
        *("account_id", "package_id", "package_name", "first_run_at", "last_run_at", "runs"),
        "last_status",
    ]
    assert [(*row[:3], str(row[3])[:19], str(row[4])[:19], *row[5:]) for row in rows] == [
        ("acme", 434, "orders", "2026-01-02 03:04:05", "2026-01-03 00:00:00", 3, "failed"),
        ("beta", 434, "orders", "2026-01-02 03:04:15", "2026-01-02 03:04:15", 1, "completed"),
    ]


def test_one_line_asks_for_a_package_and_its_weeks(engine: Engine) -> None:
    put(engine, *(ended(n, n, 30 * n) for n in range(1, 20)), job(id=40))
    query = "select week, p95_seconds from runtime_by_week where package_id = 1 and week >= '2026'"
    if engine.dialect.name != "sqlite":
        query = query.replace("'2026'", "'2026-01-01'")
    with engine.connect() as connection:
        ((week, p95),) = connection.execute(text(query)).all()
    assert (str(week), float(p95)) == ("2026-01-05", 543.0)


def test_each_is_created_and_described(engine: Engine) -> None:
    assert made(engine) == dict.fromkeys(views.shipped(), "created")
    assert {"packages", *statements.files()} == {*views.shipped()}
    revisions.check(engine)
    assert not views.are_outdated(engine)
    for view in views.shipped().values():
        found = [column["name"] for column in inspect(engine).get_columns(view.name)]
        assert found == list(view.columns), view.name


@postgresql
def test_postgresql_shows_what_they_are(engine: Engine) -> None:
    found = inspect(engine)
    assert found.get_table_comment("freshness")["text"] == "Which packages are overdue?"
    comments = {each["name"]: each["comment"] for each in found.get_columns("failures_by_day")}
    assert comments["runs"] == "completed, failed or stopped"


def test_what_users_have_made_stays_and_is_named(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    execute(engine, "drop view freshness", "create table freshness (mine integer)")
    execute(engine, "drop view retries", "create view retries as select 7 as mine")
    execute(engine, "drop view recovery")
    assert differences(engine) == [
        taken("freshness"),
        "view recovery is missing",
        "view retries is not as this program creates it",
    ]
    for _ in range(2):
        (warning,) = upgrade(engine, caplog)
        assert "another table or view has the name: freshness, retries;" in warning
        assert {name for name, state in made(engine).items() if state != "created"} == {
            "freshness",
            "retries",
        }
    assert differences(engine) == [taken("freshness"), taken("retries")]
    revisions.require_head(engine, may_create=True)
    assert not views.are_outdated(engine)  # so no run warns again
    with engine.connect() as connection:
        assert connection.execute(text("select mine from retries")).scalar() == 7
    execute(engine, "drop view retries", "drop table freshness")
    assert upgrade(engine, caplog) == []
    revisions.check(engine)


@pytest.mark.parametrize("killed", ["drop view recovery", "select 1"])
def test_the_next_run_makes_what_a_killed_upgrade_left(engine: Engine, killed: str) -> None:
    """Before the view was created, or after, when MariaDB has committed both."""
    execute(
        engine,
        "update snapshotter_views set state = 'pending', source = '', definition = null "
        "where name = 'recovery'",
        killed,
        "update snapshotter_views set source = 'of an older file' where name = 'retries'",
    )
    assert views.are_outdated(engine)
    revisions.require_head(engine)  # a reader leaves them as they are
    assert views.are_outdated(engine)
    revisions.require_head(engine, may_create=True)
    assert made(engine) == dict.fromkeys(views.shipped(), "created")
    revisions.check(engine)


def test_an_older_view_is_outdated_and_one_of_no_file_goes(engine: Engine) -> None:
    execute(
        engine,
        "update snapshotter_views set source = 'of an older file' where name = 'retries'",
        "create view former as select 1 as one",
    )
    with engine.begin() as connection:
        row = next(row for row in views._rows(connection) if row.name == "retries")  # noqa: SLF001
        former = row._replace(name="former", definition=views._definition(connection, "former"))  # noqa: SLF001
        views._record(connection, former)  # noqa: SLF001
    assert differences(engine) == ["view retries is outdated"]
    revisions.require_head(engine, may_create=True)
    assert "former" not in inspect(engine).get_view_names()
    assert "former" not in made(engine)


def test_another_server_may_write_a_view_in_other_words(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    execute(engine, "update snapshotter_views set definition = 'of another version'")
    assert upgrade(engine, caplog) == []
    assert made(engine) == dict.fromkeys(views.shipped(), "created")
    assert "snapshotter_scratch_view" not in inspect(engine).get_view_names()


@postgresql
def test_grants_and_views_of_users_survive(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    execute(
        engine,
        "grant select on retries to public",
        "create view mine as select package_name, overdue from freshness",
    )
    for _ in range(2):
        assert upgrade(engine, caplog) == []
        with engine.begin() as connection:
            may = "select has_table_privilege('pg_monitor', 'retries', 'select')"
            assert connection.execute(text(may)).scalar() is True
            assert connection.execute(text("select * from mine")).all() == []
    revisions.check(engine)


@postgresql
def test_a_view_that_others_need_is_kept_if_its_columns_change(
    engine: Engine, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(engine, "create view mine as select package_name, overdue from freshness")
    shipped = views.shipped()
    other = shipped["freshness"]._replace(select="select 1 as other")
    monkeypatch.setattr(views, "shipped", lambda: {**shipped, "freshness": other})
    (warning,) = upgrade(engine, caplog)
    assert "views freshness" in warning
    assert "(used by mine)" in warning
    assert (made(engine)["freshness"], views.are_outdated(engine)) == ("kept", False)
    assert differences(engine) == ["view freshness is outdated"]
    execute(engine, "drop view mine")
    assert upgrade(engine, caplog) == []
    assert made(engine)["freshness"] == "created"


@postgresql
def test_a_view_that_a_downgrade_has_kept_is_known_again(
    engine: Engine, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """The downgrade drops the registry, and leaves the views that a user's view needs."""
    execute(engine, "create view mine as select package_name, overdue from freshness")
    done = alembic(engine, "downgrade", "0006", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert inspect(engine).get_view_names() == ["freshness", "mine"]
    assert upgrade(engine, caplog) == []
    assert made(engine) == dict.fromkeys(views.shipped(), "created")
    revisions.check(engine)
    execute(engine, "drop view mine")
    assert upgrade(engine, caplog) == []


@postgresql
def test_without_the_right_to_create_views_everything_else_goes_on(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    execute(engine, "drop view retries")
    with engine.begin() as connection, weak_role(connection), caplog.at_level(logging.WARNING):
        views.refresh(connection)
        assert connection.execute(text("select count(*) from freshness")).scalar() == 0
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.endswith("snapshot_log, throughput: permission denied for schema public")
    assert not views.are_outdated(engine)
    assert differences(engine)[-1] == "view throughput is outdated"


class weak_role:  # noqa: N801 - a context manager
    """Lets the block run as a role that may write rows only."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._run("revoke create on schema public from public")
        self._run("create role weak_writer")
        self._run("grant all on all tables in schema public to weak_writer")
        self._run("set local role weak_writer")

    def __exit__(self, *_: object) -> None:
        self._run("reset role")
        self._run("drop owned by weak_writer")
        self._run("drop role weak_writer")

    def _run(self, statement: str) -> None:
        self._connection.execute(text(statement))


@pytest.fixture
def own(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@sqlite
@pytest.mark.parametrize(
    "thing", ["table Packages (mine integer)", "view Packages as select 7 as mine"]
)
@pytest.mark.parametrize("state", ["created", "pending"])
def test_a_name_in_capitals_is_the_users_too(
    own: Engine, caplog: pytest.LogCaptureFixture, thing: str, state: str
) -> None:
    execute(own, "drop view packages", f"create {thing}")
    execute(
        own,
        f"update snapshotter_views set state = '{state}', definition = null "
        "where name = 'packages'",
    )
    assert differences(own) == [taken("packages")]
    for _ in range(2):
        (warning,) = upgrade(own, caplog)
        assert "another table or view has the name: packages;" in warning
        assert differences(own) == [taken("packages")]
    assert made(own)["packages"] == "foreign"
    assert "Packages" in {*inspect(own).get_table_names(), *inspect(own).get_view_names()}


@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
def test_names_are_compared_as_the_server_does(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """PostgreSQL and MariaDB on Linux have both names at once."""
    name = engine.dialect.identifier_preparer.quote_identifier("Retries")
    execute(engine, f"create view {name} as select 7 as mine")
    assert upgrade(engine, caplog) == []
    revisions.check(engine)


@pytest.mark.parametrize("name", ["snapshotter_views", "Snapshotter_Views"])
def test_a_users_table_of_the_registrys_name_stops_the_upgrade(
    own: Engine, tmp_path: Path, name: str
) -> None:
    """Before anything is changed: MariaDB commits each statement."""
    if name.istitle() and own.dialect.name != "sqlite":
        return  # another name there
    assert alembic(own, "downgrade", "0006", folder=tmp_path).returncode == 0
    execute(own, f"create table {name} (mine integer)")
    why = f"the database already has a table '{name}' that this tool did not create; rename or drop"
    with pytest.raises(DatabaseError, match=why):
        revisions.upgrade(own)
    done = alembic(own, "upgrade", "head", folder=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"snapshotter: {why}")
    assert revisions.current(own) == "0006"
    execute(own, f"drop table {name}")
    revisions.upgrade(own)
    revisions.check(own)
