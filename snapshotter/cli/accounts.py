"""`snapshotter accounts`: lists the accounts of a database; removes or renames one."""

from datetime import datetime

import click
from click.core import ParameterSource

from snapshotter.cli.confirm import require_consent
from snapshotter.cli.connections import NO_ACCOUNTS, reading, writing
from snapshotter.cli.options import Group, database_option
from snapshotter.cli.streams import print_if_possible, print_line
from snapshotter.errors import UsageError
from snapshotter.settings import account_id as valid_account_id
from snapshotter.texts import counted
from snapshotter.times import stamp


@click.group("accounts", cls=Group, invoke_without_command=True)
@database_option
@click.pass_context
def command(context: click.Context, database_url: str) -> None:
    """List the accounts of the database: jobs, runs, first and last run."""
    from snapshotter.store.accounts import stored

    if context.invoked_subcommand is not None:
        if context.get_parameter_source("database_url") is ParameterSource.COMMANDLINE:
            raise UsageError(f"give --database after {context.invoked_subcommand!r}")
        return
    with reading(database_url) as engine:
        found = stored(engine)
    width = max([len("account"), *(len(each.account_id) for each in found)])
    has_pruned = any(each.pruned for each in found)
    if found:
        pruned = f"  {'pruned':>10}" if has_pruned else ""
        print_line(
            f"{'account':{width}}  {'jobs':>10}{pruned}  {'runs':>8}  {'first run':20}  last run"
        )
    for each in found:
        first, last = _moment(each.first_run), _moment(each.last_run)
        pruned = f"  {each.pruned:10,}" if has_pruned else ""
        print_line(
            f"{each.account_id:{width}}  {each.jobs:10,}{pruned}  {each.runs:8,}  {first:20}  "
            f"{last}"
        )
    if not found:
        print_line(NO_ACCOUNTS)


@command.command()
@click.argument("name")
@click.option("--with-jobs", is_flag=True, help="Remove its jobs too; this cannot be undone.")
@click.option("--yes", is_flag=True, help="Remove the jobs without asking.")
@database_option
def forget(name: str, with_jobs: bool, yes: bool, database_url: str) -> None:
    """Remove account NAME and its runs, e.g. those of a mistyped name.

    An account that has jobs is removed only with --with-jobs, after a confirmation or with --yes.
    """
    from snapshotter.store import accounts

    with writing(database_url) as engine:
        account = accounts.find(accounts.stored(engine), name)
        what = (
            f"{account.jobs_in_words} with outputs, {counted(account.runs, 'run')} and "
            f"{counted(account.rejected, 'record')} set aside of account {name}"
        )
        if account.has_jobs and with_jobs and not yes:
            require_consent(what)
        accounts.forget(engine, name, with_jobs=with_jobs)
    print_if_possible(f"removed: {what}")


@command.command()
@click.argument("old")
@click.argument("new")
@database_option
def rename(old: str, new: str, database_url: str) -> None:
    """Rename account OLD to NEW in the database.

    The vendor renames organizations, and the API then knows an account by its new name only. Set
    XPLENTY_ACCOUNT_ID, or account_id in the configuration file, to it as well. The command refuses
    if NEW has jobs of its own.
    """
    from snapshotter.store import accounts

    valid_account_id(new, "NEW")
    with writing(database_url) as engine:
        account = accounts.rename(engine, old, new)
    rows = f"{counted(account.jobs, 'job')}, {counted(account.runs, 'run')}"
    print_if_possible(f"account {old} is now {new}: {rows}")


def _moment(at: datetime | None) -> str:
    return "never" if at is None else stamp(at)
