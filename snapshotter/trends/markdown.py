"""Writes a trend as a table in Markdown, as GitHub and others show it."""

from datetime import datetime
from typing import Any, TextIO

from snapshotter.printable import markdown
from snapshotter.times import stamp
from snapshotter.trends.values import Result


def write_markdown(result: Result, file: TextIO) -> None:
    file.write("| " + " | ".join(map(markdown, result.columns)) + " |\n")
    file.write("|" + " --- |" * len(result.columns) + "\n")
    for row in result.rows:
        cells = ["" if value is None else markdown(_as_text(value)) for value in row]
        file.write("| " + " | ".join(cells) + " |\n")


def _as_text(value: Any) -> str:
    return stamp(value) if isinstance(value, datetime) else str(value)
