"""Describes the differences between a database and the models, one line each."""

from collections.abc import Callable, Iterable
from typing import Any


def in_words(differences: Iterable[Any]) -> list[str]:
    """Return a line for each difference that Alembic has found; alterations come in lists.

    What is text already is a line.
    """
    lines: list[str] = []
    for each in differences:
        if isinstance(each, str):
            lines.append(each)
            continue
        lines += map(_words, each) if isinstance(each, list) else [_words(each)]
    return lines


def _words(difference: tuple[Any, ...]) -> str:
    kind, *rest = difference
    verb, _, what = kind.partition("_")
    if verb in ("add", "remove") and what in _NAMES:
        left_over = "is not one of this program's"
        return f"{_NAMES[what](rest)} {'is missing' if verb == 'add' else left_over}"
    if verb == "modify" and what in _ALTERED:
        return f"column {rest[1]}.{rest[2]} {_ALTERED[what](rest)}"
    if what == "table_comment":
        return f"table {rest[0].name} has another comment"
    return f"{kind.replace('_', ' ')}: {', '.join(map(str, rest))}"


def _part(sort: str) -> Callable[[list[Any]], str]:
    return lambda rest: f"{sort} {rest[0].name} of table {rest[0].table.name}"


# The items after the kind are Alembic's; see `alembic.autogenerate.compare_metadata`.
_NAMES: dict[str, Callable[[list[Any]], str]] = {
    "table": lambda rest: f"table {rest[0].name}",
    "column": lambda rest: f"column {rest[1]}.{rest[2].name}",
    "index": _part("index"),
    "constraint": _part("constraint"),
    "fk": _part("foreign key"),
}
_ALTERED: dict[str, Callable[[list[Any]], str]] = {
    "type": lambda rest: f"is {rest[4]!r}, expected {rest[5]!r}",
    "nullable": lambda rest: "may be null, and should not" if rest[4] else "may not be null",
    "default": lambda rest: f"has the default {rest[4]}, expected {rest[5]}",
    "comment": lambda _rest: "has another comment",
}
