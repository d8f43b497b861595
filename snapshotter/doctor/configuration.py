"""The configuration: the file, the settings without an option, the accounts."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from snapshotter.configuration import Configuration
from snapshotter.configured_accounts import Account, accounts, require_distinct
from snapshotter.doctor.report import Report
from snapshotter.errors import UsageError
from snapshotter.settings import ACCOUNT_VARIABLE, privacy, setting
from snapshotter.texts import counted


def file(
    report: Report, configuration: Configuration, find_problems: Callable[[], Sequence[str]]
) -> bool:
    """Report which file is used, and what is wrong with the settings, in a line each.

    Return whether the accounts of the file are known: not if it cannot be read.
    """
    problems = find_problems()
    for problem in problems:
        report.fail(problem)
    if problems:
        return bool(configuration.accounts)
    if configuration.path is not None:
        number = counted(len(configuration.accounts), "account")
        report.ok(f"read from {str(configuration.path)!r}, {number}")
        return True
    searched = " and ".join(repr(str(path)) for path in configuration.searched)
    where = f" (looked for {searched})" if searched else ""
    report.ok(f"no file{where}; flags and variables set everything")
    return True


def secrets(report: Report, environment: Mapping[str, str], variables: str) -> None:
    """Check the settings of how secrets are stored."""
    found = privacy(environment, variables)
    more = f", {counted(len(found.secret_names), 'more fragment')}" if found.secret_names else ""
    report.ok(f"--variables {found.variables}{more}")


def chosen(
    report: Report,
    environment: Mapping[str, str],
    configuration: Configuration,
    given: tuple[Sequence[str], Path | None],
) -> list[Account]:
    """Return the accounts to check; `given` are the values of --account and --api-key-file."""
    names, key_file = given
    selected = setting(environment, ACCOUNT_VARIABLE)
    if selected and not names and (number := len(configuration.accounts)) > 1:
        report.warn(
            f"{ACCOUNT_VARIABLE} selects {selected} alone, while the file has {number}",
            "unset it to read them all",
        )
    try:
        found = accounts(environment, configuration, names, key_file)
    except UsageError as error:
        is_empty = not names and not configuration.accounts
        report.fail(
            str(error),
            "to begin, try 'snapshotter demo', which needs no account; 'snapshotter init' asks for "
            "what is needed"
            if is_empty
            else "",
        )
        return []
    try:
        require_distinct(found)
    except UsageError as error:
        report.fail(str(error))
    else:
        report.ok(", ".join(each.name for each in found))
    return found
