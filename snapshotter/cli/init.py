"""`snapshotter init`: asks for accounts and the database, tests them, and writes the file."""

import sys

import click

from snapshotter.cli.options import LenientCommand, database_option
from snapshotter.cli.streams import print_if_possible
from snapshotter.errors import UsageError
from snapshotter.settings import API_URL_VARIABLE

# As in `key_sources`, which is imported only when the command runs. A test holds them equal.
SOURCES = ("file", "env", "credential", "keyring")


@click.command("init", cls=LenientCommand)
@click.option(
    "--account",
    "account_ids",
    multiple=True,
    metavar="ID",
    help="An account, by its name in its URLs; may be repeated. Its key is read from the variable "
    "that is named after it, like ACME_API_KEY, or from where --key-source keeps it.",
)
@click.option(
    "--key-source",
    type=click.Choice(SOURCES),
    help="Where the keys are kept: a file each beside the configuration, an environment variable, "
    "a credential of systemd, or the keyring.  [default: file]",
)
@click.option(
    "--api-url", metavar="URL", help=f"The service.  [default: {API_URL_VARIABLE}, else the vendor]"
)
@click.option("--yes", is_flag=True, help="Ask nothing, and replace files that exist.")
@database_option
def command(
    account_ids: tuple[str, ...],
    key_source: str | None,
    api_url: str | None,
    yes: bool,
    database_url: str,
) -> None:
    """Write a configuration file, snapshotter.toml or what --config names.

    It asks for the accounts, their keys and the database, tests each of them, and prints what to do
    next. Keys are written into files of their own or left to the chosen source, never into the
    configuration file. Nothing is written before everything has been tested.
    """
    from snapshotter.cli import init_questions
    from snapshotter.cli.new_configuration import next_steps, write

    asks = sys.stdin.isatty() and sys.stderr.isatty() and not yes
    if not (account_ids or asks):
        raise UsageError("init asks on a terminal; without one, name each account with --account")
    form = init_questions.form(key_source, api_url, asks=asks, may_replace=yes)
    form.fill_in(account_ids, database_url)
    for path in write(form.file, form.database, form.accounts):
        print_if_possible(f"written: {path}")
    for line in next_steps(form.file, form.accounts):
        print_if_possible(line)
