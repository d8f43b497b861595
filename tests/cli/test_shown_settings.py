"""How settings are grouped; what is shown of them is in test_config_command."""

from typing import Any

from snapshotter.cli.shown_settings import Shown, grouped


def shown(command: str, value: Any, source: str = "default") -> Shown:
    return Shown((command,), "timeout", value, source)


def test_what_is_the_same_for_all_commands_is_shown_once() -> None:
    found = [shown("a", "30"), shown("b", "30"), shown("c", "7", "file"), shown("d", None)]
    assert [(name, each.value) for name, each in grouped(found)] == [
        ("timeout", "30"),
        ("c.timeout", "7"),
    ]


def test_what_one_command_has_is_shown_with_its_name() -> None:
    assert [name for name, _ in grouped([shown("a", "30")])] == ["a.timeout"]


def test_a_flag_that_nobody_sets_is_not_shown() -> None:
    assert not [*grouped([shown("a", value=False), shown("b", value=False)])]
    assert len([*grouped([shown("a", value=False, source="file")])]) == 1
