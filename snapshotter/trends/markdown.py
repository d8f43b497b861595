"""Writes a trend as a table in Markdown, as GitHub and others show it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TextIO

from snapshotter.printable import markdown
from snapshotter.times import stamp
from snapshotter.trends.values import Rows


def write_markdown(columns: list[str], batches: Iterable[Rows], file: TextIO) -> int:
    """Write the rows of the batches as they come, and return their number."""
    file.write("| " + " | ".join(map(markdown, columns)) + " |\n")
    file.write("|" + " --- |" * len(columns) + "\n")
    written = 0
    for batch in batches:
        written += len(batch)
        for row in batch:
            cells = ["" if value is None else markdown(_as_text(value)) for value in row]
            file.write("| " + " | ".join(cells) + " |\n")
    return written


def _as_text(value: Any) -> str:
    return stamp(value) if isinstance(value, datetime) else str(value)
