"""Asks on a terminal before something is removed for good."""

import sys

import click

from snapshotter import logs
from snapshotter.errors import Stopped, UsageError


def require_consent(what: str) -> None:
    """Ask whether to remove `what`. Raises `Stopped` for no, `UsageError` without a terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"this would remove {what} for good; add --yes")
    if not click.confirm(logs.safe(f"Remove {what} for good?"), err=True):
        raise Stopped("nothing was removed")
