"""Runs the command on a pseudo-terminal, and returns the bytes that the terminal gets."""

import fcntl
import os
import pty
import struct
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

import command

running: list[command.Process] = []  # the last one is that of `run`


def run(
    words: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    width: int = 80,
) -> tuple[int, bytes]:
    """Run the command to its end; return its exit code and all that it printed."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    variables = {"TERM": "xterm-256color", "NO_COLOR": "", "COLUMNS": "", **(env or {})}
    try:
        with command.start(words, env=variables, cwd=cwd, stdout=theirs, stderr=theirs) as process:
            os.close(theirs)
            running.append(process)
            printed = _all_of(ours)
            process.wait()
        assert process.returncode is not None
        return process.returncode, printed
    finally:
        os.close(ours)


def _all_of(descriptor: int) -> bytes:
    printed = bytearray()
    while True:
        try:
            some = os.read(descriptor, 65_536)
        except OSError:  # the last one that had the terminal open has closed it
            return bytes(printed)
        if not some:
            return bytes(printed)
        printed += some
