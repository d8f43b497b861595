"""What Datasette needs to show a SQLite history well: its metadata, from the models and the trends.

The keys are those of https://docs.datasette.io/en/stable/metadata.html and of its pages on facets
and on canned queries.
"""

from typing import Any

from sqlalchemy import Table

from snapshotter import statements
from snapshotter.models import METADATA

# How a first look at each table goes best; the other tables only help, and are hidden.
_TABLES: dict[str, dict[str, Any]] = {
    "accounts": {},
    "jobs": {
        "label_column": "package_name",
        "sort_desc": "created_at",
        "facets": ["status", "package_name", "account_id"],
    },
    "job_outputs": {"label_column": "component_name", "facets": ["component_name"]},
    "output_fields": {"facets": ["name"]},
    "job_changes": {"sort_desc": "id", "facets": ["status"]},
    "log_summaries": {"label_column": "error_summary", "sort_desc": "job_id"},
    "snapshots": {
        "label_column": "started_at",
        "sort_desc": "id",
        "facets": ["status", "kind", "account_id"],
    },
    "rejected_records": {"sort_desc": "id", "facets": ["reason", "account_id"]},
}
# Helpers that the models do not have.
_HELPERS = ("alembic_version", "snapshotter_views", "job_changes_without_jobs")
_FIELDS = ("account_id", "package_id", "since", "until")  # of a query, in this order
_PREFIX = "trend_"  # a query hides a view of the same name


def metadata(database: str) -> dict[str, Any]:
    """Return the metadata for a database, by the name that Datasette shows it under.

    That is the name of its file without the ending.
    """
    tables = {name: _described(table) for name, table in METADATA.tables.items()}
    views = {name: statements.source(path) for name, path in statements.view_files().items()}
    return {
        "title": "Xplenty job history",
        "databases": {
            database: {
                "tables": tables | _hidden() | {name: _view(text) for name, text in views.items()},
                "queries": {_PREFIX + name: _query(views[name]) for name in statements.files()},
            }
        },
    }


def _described(table: Table) -> dict[str, Any]:
    shown = _TABLES.get(table.name)
    return {
        "description": table.comment,
        "columns": {column.name: column.comment for column in table.columns},
        **({"hidden": True} if shown is None else shown),
    }


def _hidden() -> dict[str, Any]:
    return {name: {"hidden": True} for name in _HELPERS}


def _view(source: str) -> dict[str, Any]:
    columns = {name: words for name, words in statements.columns(source).items() if words}
    return {"description": statements.question(source), "columns": columns}


def _query(source: str) -> dict[str, Any]:
    """Return a trend as a canned query: Datasette sends the empty text for a field left empty."""
    bare = statements.bare(source)
    lines = (line.rstrip() for line in bare.splitlines())
    statement = "\n".join(line for line in lines if line)
    names = statements.parameters(bare)
    return {
        "title": statements.question(source),
        "description": "A field left empty means all. Days are like 2026-01-31, in UTC: since is "
        "the first one, until the one after the last.",
        "sql": statements.with_parameters(statement, lambda name: f"nullif(:{name}, '')"),
        "params": [name for name in _FIELDS if name in names],
        "hide_sql": True,
    }
