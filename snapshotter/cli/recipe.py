"""`snapshotter recipe`: prints settings for other programs that read the history."""

import json
from pathlib import Path

import click

from snapshotter.cli.options import Group, database_option
from snapshotter.cli.streams import data_output
from snapshotter.errors import UsageError


@click.group("recipe", cls=Group)
def command() -> None:
    """Print settings for other programs that read the history."""


@command.command()
@database_option
def datasette(database_url: str) -> None:
    """Print metadata for Datasette, which shows a SQLite history in a browser.

    It describes tables and columns, hides the helper tables, and adds each trend as a query with
    fields for the account, the package and the days:

    snapshotter recipe datasette >metadata.json && datasette job_history.db -m metadata.json
    """
    from snapshotter.datasette import metadata
    from snapshotter.store import urls

    url, hosts = urls.parse(database_url)
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        raise UsageError(
            f"Datasette opens files of SQLite, and {urls.shown(url, hosts)} is not one; "
            "name one with --database sqlite:///FILE"
        )
    with data_output() as file:
        json.dump(metadata(Path(url.database).stem), file, indent=2, ensure_ascii=False)
        file.write("\n")
