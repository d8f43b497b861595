"""How options are called in the environment and in the configuration file."""

import click
import pytest

from snapshotter.cli.entry import group
from snapshotter.cli.option_names import (
    commands,
    levels,
    setting_name,
    settings,
    unknown,
    variable,
)


def test_a_setting_has_the_long_name_of_its_option() -> None:
    option = click.Option(["-o", "--output-file", "target"])
    assert setting_name(option) == "output_file"
    assert variable(("recipe", "github-actions"), "output_file") == (
        "SNAPSHOTTER_RECIPE_GITHUB_ACTIONS_OUTPUT_FILE"
    )


def test_a_command_keeps_the_variable_that_an_option_had() -> None:
    sync = dict(commands(group()))[("sync",)]
    assert settings(sync)["database"].envvar == [
        "SNAPSHOTTER_SYNC_DATABASE",
        "SNAPSHOTTER_DATABASE_URL",
    ]
    assert settings(sync)["full"].envvar == ["SNAPSHOTTER_SYNC_FULL"]
    assert not {"help", "version", "config", "job_ids"} & {*settings(sync)}


@pytest.mark.parametrize(
    "options",
    [
        {"database": "x", "sync": {"full": True, "overlap": 3}, "hash_key": "x"},
        {"db": {"database": "x", "check": {"verbose": 1}}},
        {"sync": {}},
    ],
)
def test_names_that_are_known(options: dict[str, object]) -> None:
    assert unknown(options, group(), ("hash_key",)) == ""


def test_the_nearest_table_comes_first() -> None:
    options = {"a": 1, "db": {"a": 2, "check": {"a": 3}}}
    found = [(name, table["a"]) for name, table in levels(options, ("db", "check"))]
    assert found == [("db.check", 3), ("db", 2), ("", 1)]
    assert [name for name, _ in levels(options, ("sync",))] == [""]
