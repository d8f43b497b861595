"""The shipped trends as views of the database, so that any client of SQL can open them.

They are made from the same files, without parameters. `snapshotter_views` records which are this
program's: a user's table or view of such a name stays, and so does a view that a user has changed.
"""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    delete,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError

from snapshotter import statements
from snapshotter.errors import DatabaseError
from snapshotter.models import MYSQL_OPTIONS, LongText
from snapshotter.store import postgresql_views
from snapshotter.store.engine import reading

log = logging.getLogger(__name__)

# Apart from the tables of the data, which are exported.
METADATA = MetaData(naming_convention={"pk": "pk_%(table_name)s"})
REGISTRY = Table(
    "snapshotter_views",
    METADATA,
    Column("name", String(64), primary_key=True, comment="the view's name"),
    Column(
        "state",
        String(16),
        nullable=False,
        comment="created; pending while it is being created; kept if other views need an older "
        "one; refused by the database; foreign if somebody else has the name",
    ),
    Column("source", String(32), nullable=False, comment="digest of the shipped SQL file"),
    Column(
        "statement", LongText, nullable=False, comment="the select that the view was created from"
    ),
    Column(
        "definition",
        String(32),
        comment="digest of the view as the database returned it when it was created",
    ),
    comment="One row per view that this program ships",
    **MYSQL_OPTIONS,
)


_SCRATCH = "snapshotter_scratch_view"


class View(NamedTuple):
    """A shipped view: its select, what it answers, and its columns with what they mean."""

    name: str
    select: str
    question: str
    columns: dict[str, str]
    digest: str


class Row(NamedTuple):
    """A row of `snapshotter_views`."""

    name: str
    state: str
    source: str
    statement: str
    definition: str | None


@dataclass
class Dropped:
    """What `_drop` has left. `belongings`: statements that restore owner and grants, by view."""

    belongings: dict[str, list[str]] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)


def shipped() -> dict[str, View]:
    """Return the views by name: one for each trend, and those of `sql/views`."""
    return {name: _view(name, source) for name, source in sorted(_sources().items())}


def _sources() -> dict[str, str]:
    return {name: statements.source(path) for name, path in statements.view_files().items()}


def _view(name: str, source: str) -> View:
    statement = statements.with_parameters(statements.bare(source), lambda _: "null")
    lines = "\n".join(line.rstrip() for line in statement.splitlines() if line.strip())
    question, columns = statements.question(source), statements.columns(source)
    return View(name, lines, question, columns, _digest(source))


def _digest(words: str) -> str:
    return blake2b(words.encode(), digest_size=16).hexdigest()


def are_outdated(engine: Engine) -> bool:
    """Whether the shipped files differ from those that the views were last made of."""
    made = select(REGISTRY.c.name, REGISTRY.c.source)
    with reading(engine).connect() as connection:
        digests = {row.name: row.source for row in connection.execute(made)}
    return digests != {name: _digest(source) for name, source in _sources().items()}


def refresh(connection: Connection) -> None:
    """Make the views anew."""
    with set_aside(connection):
        pass


@contextmanager
def set_aside(connection: Connection) -> Iterator[None]:
    """Drop the views, and make them of the shipped files after the block.

    What cannot be made is left as it is and named in a warning; nothing is raised for it. Raises
    `DatabaseError` if another program made a table of the registry's name.
    """
    dropped = _drop(connection)
    yield
    for warning in _create_all(connection, dropped):
        log.warning("%s", warning)


def differences(connection: Connection) -> list[str]:
    """Return a line for each view that is missing, changed or outdated."""
    names, rows = _names(connection), {row.name: row for row in _rows(connection)}
    taken = set(map(_folding(connection), names))
    lines = []
    for view in shipped().values():
        row, now = rows.get(view.name), _definition(connection, view.name)
        if view.name not in taken:
            lines.append(f"view {view.name} is missing")
        elif now is None or row is None or row.state == "foreign":
            lines.append(
                f"another table or view has the name of the view {view.name}; rename or drop it "
                "and run 'snapshotter db upgrade'"
            )
        elif row.definition != now:
            lines.append(f"view {view.name} is not as this program creates it")
        elif row.source != view.digest or row.state != "created":
            lines.append(f"view {view.name} is outdated")
    return lines


def _rows(connection: Connection) -> list[Row]:
    columns = (REGISTRY.c[name] for name in Row._fields)
    return [Row(*row) for row in connection.execute(select(*columns))]


def _names(connection: Connection) -> set[str]:
    """Return the names of all tables and views in the schema of our tables."""
    found = inspect(connection)
    names = {*found.get_table_names(), *found.get_view_names()}
    if connection.dialect.name == "postgresql":
        names |= set(found.get_materialized_view_names())
    return names


def _has_registry(connection: Connection, names: set[str]) -> bool:
    """Whether the registry is among the tables. Raises `DatabaseError` if it has other columns."""
    same = _folding(connection)
    found = next((name for name in names if same(name) == REGISTRY.name), None)
    if found is None:
        return False
    if not {column["name"] for column in inspect(connection).get_columns(found)} >= {*Row._fields}:
        raise DatabaseError(
            f"the database already has a table {found!r} that this tool did not create; "
            "rename or drop it and run this command again"
        )
    return True


def _folding(connection: Connection) -> Callable[[str], str]:
    """Return what makes of a name the one that the database takes for the same."""
    match connection.dialect.name:
        case "sqlite":
            return str.lower
        case "mysql" | "mariadb":
            folds = connection.execute(text("select @@lower_case_table_names")).scalar()
            return str.lower if folds else str
        case _:
            return str


_DEFINITIONS = {
    "sqlite": "select sql from sqlite_master where type = 'view' and name = :name",
    "postgresql": "select pg_get_viewdef(oid) from pg_class "
    "where oid = to_regclass(:name) and relkind = 'v'",
    # The name of the database is another one after a restore.
    "mysql": "select replace(view_definition, concat('`', database(), '`.'), '') "
    "from information_schema.views where table_schema = database() and table_name = :name",
}


def _definition(connection: Connection, name: str) -> str | None:
    """Return the digest of a view's definition as the database has it; None for no view."""
    dialect = connection.dialect.name
    query = text(_DEFINITIONS.get(dialect, _DEFINITIONS["mysql"]))
    found = connection.execute(query, {"name": name}).scalar()
    if found is None:
        return None
    return _digest(re.sub(r"^create view \w+ as", "", str(found), flags=re.IGNORECASE))


def _is_ours(connection: Connection, row: Row) -> bool:
    """Whether a view is as this program has created it."""
    if row.definition is None:
        return row.state == "pending"  # the run that was creating it was killed
    now = _definition(connection, row.name)
    if now is None or now == row.definition:
        return now is not None
    return _is_same(connection, row.name, row.statement)


def _is_same(connection: Connection, name: str, body: str) -> bool:
    """Whether a view is what this select would make of it.

    Another version of the server may write the same view in other words, so it is created again
    under another name and compared.
    """
    now = _definition(connection, name)
    if now is None or _refusal(connection, _statement(connection, _SCRATCH, body)):
        return False
    same = _definition(connection, _SCRATCH) == now
    _refusal(connection, f"drop view {_SCRATCH}")
    return same


def _drop(connection: Connection) -> Dropped:
    dropped, names = Dropped(), _names(connection)
    for row in _rows(connection) if _has_registry(connection, names) else ():
        if row.name not in names or not _is_ours(connection, row):
            continue
        # MariaDB commits each statement: after a kill the next run makes the view.
        _record(connection, row._replace(state="pending", source=""))
        if connection.dialect.name == "postgresql":
            oid = postgresql_views.oid_of(connection, row.name)
            dropped.belongings[row.name] = postgresql_views.belongings(connection, oid)
        if _refusal(connection, f"drop view {row.name}"):
            dropped.kept.add(row.name)
    return dropped


def _create_all(connection: Connection, dropped: Dropped) -> list[str]:
    """Create the views; return what is to be reported."""
    names, views = _names(connection), shipped()
    taken = set(map(_folding(connection), names))
    if not _has_registry(connection, names):
        return []
    connection.execute(delete(REGISTRY).where(REGISTRY.c.name.not_in(list(views))))
    foreign: list[str] = []
    refused: dict[str, list[str]] = {}
    for view in views.values():
        is_kept = view.name in dropped.kept
        if view.name in taken and not is_kept:
            if _is_same(connection, view.name, view.select):  # a downgrade has dropped its row
                _record_as_created(connection, view)
                continue
            _record(connection, Row(view.name, "foreign", view.digest, "", None))
            foreign.append(view.name)
            continue
        why = _create(connection, view, is_kept=is_kept)
        for statement in () if why else dropped.belongings.get(view.name, ()):
            why = why or _refusal(connection, statement)
        if why:
            refused.setdefault(why, []).append(view.name)
    return list(_warnings(foreign, refused))


def _create(connection: Connection, view: View, *, is_kept: bool) -> str:
    """Create a view, or replace one that others depend on; return why that was refused."""
    row = Row(view.name, "pending", "", view.select, None)
    if is_kept:
        old = next(row for row in _rows(connection) if row.name == view.name)
        row = old._replace(state="kept", source=view.digest)
    _record(connection, row)
    statement = _statement(connection, view.name, view.select, is_kept=is_kept)
    if why := _refusal(connection, statement):
        if not is_kept:
            _record(connection, row._replace(state="refused", source=view.digest))
            return why
        oids = postgresql_views.dependents(connection, view.name)
        users = ", ".join(postgresql_views.names(connection, oids))
        return f"{why} (used by {users})" if users else why
    if comments := "; ".join(_comments(connection, view)):
        _refusal(connection, comments)
    _record_as_created(connection, view)
    return ""


def _record_as_created(connection: Connection, view: View) -> None:
    made = _definition(connection, view.name)
    _record(connection, Row(view.name, "created", view.digest, view.select, made))


def _statement(connection: Connection, name: str, body: str, *, is_kept: bool = False) -> str:
    match connection.dialect.name:
        case "sqlite":
            kind = "create view"
        case "postgresql":
            kind = "create or replace view" if is_kept else "create view"
        case _:  # its definer may be missing after a restore
            kind = "create sql security invoker view"
    return f"{kind} {name} as\n{body}"


def _comments(connection: Connection, view: View) -> Iterator[str]:
    """Yield the statements that comment on a view; only PostgreSQL has such comments."""
    if connection.dialect.name == "postgresql":
        yield f"comment on view {view.name} is {_quoted(view.question)}"
        for column, words in view.columns.items():
            if words:
                yield f"comment on column {view.name}.{column} is {_quoted(words)}"


def _quoted(words: str) -> str:
    return "'" + words.replace("'", "''") + "'"


def _record(connection: Connection, row: Row) -> None:
    here = REGISTRY.c.name == row.name
    if not connection.execute(update(REGISTRY).where(here).values(row._asdict())).rowcount:
        connection.execute(insert(REGISTRY).values(row._asdict()))


def _refusal(connection: Connection, statement: str) -> str:
    """Execute a statement; return why the database refuses it, else an empty text.

    PostgreSQL also takes several, with semicolons between them.
    """
    try:
        # A refused statement ends PostgreSQL's transaction; MariaDB commits each such statement.
        with (
            connection.begin_nested() if connection.dialect.name == "postgresql" else nullcontext()
        ):
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        reason = error.orig.args[-1] if error.orig and error.orig.args else error
        return str(reason).splitlines()[0]
    return ""


def _warnings(foreign: Iterable[str], refused: dict[str, list[str]]) -> Iterator[str]:
    if named := ", ".join(foreign):
        yield (
            f"left alone, because another table or view has the name: {named}; rename or drop it "
            "and run 'snapshotter db upgrade' to get the view of this program"
        )
    for why, names in refused.items():
        yield f"the database does not take the views {', '.join(names)}: {why}"
