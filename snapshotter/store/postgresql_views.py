"""Views of PostgreSQL: drops them with all that belongs to them, and makes them again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from snapshotter.errors import DatabaseError

_DEPENDENTS = """
with recursive users as (
    select rule.ev_class as oid, 1 as depth
    from pg_depend
    inner join pg_rewrite as rule on pg_depend.objid = rule.oid
    inner join pg_attribute as used
        on pg_depend.refobjid = used.attrelid and pg_depend.refobjsubid = used.attnum
    where pg_depend.classid = 'pg_rewrite'::regclass
        and pg_depend.refclassid = 'pg_class'::regclass
        and rule.ev_class <> pg_depend.refobjid
        and pg_depend.refobjid = cast(:relation as regclass)
        and (cast(:columns as text[]) is null or used.attname = any(cast(:columns as text[])))
    union
    select rule.ev_class, users.depth + 1
    from users
    inner join pg_depend on users.oid = pg_depend.refobjid
    inner join pg_rewrite as rule on pg_depend.objid = rule.oid
    where pg_depend.classid = 'pg_rewrite'::regclass
        and pg_depend.refclassid = 'pg_class'::regclass
        and rule.ev_class <> users.oid
)
select oid, max(depth) as depth from users group by oid
"""
_VIEW = """
select
    format('%I.%I', nspname, relname) as name,
    pg_get_viewdef(pg_class.oid) as definition,
    array_to_string(reloptions, ', ') as options,
    quote_ident(pg_get_userbyid(relowner)) as owner,
    relowner = (select oid from pg_roles where rolname = current_user) as is_own,
    relkind = 'v'
        and not exists (select 1 from pg_trigger where tgrelid = pg_class.oid)
        and (select count(*) from pg_rewrite where ev_class = pg_class.oid) = 1 as is_plain
from pg_class
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
where pg_class.oid = :oid
"""
_GRANTS = """
select format(
    'grant %s%s on %s to %s%s',
    privilege_type,
    case when attname is not null then format(' (%I)', attname) end,
    cast(cast(:oid as oid) as regclass),
    case when grantee = 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
    case when is_grantable then ' with grant option' else '' end
)
from (
    select null as attname, (aclexplode(relacl)).*
    from pg_class where oid = :oid
    union all
    select attname, (aclexplode(attacl)).*
    from pg_attribute where attrelid = :oid and attacl is not null
) as granted
where grantee = 0 or exists (select 1 from pg_roles where oid = grantee)
"""
_COMMENTS = """
select format(
    case when objsubid = 0 then 'comment on view %s is %L' else 'comment on column %s is %L' end,
    cast(objoid as regclass) || coalesce('.' || quote_ident(attname), ''),
    description
)
from pg_description
left join pg_attribute on objoid = attrelid and objsubid = attnum and objsubid > 0
where objoid = :oid and classoid = 'pg_class'::regclass
"""


class SavedView(NamedTuple):
    """The statements that make a view again."""

    name: str
    statements: tuple[str, ...]


def belongings(connection: Connection, oid: int) -> list[str]:
    """Return the statements that restore a view's owner, and what is granted on it."""
    view = connection.execute(text(_VIEW), {"oid": oid}).one()
    owner = [] if view.is_own else [f"alter view {view.name} owner to {view.owner}"]
    return [*owner, *connection.execute(text(_GRANTS), {"oid": oid}).scalars()]


def oid_of(connection: Connection, name: str) -> int:
    query = text("select cast(cast(:name as regclass) as oid)")
    return int(connection.execute(query, {"name": name}).scalar_one())


def dependents(
    connection: Connection, relation: str, columns: Sequence[str] | None = None
) -> dict[int, int]:
    """Return the views that use a relation, or these columns of it, directly or by other views.

    The values are how far each is from the relation.
    """
    values = {"relation": relation, "columns": None if columns is None else list(columns)}
    rows = connection.execute(text(_DEPENDENTS), values)
    return {row.oid: row.depth for row in rows}


def names(connection: Connection, oids: Iterable[int]) -> list[str]:
    """Return the names of relations, sorted."""
    found = text("select cast(cast(oid as regclass) as text) from pg_class where oid = any(:oids)")
    return sorted(connection.execute(found, {"oids": list(oids)}).scalars())


@contextmanager
def set_aside(connection: Connection, columns: Mapping[str, Sequence[str]]) -> Iterator[None]:
    """Drop the views that use these columns of these tables, and make them again after the block.

    Owner, options, grants and comments stay. Raises `DatabaseError` for a view that cannot be made
    again: the caller's transaction is then to be rolled back.
    """
    depths: dict[int, int] = {}
    for table, used in columns.items():
        for oid, depth in dependents(connection, table, used).items():
            depths[oid] = max(depth, depths.get(oid, 0))
    saved = [_saved(connection, oid) for oid in sorted(depths, key=lambda oid: depths[oid])]
    for view in reversed(saved):
        _execute(connection, f"drop view {view.name}")
    yield
    for view in saved:
        try:
            for statement in view.statements:
                _execute(connection, statement)
        except DBAPIError as error:
            why = str(error.orig).splitlines()[0]
            raise _unmade(view.name, f"cannot be created on the new types ({why})") from error


def _execute(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement.replace("%", "%%"))  # names may have the driver's sign


def _saved(connection: Connection, oid: int) -> SavedView:
    view = connection.execute(text(_VIEW), {"oid": oid}).one()
    if not view.is_plain:
        raise _unmade(view.name, "is materialized or has triggers or rules")
    options = f" with ({view.options})" if view.options else ""
    create = f"create view {view.name}{options} as {view.definition}"
    comments = connection.execute(text(_COMMENTS), {"oid": oid}).scalars()
    return SavedView(view.name, (create, *belongings(connection, oid), *comments))


def _unmade(name: str, why: str) -> DatabaseError:
    return DatabaseError(
        f"the view {name} uses columns whose type this upgrade changes, and {why}; nothing was "
        "changed: drop the view, run 'snapshotter db upgrade', and create it again"
    )
