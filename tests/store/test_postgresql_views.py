"""Views of users in PostgreSQL, while what they read changes its type."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text

from snapshotter.errors import DatabaseError
from snapshotter.store import postgresql_views
from snapshotter.store.engine import open_engine

pytestmark = pytest.mark.parametrize("empty_database_url", ["postgresql"], indirect=True)
MADE = (
    "create table jobs (id integer, extra json)",
    (
        """create view "my 5 % view" with (security_barrier=true) as """
        "select id, extra ->> 'a' as \"A %\" from jobs"
    ),
    """create view of_mine as select "A %", count(*) as number from "my 5 % view" group by 1""",
    "create view other as select id from jobs",
    "comment on view of_mine is 'it''s mine'",
    "comment on column of_mine.number is '100 %'",
    "grant select on of_mine to public",
    'grant select (id) on "my 5 % view" to pg_monitor with grant option',
)
SEEN = """
select relname, pg_get_viewdef(pg_class.oid), reloptions, cast(relacl as text), (
    select array_agg(cast(attacl as text)) from pg_attribute where attrelid = pg_class.oid
), (
    select array_agg(description order by objsubid) from pg_description where objoid = pg_class.oid
) from pg_class where relkind = 'v' and relnamespace = 'public'::regnamespace order by relname
"""


@pytest.fixture
def connection(empty_database_url: str) -> Iterator[Connection]:
    engine = open_engine(empty_database_url)
    with engine.begin() as connection:
        for statement in MADE:
            connection.exec_driver_sql(statement.replace("%", "%%"))
        yield connection
        connection.rollback()
    engine.dispose()


def test_they_come_back_with_all_that_belongs_to_them(connection: Connection) -> None:
    connection.exec_driver_sql('insert into jobs values (7, \'{"a": "x"}\')')
    before = connection.execute(text(SEEN)).all()
    assert [row.relname for row in before] == ["my 5 % view", "of_mine", "other"]
    with postgresql_views.set_aside(connection, {"jobs": ["extra"]}):
        left = connection.execute(text(SEEN)).all()
        assert [row.relname for row in left] == ["other"]
        connection.exec_driver_sql("alter table jobs alter extra type jsonb")
    assert connection.execute(text(SEEN)).all() == before
    assert connection.execute(text("select * from of_mine")).all() == [("x", 1)]


def test_one_that_cannot_come_back_is_named(connection: Connection) -> None:
    connection.exec_driver_sql("create view old as select json_typeof(extra) as kind from jobs")
    with (
        pytest.raises(DatabaseError, match=r"the view public.old uses columns.*json_typeof"),
        postgresql_views.set_aside(connection, {"jobs": ["extra"]}),
    ):
        connection.exec_driver_sql("alter table jobs alter extra type jsonb")
    connection.rollback()


def test_a_materialized_one_is_named_before_anything_changes(connection: Connection) -> None:
    connection.exec_driver_sql("create materialized view stored as select extra from jobs")
    with (
        pytest.raises(DatabaseError, match=r"the view public.stored uses.*is materialized"),
        postgresql_views.set_aside(connection, {"jobs": ["extra"]}),
    ):
        pytest.fail("it was set aside")
