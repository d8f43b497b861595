"""What a command takes, run as a process of its own: wall, CPU and memory, of each alike."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

_LAUNCHER = Path(__file__).with_name("launcher.py")
# The developer's own account, libpq's settings, and proxies.
_FOREIGN_VARIABLES = ("XPLENTY_", "SNAPSHOTTER_", "PG")


class Failed(Exception):
    """A command of the benchmark did not do its work."""


@dataclass(frozen=True)
class Usage:
    """Seconds of wall and of CPU, bytes of memory at the peak, and what was printed."""

    wall: float
    cpu: float
    peak: float
    printed: str = ""


def run(command: Sequence[str], variables: Mapping[str, str], folder: Path) -> Usage:
    """Run a command to its end, in `folder`. Raises `Failed` unless it ends with 0."""
    with TemporaryDirectory(prefix="benchmark-") as temporary:
        output = Path(temporary, "output")
        launch = [sys.executable, "-I", "-S", str(_LAUNCHER), str(output), *command]
        with subprocess.Popen(
            launch,
            cwd=folder,
            env=_environment() | dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                said, errors = process.communicate()
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)  # the command, and what it has started
                raise
        if process.returncode:
            raise Failed(f"{' '.join(command)} could not be run:\n{errors}")
        found = json.loads(said)
        if found["exit"]:
            raise Failed(f"{' '.join(command)} ended with {found['exit']}:\n{errors[-2000:]}")
        return Usage(found["wall"], found["cpu"], found["peak"], output.read_text())


def _environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN_VARIABLES) and not name.lower().endswith("_proxy")
    }
