"""Runs the command as a process: words in; an exit code, standard output and standard error out.

`run` waits for the end of the command, `start` does not; `python` runs any Python program. All of
them fork a Python that has imported everything (`forkserver.py`, one for each worker of
pytest-xdist): a fresh one would import for most of a second. Streams, signals, variables, the
folder and the exit code are a process's own.

`run_fresh` starts a real, fresh process. It is for what a fork cannot show: the console script, a
signal while the command starts, what is imported when, limits, wrappers such as `nohup`, variables
that Python or a library reads at its start, and standard streams that a caller has closed.
"""

import atexit
import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL
from typing import IO, Any, Self

Done = subprocess.CompletedProcess[str]
DEVNULL, PIPE = subprocess.DEVNULL, subprocess.PIPE
FRESH = (sys.executable, "-m", "snapshotter")
# What Python reads before any program runs: a fork would not notice.
_READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "OMP_", "OPENBLAS_")


def run(
    words: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    cwd: Path | None = None,
) -> Done:
    """Run the command to its end. `env` has the variables besides those of the tests."""
    return python(["-m", "snapshotter", *words], env=env, stdin=stdin, cwd=cwd)


def run_fresh(
    words: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    cwd: Path | None = None,
    before: Sequence[str] = (),
) -> Done:
    """Run the command in a fresh process; `before` are a wrapper's words, like those of nohup."""
    return subprocess.run(
        [*before, *FRESH, *words],
        env={**os.environ, **(env or {})},
        input=stdin,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def start_fresh(
    words: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stderr: int = PIPE,
    before: Sequence[str] = (),
) -> "subprocess.Popen[str]":
    """Start the command in a fresh process; see `start` and `run_fresh`."""
    return subprocess.Popen(
        [*before, *FRESH, *words],
        env={**os.environ, **(env or {})},
        cwd=cwd,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=stderr,
        text=True,
    )


def python(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    cwd: Path | None = None,
) -> Done:
    """Run a Python program to its end; `arguments` begin with `-m` and a module, or `-c`."""
    with Process(arguments, env=env, cwd=cwd, stdin=PIPE) as process:
        out, err = process.communicate(stdin)
    assert process.returncode is not None
    return subprocess.CompletedProcess(list(arguments), process.returncode, out, err)


def start(
    words: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdout: int = PIPE,
    stderr: int = PIPE,
) -> "Process":
    """Start the command; standard input is empty. A stream is `PIPE` or a descriptor."""
    arguments = ["-m", "snapshotter", *words]
    return Process(arguments, env=env, cwd=cwd, stdout=stdout, stderr=stderr)


class Process:
    """A running program, as `subprocess.Popen` of text has it. The end of its `with` waits."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: int = DEVNULL,
        stdout: int = PIPE,
        stderr: int = PIPE,
    ) -> None:
        self.arguments = list(arguments)
        self.returncode: int | None = None
        self.stdin, theirs_in = _pipe(stdin, "w")
        self.stdout, theirs_out = _pipe(stdout, "r")
        self.stderr, theirs_err = _pipe(stderr, "r")
        request = {
            "arguments": self.arguments,
            "env": {**os.environ, **(env or {})},
            "cwd": str(cwd or Path.cwd()),
        }
        changed = {name for name, _ in (env or {}).items() - os.environ.items()}
        assert not any(name.startswith(_READ_AT_START) for name in changed)
        streams = (theirs_in, theirs_out, theirs_err)
        self._reports = _server.ask(request, streams)
        for given, theirs in zip((stdin, stdout, stderr), streams, strict=True):
            if given < 0:
                os.close(theirs)
        self.pid = int(self._reports.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream:
                stream.close()
        if kind:  # the test has failed, and need not wait for what it has not ended
            self.kill()
        self.wait()

    def poll(self) -> int | None:
        """Return the exit code, or None while the program runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code. Raises `subprocess.TimeoutExpired`."""
        if self.returncode is None:
            if not _is_readable(self._reports, timeout):
                raise subprocess.TimeoutExpired(self.arguments, timeout or 0)
            with self._reports:
                self.returncode = int(self._reports.readline())
        return self.returncode

    def communicate(
        self,
        input: str | None = None,  # noqa: A002 - as Popen names it
        timeout: float | None = None,
    ) -> tuple[str, str]:
        """Write `input`, and return all of standard output and error once the program has ended.

        A program that takes longer than `timeout` seconds is killed, before
        `subprocess.TimeoutExpired` is raised.
        """
        with ThreadPoolExecutor(3) as others:
            others.submit(_write, self.stdin, input or "")
            out, err = (others.submit(_read, stream) for stream in (self.stdout, self.stderr))
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        return out.result(), err.result()

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(SIGKILL)


def _pipe(stream: int, mode: str) -> tuple[IO[str] | None, int]:
    """Return the tests' end of a stream, if it is a pipe, and the program's."""
    if stream == DEVNULL:
        return None, os.open(os.devnull, os.O_RDWR)
    if stream != PIPE:
        return None, stream
    reader, writer = os.pipe()
    ours, theirs = (writer, reader) if mode == "w" else (reader, writer)
    return open(ours, mode, encoding="utf-8"), theirs  # noqa: PTH123 - a descriptor


def _is_readable(stream: IO[str], timeout: float | None) -> bool:
    return bool(select.select([stream], [], [], timeout)[0])


def _write(stream: IO[str] | None, text: str) -> None:
    if stream and not stream.closed:
        with suppress(BrokenPipeError), stream:  # a program need not read it
            stream.write(text)


def _read(stream: IO[str] | None) -> str:
    if stream is None or stream.closed:
        return ""
    with stream:
        return stream.read()


Running = Process | subprocess.Popen[str]


class _Server:
    """The fork server of this process; it starts with the first request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, request: dict[str, Any], streams: Sequence[int]) -> IO[str]:
        """Start a program; return what is reported about it, a number a line."""
        ours, theirs = socket.socketpair()
        with ours, theirs, self._lock:
            if self._control is None:
                self._control = self._start()
            message = json.dumps(request).encode()
            socket.send_fds(self._control, [message], [theirs.fileno(), *streams])
            return ours.makefile("r", buffering=1)

    def close(self) -> None:
        """End the server, and with it what still runs."""
        if self._control and self._process:
            self._control.close()
            self._process.wait()

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            program = Path(__file__).with_name("forkserver.py")
            self._process = subprocess.Popen(
                [sys.executable, str(program), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                # numpy's library starts threads when it is imported; a fork is to have none.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        atexit.register(self.close)
        return ours


_server = _Server()
