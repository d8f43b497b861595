"""A Datasette from PyPI, in an environment of its own: its libraries are not the project's."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Self

import pytest
import requests

VERSION = "0.65.5"


class Datasette:
    """Serves a file as `datasette FILE -m METADATA` does, on a free port, inside its `with`."""

    def __init__(self, program: Path, file: Path, metadata: Path) -> None:
        self._command = [str(program), str(file), "-m", str(metadata), "--port", "0"]

    def __enter__(self) -> Self:
        self._server = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
        assert self._server.stderr is not None
        lines = iter(self._server.stderr.readline, "")
        found = (re.search(r"running on (http://\S+)", line) for line in lines)
        self._url = next(filter(None, found))[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._server.terminate()
        self._server.communicate()

    def get(self, path: str) -> str:
        """Return the answer to a request; an answer that is an error fails the test."""
        answer = requests.get(f"{self._url}{path}", timeout=60)
        assert answer.ok, answer.text
        return answer.text


def install(folder: Path) -> Path:
    """Install Datasette and return its program. If that fails, skip, and fail under CI."""
    # Without a pip of its own, which would take as long to install as Datasette.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    words = [*pip, "install", "-qq", "--no-compile", f"datasette=={VERSION}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = f"Datasette {VERSION} cannot be installed: {done.stderr.strip()[-200:]}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder / "bin" / "datasette"
