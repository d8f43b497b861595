"""What a command takes, run as a process of its own: wall, CPU and memory, of each alike."""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

_LAUNCHER = Path(__file__).with_name("launcher.py")
# The developer's own account, libpq's settings, proxies, and what keeps bytecode from being kept:
# an installed command has its bytecode.
_FOREIGN_VARIABLES = ("XPLENTY_", "SNAPSHOTTER_", "PG", "PYTHONDONTWRITEBYTECODE")


class Failed(Exception):
    """A command of the benchmark did not do its work."""


@dataclass(frozen=True)
class Usage:
    """Seconds of wall and of CPU, bytes of memory at the peak, and what was printed.

    `logged` is what went to standard error.
    """

    wall: float
    cpu: float
    peak: float
    printed: str = ""
    logged: str = ""


def run(command: Sequence[str], variables: Mapping[str, str], folder: Path) -> Usage:
    """Run a command to its end, in `folder`. Raises `Failed` unless it ends with 0."""
    with TemporaryDirectory(prefix="benchmark-") as temporary:
        output = Path(temporary, "output")
        usage = _launch(output, command, variables, folder)
        return replace(usage, printed=output.read_text())


def run_on_terminal(
    command: Sequence[str], variables: Mapping[str, str], folder: Path, width: int = 120
) -> Usage:
    """Do as `run` does, with a terminal as the standard output."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    on_terminal = {"TERM": "xterm-256color", "COLUMNS": str(width)} | dict(variables)
    with ThreadPoolExecutor(1) as reader:
        printed = reader.submit(_all_of, ours)
        try:
            usage = _launch(os.ttyname(theirs), command, on_terminal, folder)
        finally:
            os.close(theirs)
        text = printed.result().decode()
    os.close(ours)
    return replace(usage, printed=text)


def _all_of(terminal: int) -> bytes:
    printed = bytearray()
    while True:
        try:
            some = os.read(terminal, 65_536)
        except OSError:  # the last one that had it open has closed it
            return bytes(printed)
        if not some:
            return bytes(printed)
        printed += some


def _launch(
    output: str | Path, command: Sequence[str], variables: Mapping[str, str], folder: Path
) -> Usage:
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
            printed, errors = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)  # the command, and what it has started
            raise
    if process.returncode:
        raise Failed(f"{_named(command)} could not be run:\n{errors}")
    found = json.loads(printed)
    if found["exit"]:
        raise Failed(f"{_named(command)} ended with {found['exit']}:\n{errors[-2000:]}")
    return Usage(found["wall"], found["cpu"], found["peak"], logged=errors)


def _named(command: Sequence[str]) -> str:
    """Return a command without the paths and URLs of this machine: RESULTS.md keeps it."""
    return " ".join(word for word in command if "/" not in word)


def _environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN_VARIABLES) and not name.lower().endswith("_proxy")
    }
