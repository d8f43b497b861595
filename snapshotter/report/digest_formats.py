"""The digest as text, Markdown, JSON, or the payload of a Slack webhook. All text is escaped."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple, TextIO

from sqlalchemy import Engine

from snapshotter.files import opened, write_text
from snapshotter.printable import markdown, printable
from snapshotter.report.digest import FAILED, Digest, Item, Period, digest
from snapshotter.report.words import minute
from snapshotter.store.engine import unmoving
from snapshotter.targets import database_file
from snapshotter.times import stamp

FORMATS = ("text", "markdown", "json", "slack")
MAX_LINES = 8  # of each part: a digest is read in a mail or a chat


class _Marks(NamedTuple):
    """How a format shows plain text, a heading, and a sentence with a link."""

    plain: Callable[[str], str]
    head: Callable[[str], str]
    line: Callable[[str, str | None], str]
    gap: tuple[str, ...] = ()  # the lines between the heading of a list and the list


def write_digest(
    engine: Engine, target: Path | TextIO, what: tuple[Period, str], now: datetime
) -> Digest:
    """Write the digest of a period in one of the `FORMATS`, and return it.

    How a file appears: see `files.opened`. Raises what `digest` does, `UsageError` if the
    folder does not exist, and `Failure` if the file cannot be written.
    """
    period, how = what
    with unmoving(engine).connect() as connection:
        found = digest(connection, period, now)
        own = database_file(connection)
    with opened(target, own) as file:
        write_text(file, written(found, how))
    return found


def written(found: Digest, how: str) -> str:
    """Return the digest in a format, with a line end at its end."""
    match how:
        case "json":
            text = json.dumps(_document(found), indent=2)
        case "slack":
            text = json.dumps({"text": "\n".join(_lines(found, _SLACK))})
        case "markdown":
            text = "\n".join(_lines(found, _MARKED))
        case _:
            text = "\n".join(_lines(found, _TEXT))
    return text + "\n"


def _document(found: Digest) -> dict[str, object]:
    return {
        "accounts": list(found.accounts),
        "since": stamp(found.since),
        "until": None if found.until is None else stamp(found.until),
        "findings": [asdict(each) | {"since": _time(each.since)} for each in found.items],
    }


def _time(at: date | datetime | None) -> str | None:
    if at is None:
        return None
    return stamp(at) if isinstance(at, datetime) else at.isoformat()


def _lines(found: Digest, marks: _Marks) -> Iterator[str]:
    yield marks.head(marks.plain(_title(found)))
    findings = [item for item in found.items if item.kind != FAILED]
    parts = (
        ("New", [item for item in findings if item.new]),
        ("Failed runs", [item for item in found.items if item.kind == FAILED]),
        ("Still", [item for item in findings if not item.new]),
    )
    for title, items in parts:
        if items:
            yield ""
            yield marks.head(title)
            yield from marks.gap
            yield from _part(items, marks)
    if not found.items:
        yield ""
        yield "Nothing stands out."


def _title(found: Digest) -> str:
    if not found.accounts:
        return "No account yet"
    since = minute(found.since)
    period = f"since {since}" if found.until is None else f"{since} to {minute(found.until)}"
    return f"{', '.join(found.accounts)}: {period}"


def _part(items: Sequence[Item], marks: _Marks) -> Iterator[str]:
    # One line more takes no more room than the line that would count it.
    shown = items if len(items) <= MAX_LINES + 1 else items[:MAX_LINES]
    for item in shown:
        yield marks.line(marks.plain(item.text), item.url)
    if len(items) > len(shown):
        yield marks.line(f"and {len(items) - len(shown):,} more", None)


def _in_slack(text: str) -> str:
    return printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _text_line(text: str, url: str | None) -> str:
    return f"- {text}" if url is None else f"- {text}\n  {url}"


def _markdown_line(text: str, url: str | None) -> str:
    return f"- {text}" if url is None else f"- {text} [job](<{url}>)"


def _slack_line(text: str, url: str | None) -> str:
    page = "" if url is None else f" <{url.replace('&', '&amp;')}|job>"
    return f"• {text}{page}"


_TEXT = _Marks(printable, str, _text_line)
_MARKED = _Marks(markdown, lambda title: f"**{title}**", _markdown_line, gap=("",))
_SLACK = _Marks(_in_slack, lambda title: f"*{title}*", _slack_line)
