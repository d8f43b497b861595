"""What `doctor` finds, by the names of its checks: as the command prints it, or in this process."""

import json
from collections.abc import Mapping
from typing import Any

from command import Done

from snapshotter.doctor.doctor import Setup, examine
from snapshotter.doctor.report import Check

NOWHERE = "http://127.0.0.1:1"  # nothing listens there


def found(done: Done) -> dict[str, list[Check]]:
    """Return the checks that the command has printed as JSON."""
    checks: dict[str, list[Check]] = {}
    for each in json.loads(done.stdout)["checks"]:
        checks.setdefault(each["name"], []).append(Check(**each))
    return checks


def examined(
    environment: Mapping[str, str], database_url: str = "sqlite:///none.db", **settings: Any
) -> dict[str, list[Check]]:
    """Return what the checks find. Without another URL of the API nothing answers at it."""
    checks: dict[str, list[Check]] = {}
    examine(
        Setup({"XPLENTY_API_URL": NOWHERE, **environment}, database_url, **settings),
        lambda check: checks.setdefault(check.name, []).append(check),
    )
    return checks


def lines(checks: Mapping[str, list[Check]], name: str) -> list[str]:
    """Return the status and the words of each check of this name."""
    return [f"{each.status}: {each.found}; {each.advice}" for each in checks.get(name, [])]
