"""The configuration of the command that runs."""

import click

from snapshotter.configuration import Configuration

_KEY = "snapshotter.configuration"


def current() -> Configuration:
    """Return the configuration of the running command; an empty one outside a command."""
    context = click.get_current_context(silent=True)
    found = None if context is None else context.meta.get(_KEY)
    return found if isinstance(found, Configuration) else Configuration()
