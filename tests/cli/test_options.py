"""The options that several commands share."""

import pytest

from snapshotter.cli.entry import group
from snapshotter.cli.options import required
from snapshotter.errors import UsageError


def test_an_output_must_be_named() -> None:
    assert required("-") == "-"
    for missing in (None, ""):
        with pytest.raises(UsageError, match="no output given: add -o FILE"):
            required(missing)


@pytest.mark.parametrize("name", ["trends", "export", "report"])
def test_the_filters_are_the_same(name: str) -> None:
    options = {option for each in group().commands[name].params for option in each.opts}
    assert {"--last", "--since", "--until", "--package", "--package-id", "--account"} <= options


def test_a_status_filters_jobs_alone() -> None:
    having = {
        name
        for name, command in group().commands.items()
        if any("--status" in each.opts for each in command.params)
    }
    assert having == {"export", "sync"}
