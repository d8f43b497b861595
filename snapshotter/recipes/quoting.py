"""Spells words and paths for the formats that recipes are written in."""

import csv
import io
import json
import shlex
from collections.abc import Callable, Sequence

from snapshotter.errors import UsageError


def refuse_unwritable(path: str, what: str) -> None:
    """Raise `UsageError` for a path or a name that not every format can contain."""
    if not path.isprintable() or "\\" in path:
        raise UsageError(
            f"{what} {path!r} has a backslash, a control character or one that is not UTF-8, which "
            "cron and systemd cannot pass on; choose another name or folder"
        )


def sh(words: Sequence[str]) -> str:
    """Return words as a command of a POSIX shell."""
    return shlex.join(words)


def cron(words: Sequence[str]) -> str:
    """Return words as a command of a crontab, where a bare % would end the line."""
    return sh(words).replace("%", "\\%")


def systemd_words(words: Sequence[str]) -> str:
    """Return a command as `ExecStart=` has it. Only in arguments $ begins a variable."""
    if any(sign in words[0] for sign in "\"'"):  # systemd refuses such a program, not such a word
        words = ["/bin/sh", "-c", 'exec "$0" "$@"', *words]
    program, *arguments = words
    return " ".join([systemd_path(program), *(_argument(word) for word in arguments)])


def _argument(word: str) -> str:
    return systemd_path(word).replace("$", "$$")


def systemd_path(path: str) -> str:
    """Return a path for a setting that takes a list of paths, in which spaces separate them."""
    text = systemd_line(path)
    if path and not any(sign.isspace() or sign in "\"';" for sign in path):
        return text
    escaped = text.replace('"', '\\"')
    return f'"{escaped}"'


def systemd_line(path: str) -> str:
    """Return a path for a setting that takes the rest of its line as it is."""
    return path.replace("%", "%%")


def literal(value: object) -> str:
    """Return a text or a list as YAML, JSON and Python write it."""
    return json.dumps(value, ensure_ascii=False)


def mount(path: str) -> str:
    """Return a folder as docker's `--mount` takes it, at the same place in the container."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(["type=bind", f"source={path}", f"target={path}"])
    return sh([line.getvalue()])


FILTERS: dict[str, Callable[..., str]] = {
    "sh": sh,
    "cron": cron,
    "systemd_words": systemd_words,
    "systemd_path": systemd_path,
    "systemd_line": systemd_line,
    "literal": literal,
    "mount": mount,
}
