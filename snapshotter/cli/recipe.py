"""`snapshotter recipe`: files that run this installation, and settings for other programs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from snapshotter.cli import candidates
from snapshotter.cli.configuration import current
from snapshotter.cli.options import Command, Group, database_option
from snapshotter.cli.streams import data_output
from snapshotter.errors import UsageError

if TYPE_CHECKING:
    from snapshotter.recipes.installation import Installation


@click.group("recipe", cls=Group)
def command() -> None:
    """Print files that run this installation, and settings for programs that read the history."""


@command.command()
@database_option
def datasette(database_url: str) -> None:
    """Print metadata for Datasette.

    Datasette shows a SQLite history in a browser. The metadata describes tables and columns, hides
    the helper tables, and adds each trend as a query with fields for the account, the package and
    the days:

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


_OUTPUT = click.Option(
    ["-o", "--output"],
    default="-",
    metavar="FOLDER",
    shell_complete=candidates.folders,
    help="Write the files into this folder; - is standard output.  [default: -]",
)


def _recipe(name: str, help_: str, *more: click.Parameter) -> Command:
    """Return the command that prints a recipe."""

    @database_option
    def print_recipe(database_url: str, output: str, *, user: bool = False) -> None:
        from snapshotter.recipes.recipes import render

        _write(render(name, _installation(database_url), for_user=user), output)

    made = click.command(name, cls=Command, help=help_)(print_recipe)
    made.params[:0] = [_OUTPUT, *more]
    return made


_USER = click.Option(["--user"], is_flag=True, help="Units for your own systemd, not the system's.")
_DAILY = "\n\nA sync every 15 minutes, and the digest each day."
for _each in (
    _recipe("cron", f"Print lines for a crontab.{_DAILY}"),
    _recipe("systemd", f"Print services and timers of systemd.{_DAILY}", _USER),
    _recipe("docker", "Print a Dockerfile and how to run its image."),
    _recipe("kubernetes", "Print a CronJob for Kubernetes."),
    _recipe("github-actions", "Print a workflow of GitHub Actions."),
    _recipe("airflow", "Print a DAG of Apache Airflow."),
):
    command.add_command(_each)


def _installation(database_url: str) -> "Installation":
    from click.core import ParameterSource

    from snapshotter.recipes.installation import database, this_installation

    source = click.get_current_context().get_parameter_source("database_url")
    is_given = source in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
    return this_installation(database(database_url, is_given=is_given), current())


def _write(files: dict[str, str], output: str) -> None:
    """Write the files into a folder, or to standard output, separated by their names."""
    from snapshotter import logs
    from snapshotter.files import opened, write_text

    if output == "-":
        with data_output() as stream:
            for name, text in files.items():
                stream.write(f"# ---- {name}\n{text}" if len(files) > 1 else text)
        return
    folder = Path(output)
    if not folder.is_dir():
        raise UsageError(f"-o: there is no folder {output!r}; create it, or name another")
    _refuse_changed(files, folder)
    for name, text in files.items():
        with opened(folder / name, new_mode=0o644) as file:
            write_text(file, text)
    logs.notice(f"{', '.join(files)} in {output}")


def _refuse_changed(files: dict[str, str], folder: Path) -> None:
    """Raise `UsageError` for a file that somebody has changed, or that is another's."""
    for name, text in files.items():
        path = folder / name
        if path.exists() and path.read_bytes() != text.encode():
            raise UsageError(
                f"{str(path)!r} exists and differs; remove it, or name another folder with -o"
            )
