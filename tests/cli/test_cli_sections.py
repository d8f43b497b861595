"""`snapshotter --help` lists each command once, under what it is for, on one line."""

import re

import click

from snapshotter.cli.entry import group
from snapshotter.cli.options import Command
from snapshotter.cli.sections import SECTIONS


def help_of(commands: click.Group) -> str:
    return commands.get_help(click.Context(commands, info_name="snapshotter", terminal_width=80))


def test_every_command_has_a_section() -> None:
    listed = [name for rows in SECTIONS.values() for name in rows]
    assert len(listed) == len(set(listed))
    assert group().commands.keys() <= set(listed)


def test_the_help_has_each_command_on_one_line() -> None:
    text = help_of(group())
    for title, rows in SECTIONS.items():
        part = text.partition(f"\n{title}:\n")[2].partition("\n\n")[0].splitlines()
        known = [name for name in rows if name in group().commands]
        assert [line.split()[0] for line in part] == known
        assert all(line.endswith(rows[name]) for line, name in zip(part, known, strict=True))
    assert max(map(len, text.splitlines())) <= 80


def test_a_command_of_no_section_is_not_lost() -> None:
    commands = group()
    commands.add_command(Command("own", help="Does what one wants."))
    assert re.search(r"^Others:\n  own +Does what one wants\.$", help_of(commands), re.MULTILINE)


def test_no_line_of_a_subcommand_is_cut_off() -> None:
    groups = [each for each in group().commands.values() if isinstance(each, click.Group)]
    assert len(groups) >= 4
    for each in groups:
        assert "...\n" not in help_of(each).partition("\nCommands:\n")[2], each.name
