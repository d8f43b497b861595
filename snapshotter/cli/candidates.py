"""The values that a shell completes an option or an argument to.

A shell runs the command at each press of Tab. So the values come from the package alone: no
database is opened, and nothing heavy is imported.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from snapshotter.cli.configuration import given

# As in `snapshotter.models`, which would import SQLAlchemy. A test holds them equal.
TABLES = (
    *("accounts", "calendar", "job_changes", "job_outputs", "jobs", "log_summaries"),
    *("output_days", "output_fields", "pruned_jobs", "rejected_records", "snapshots"),
)


def trends(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the trends that begin so, also those of `--sql-dir`."""
    from snapshotter import statements

    folder = ctx.params.get("sql_dir")
    own = statements.files_in(folder) if isinstance(folder, Path) and folder.is_dir() else {}
    return _beginning([*statements.files(), *own], incomplete)


def tables_and_trends(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the tables and trends that begin so."""
    from snapshotter import statements

    return _beginning([*TABLES, *statements.files()], incomplete)


def statuses(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the documented statuses of jobs that begin so."""
    from snapshotter.statuses import STATUSES

    return _beginning(STATUSES, incomplete)


def accounts(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the accounts of the configuration file that begin so; none if it cannot be read."""
    from snapshotter import configuration
    from snapshotter.errors import UsageError

    try:
        return _beginning(configuration.load(os.environ, given(ctx)).accounts, incomplete)
    except UsageError:
        return []


def files(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> "list[CompletionItem[str]]":  # not generic in click 8.4.1
    """Let the shell complete the name of a file."""
    return [CompletionItem(incomplete, type="file")]


def folders(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> "list[CompletionItem[str]]":  # not generic in click 8.4.1
    """Let the shell complete the name of a folder."""
    return [CompletionItem(incomplete, type="dir")]


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)]
