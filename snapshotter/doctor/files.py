"""Who may read and change the files: the database, the keys, the configuration."""

import os
import shlex
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from snapshotter.configured_accounts import Account
from snapshotter.doctor.report import Report
from snapshotter.key_sources import FILE


class File(NamedTuple):
    """`forbidden`: the bits of the mode that a file of this kind should not have."""

    kind: str
    path: Path
    forbidden: int


def known(
    database: Path | None, configuration: Path | None, accounts: Iterable[Account]
) -> list[File]:
    """Return the files that are used. A configuration file with a secret is checked on reading."""
    keys = [Path(each.source.value) for each in accounts if each.source.kind == FILE]
    return [
        *([File("the database", database, 0o027)] if database else []),
        *([File("the configuration file", configuration, 0o022)] if configuration else []),
        *(File("the key file", path, 0o077) for path in dict.fromkeys(keys)),
    ]


def modes(report: Report, files: Iterable[File]) -> None:
    """Report each file that others may read or change."""
    right: list[str] = []
    for each in files:
        try:
            found = each.path.stat()
        except OSError:
            continue  # the check of what is in it reports why
        mode = stat.S_IMODE(found.st_mode)
        if not stat.S_ISREG(found.st_mode):
            continue
        if wrong := mode & each.forbidden:
            may = "changed" if wrong & 0o022 else "read"
            report.warn(
                f"{each.kind} {str(each.path)!r} can be {may} by others (mode {mode:04o})",
                f"if that is not meant: chmod {mode & ~each.forbidden:03o} "
                f"{shlex.quote(os.fspath(each.path))}",
            )
        else:
            right.append(f"{each.kind} {mode:04o}")
    if right or not report.checks:
        report.ok(", ".join(right) or "there are none yet")
