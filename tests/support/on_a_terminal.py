"""Runs the command on a pseudo-terminal, and returns the bytes that the terminal gets."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

import command

CTRL_C = "\x03"
_PATIENCE = 60.0  # seconds, for a question on a busy machine
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


def converse(
    words: Sequence[str],
    answers: Sequence[tuple[str, str]],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:
    """Run the command, and type each answer once its question is printed; `CTRL_C` is a signal.

    An answer is typed with a return; if it is empty and its question does not end with `: `, it is
    only waited for. Return as `run` does.
    """
    ours, theirs = pty.openpty()
    variables = {"TERM": "dumb", "NO_COLOR": "1", **(env or {})}
    arguments = ["-m", "snapshotter", *words]
    printed, seen = bytearray(), 0
    try:
        with command.Process(
            arguments, env=variables, cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs
        ) as process:
            os.close(theirs)
            for question, answer in answers:
                while (found := printed.find(question.encode(), seen)) < 0:
                    printed += _some_of(ours, bytes(printed))
                seen = found + len(question.encode())
                if answer == CTRL_C:
                    process.send_signal(signal.SIGINT)
                elif answer or question.endswith(": "):
                    os.write(ours, f"{answer}\n".encode())
            printed += _all_of(ours)
            process.wait()
        assert process.returncode is not None
        return process.returncode, bytes(printed)
    finally:
        os.close(ours)


def _some_of(descriptor: int, before: bytes) -> bytes:
    ready, _, _ = select.select([descriptor], [], [], _PATIENCE)
    try:
        some = os.read(descriptor, 65_536) if ready else b""
    except OSError:
        some = b""
    assert some, f"the command asked nothing more after {before.decode()!r}"
    return some


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
