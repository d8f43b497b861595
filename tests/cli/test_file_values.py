"""The values of a configuration file, as options read them; more is in test_cli_configuration."""

from datetime import date
from pathlib import Path
from typing import Any

import click
import pytest

from snapshotter.cli.file_values import WrongValueError, converted
from snapshotter.cli.parameters import Setting

FILE = Path("/etc/snapshotter.toml")


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        (click.Option(["--x"]), 7, "7"),
        (click.Option(["--x"]), 1.5, "1.5"),
        (click.Option(["--x"]), date(2026, 1, 31), "2026-01-31"),
        (click.Option(["--x"], multiple=True), "a", ["a"]),
        (click.Option(["--x"], multiple=True), ["a", 7], ["a", "7"]),
        (click.Option(["--x"], is_flag=True), False, False),
        (click.Option(["--x"], count=True), 2, 2),
        (click.Option(["--x"], metavar="FILE"), "a.csv", "/etc/a.csv"),
        (click.Option(["--x"], metavar="FILE"), "/a.csv", "/a.csv"),
        (click.Option(["--x"], metavar="FILE"), "-", "-"),
        (click.Option(["--x"], type=click.Path()), "../a", "/etc/../a"),
        (Setting(["--database"], metavar="URL"), "sqlite:///a.db", "sqlite:////etc/a.db"),
        (Setting(["--to"], metavar="URL"), "sqlite:////a.db", "sqlite:////a.db"),
    ],
)
def test_a_value_is_read(option: click.Option, value: Any, expected: Any) -> None:
    assert converted(option, value, FILE) == expected


@pytest.mark.parametrize(
    "value", [True, {"a": 1}, ["a"], [["a"]], "a\0b", pytest.param(2**20_000, id="huge")]
)
def test_a_value_that_no_option_takes(value: Any) -> None:
    with pytest.raises(WrongValueError, match="expected "):
        converted(click.Option(["--x"]), value, FILE)
