"""A new database's schema is the one that the revisions make, in all that the catalogue has."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from migrating import run_revisions
from sqlalchemy import Engine, text

from snapshotter.store import revisions
from snapshotter.store.engine import open_engine

CATALOGUES = {
    "sqlite": "select type, name, tbl_name, sql from sqlite_master",
    "postgresql": """
select relname, relkind, relpersistence, reloptions::text, obj_description(oid, 'pg_class')
from pg_class where relnamespace = current_schema()::regnamespace;
select
    attrelid::regclass::text, attname, rank() over (partition by attrelid order by attnum),
    format_type(atttypid, atttypmod), attnotnull, attcollation::regcollation::text, attidentity,
    attgenerated, attstorage, pg_get_expr(adbin, adrelid), col_description(attrelid, attnum)
from pg_attribute
inner join pg_class on attrelid = pg_class.oid
left join pg_attrdef on attrelid = adrelid and attnum = adnum
where relnamespace = current_schema()::regnamespace and attnum > 0 and not attisdropped;
select conrelid::regclass::text, conname, convalidated, pg_get_constraintdef(oid)
from pg_constraint where connamespace = current_schema()::regnamespace;
select tablename, indexname, indexdef from pg_indexes where schemaname = current_schema();
select
    sequencename, data_type::text, increment_by, last_value,
    pg_get_serial_sequence(replace(sequencename, '_id_seq', ''), 'id')
from pg_sequences where schemaname = current_schema();
select viewname, definition from pg_views where schemaname = current_schema()
""",
    "mysql": """
select
    table_name, table_type, engine, row_format, table_collation, create_options, table_comment
from information_schema.tables where table_schema = database();
select
    table_name, ordinal_position, column_name, column_default, is_nullable, column_type,
    collation_name, column_key, extra, column_comment, generation_expression
from information_schema.columns where table_schema = database();
select
    table_name, index_name, seq_in_index, column_name, non_unique, sub_part, collation, index_type
from information_schema.statistics where table_schema = database();
select
    table_name, constraint_name, column_name, ordinal_position, referenced_table_name,
    referenced_column_name
from information_schema.key_column_usage where table_schema = database();
select table_name, constraint_name, referenced_table_name, update_rule, delete_rule
from information_schema.referential_constraints where constraint_schema = database();
select table_name, constraint_name, check_clause
from information_schema.check_constraints where constraint_schema = database();
select
    table_name, replace(view_definition, concat('`', database(), '`.'), ''), security_type
from information_schema.views where table_schema = database()
""",
}
FILLED = ("alembic_version", "calendar", "snapshotter_views")


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def two_engines(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Engine]]:
    """Yield two databases without tables."""
    if request.param == "sqlite":
        server, urls = None, [f"sqlite:///{tmp_path}/{n}.db" for n in range(2)]
    else:
        server = request.getfixturevalue({"postgresql": "postgres"}.get(request.param, "mariadb"))
        urls = [server.create_database() for _ in range(2)]
    engines = [open_engine(url) for url in urls]
    yield engines
    for engine, url in zip(engines, urls, strict=True):
        engine.dispose()
        if server is not None:
            server.drop_database(url)


def catalogue(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Return what the database has, by query: its whole schema, and all rows."""
    queries = (
        *CATALOGUES[engine.dialect.name].split(";"),
        *(f"select * from {name}" for name in FILLED),
    )
    with engine.connect() as connection:
        return {
            query: sorted(
                (tuple(map(unquoted, row)) for row in connection.execute(text(query))), key=repr
            )
            for query in queries
        }


def unquoted(value: object) -> object:
    """Return SQLite's definition of a table as it was before it was renamed or got a column."""
    if isinstance(value, str):
        return " ".join(re.sub(r'\ACREATE TABLE "(\w+)"', r"CREATE TABLE \1", value).split())
    return value


def test_it_is_what_the_revisions_make(two_engines: list[Engine]) -> None:
    created, by_revisions = two_engines
    revisions.upgrade(created)
    run_revisions(by_revisions)
    found, expected = catalogue(created), catalogue(by_revisions)
    for query, rows in expected.items():
        assert rows, query
        assert found[query] == rows
    revisions.check(created)
