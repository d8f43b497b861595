"""A Datasette from PyPI, in an environment of its own: its libraries are not the project's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

VERSION = "0.65.5"


class Datasette:
    """Answers requests as `datasette FILE -m METADATA` does, without a server."""

    def __init__(self, program: Path, file: Path, metadata: Path) -> None:
        self._serve = [str(program), str(file), "-m", str(metadata)]

    def get(self, path: str) -> str:
        """Return the answer to a request; an answer that is an error fails the test."""
        done = subprocess.run(
            [*self._serve, "--get", path], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        return done.stdout


def install(folder: Path) -> Path:
    """Install Datasette and return its program. If that fails, skip, and fail under CI."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    words = [str(folder / "bin" / "python"), "-m", "pip", "install", "-qq", f"datasette=={VERSION}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = f"Datasette {VERSION} cannot be installed: {done.stderr.strip()[-200:]}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder / "bin" / "datasette"
