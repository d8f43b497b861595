"""The SQL files: where the shipped ones are, what they answer, and their parameters."""

import re
from collections.abc import Callable
from pathlib import Path

from snapshotter.errors import UsageError
from snapshotter.resources import resource_folder
from snapshotter.texts import decoded

# String literals, quoted names and comments, in which a colon begins no parameter; else a
# parameter, unlike the `::type` of a cast.
_PARTS = re.compile(
    r"(?P<quoted>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")|(?P<comment>[ \t]*--[^\n]*|/\*.*?\*/)"
    r"|(?<![:\w\\]):(?P<parameter>\w+)",
    re.DOTALL,
)


Spelling = Callable[[str], str]  # of a parameter's name


def files() -> dict[str, Path]:
    """Return the shipped files by the names of their trends."""
    return files_in(resource_folder("sql"))


def view_files() -> dict[str, Path]:
    """Return the shipped files by the names of their views: trends, and what is a view alone."""
    return files() | files_in(resource_folder("sql") / "views")


def files_in(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("*.sql")) if path.is_file()}


def source(path: Path) -> str:
    """Return the text of a file, with line feeds alone at its line ends. Raises `UsageError`."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    return decoded(raw, str(path)).replace("\r\n", "\n").replace("\r", "\n")


def question(source: str) -> str:
    """Return what a file answers: its first line, if that is a comment."""
    first, _, _ = source.partition("\n")
    return first.removeprefix("--").strip() if first.startswith("--") else ""


def columns(source: str) -> dict[str, str]:
    """Return the columns that a file's head describes, with the words in parentheses."""
    head = re.search(r"^-- columns: (.*?)\n(?:--\n|(?!--))", source, re.DOTALL | re.MULTILINE)
    words = re.sub(r"\s*\n--\s*", " ", head[1]) if head else ""
    return dict(re.findall(r"(\w+)(?: \(((?:[^()]|\([^()]*\))*)\))?(?:, |$)", words))


def bare(source: str) -> str:
    """Return the statement of a file without its comments and the semicolon at its end.

    What `/*! */` encloses is a part of it: MariaDB runs it, to the other engines it is a comment.
    Line breaks stay, so that the lines of error messages are those of the file.
    """

    def blanked(part: re.Match[str]) -> str:
        comment = part["comment"]
        if comment is None or comment.startswith("/*!"):
            return part[0]
        return "" if comment.lstrip().startswith("--") else "\n" * comment.count("\n") or " "

    return _PARTS.sub(blanked, source).rstrip().removesuffix(";")


def parameters(statement: str) -> set[str]:
    """Return the names of a statement's parameters: of each `:name` that is not in a text."""
    return {part["parameter"] for part in _PARTS.finditer(statement)} - {None}


def with_parameters(statement: str, spelling: Spelling) -> str:
    """Return a statement with `spelling(name)` in place of each parameter `:name`."""

    def spelled(part: re.Match[str]) -> str:
        name = part["parameter"]
        return part[0] if name is None else spelling(name)

    return _PARTS.sub(spelled, statement)


def escaped(statement: str) -> str:
    """Return a statement for `sqlalchemy.text`, which sees parameters in quoted texts as well."""

    def without_colons(part: re.Match[str]) -> str:
        quoted = part["quoted"]
        return part[0] if quoted is None else re.sub(r"(?<!\\):", r"\:", quoted)

    return _PARTS.sub(without_colons, statement)
