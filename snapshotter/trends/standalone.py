"""A trend as one statement for other tools: its parameters filled in, or as DuckDB has them."""

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Literal

from snapshotter import statements
from snapshotter.errors import UsageError
from snapshotter.trends.filters import Filters
from snapshotter.trends.trends import source_of

Dialect = Literal["duckdb"]


def filled(name: str, filters: Filters, folder: Path | None = None) -> str:
    """Return a trend's statement with the filters as literals, which every engine takes.

    Raises `UsageError` for text that engines read differently, and for a parameter that no filter
    has.
    """
    values = asdict(filters)

    def literal(parameter: str) -> str:
        if parameter not in values:
            raise UsageError(f"{name} has a parameter that no option sets: {parameter!r}")
        return _literal(values[parameter])

    return _statement(source_of(name, folder), literal)


def for_duckdb(name: str, folder: Path | None = None) -> str:
    """Return a trend's statement with `$name` for each parameter, as DuckDB spells them."""
    return _statement(source_of(name, folder), "${}".format)


def _statement(source: str, spelling: statements.Spelling) -> str:
    """Return the question as a comment, and the statement without any other."""
    question = statements.question(source)
    head = f"-- {question}\n" if question else ""
    return f"{head}{statements.with_parameters(statements.bare(source).strip(), spelling)};\n"


def _literal(value: date | int | str | None) -> str:
    if value is None:
        return "null"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    # MariaDB takes a backslash in a literal for an escape, the others do not.
    if "\\" in text or not text.isprintable():
        raise UsageError(f"{text!r} cannot be written into a statement for every engine")
    return "'" + text.replace("'", "''") + "'"
