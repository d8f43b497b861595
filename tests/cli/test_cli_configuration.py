"""The configuration file through the command."""

from snapshotter.cli.configuration import current
from snapshotter.configuration import Configuration


def test_outside_a_command_nothing_is_set() -> None:
    assert current() == Configuration()
