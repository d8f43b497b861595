"""An environment for dlt alone, made once and kept in a cache folder."""

import subprocess
import sys
from pathlib import Path

from .measure import Failed

VERSION = "1.31.0"
_PACKAGES = (
    f"dlt[parquet,postgres,sqlalchemy]=={VERSION}",
    "adbc-driver-manager",
    "adbc-driver-postgresql",
    "adbc-driver-sqlite",
)


def python(cache: Path) -> str:
    """Return the interpreter that has dlt, out of `cache` if it is there already.

    Raises `Failed` if it cannot be installed.
    """
    folder = cache / f"dlt-{VERSION}-python-{sys.version_info.major}.{sys.version_info.minor}"
    found, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        install = [str(found), "-m", "pip", "install", "-qq", *_PACKAGES]
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
            subprocess.run(install, check=True)
        except subprocess.CalledProcessError as error:
            raise Failed(f"dlt cannot be installed; --no-peers leaves it out: {error}") from error
        done.touch()
    return str(found)
