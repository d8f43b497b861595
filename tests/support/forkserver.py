"""A Python that has imported what the command imports, and runs programs in forks of itself.

`command.py` starts it, and asks it over the Unix socket that is its first argument: a message for
each program, with its arguments, variables and folder as JSON, and four descriptors: a socket, and
the program's standard input, output and error. Over the socket come the program's process id and,
when it has ended, its exit code, negative if a signal ended it. The server ends, and kills what is
still running, when the other end of its own socket is closed.

A program differs from one in a fresh process in what went before: modules are imported already, and
the objects of that time are out of the garbage collector's sight. It ends as any other until the
interpreter would take itself apart: its threads end, what it has registered for its end is called,
its own objects are collected, and its streams are flushed. To take the modules apart would copy all
that the forks share: 0.1 s for each, which is most of what a command takes. `run_fresh` does so.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import tempfile
import threading
import time
import types
import warnings
from typing import Any, NoReturn

_MODULES = (
    "alembic.command",
    "alembic.config",
    "openpyxl",
    "pandas",
    "jinja2",
    "psycopg",
    "pyarrow.parquet",
    "pymysql",
    "rich.console",
    "rich.table",
    "sqlalchemy.dialects.mysql",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite",
    "xlsxwriter",
)
_STREAMS = (  # as Python makes them at its start
    ("stdin", "r", "strict"),
    ("stdout", "w", "strict"),
    ("stderr", "w", "backslashreplace"),
)
_LARGEST = 1 << 20  # bytes of a message


def main() -> None:
    _import_all()
    gc.collect()
    gc.freeze()  # else each fork would copy what they share
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, which then close
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup, the command not
    ended, writer = os.pipe()
    os.set_blocking(ended, False)
    os.set_blocking(writer, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writer)
    with socket.socket(fileno=int(sys.argv[1])) as control:
        _serve(control, ended, writer)


def _serve(control: socket.socket, ended: int, writer: int) -> None:
    running: dict[int, socket.socket] = {}
    caches = _find_caches()
    while True:
        ready = select.select([control.fileno(), ended], [], [])[0]
        if ended in ready:
            os.read(ended, 65536)
            _report(running)
        if control.fileno() in ready:
            message, descriptors, _, _ = socket.recv_fds(control, _LARGEST, 4)
            if not message:
                break
            pid = _fork()
            if pid == 0:
                for own in (control, *running.values()):
                    own.close()
                os.close(ended)
                os.close(writer)
                os.close(descriptors[0])
                _run(json.loads(message), descriptors[1:], caches)
            for descriptor in descriptors[1:]:
                os.close(descriptor)
            running[pid] = socket.socket(fileno=descriptors[0])
            _send(running[pid], pid)
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def _fork() -> int:
    with warnings.catch_warnings():
        # The only other thread is a memory allocator's, which is made for forks.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _import_all() -> None:
    import snapshotter  # noqa: PLC0415 - not before the server's own arguments are read

    for module in pkgutil.walk_packages(snapshotter.__path__, "snapshotter."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in _MODULES:
        importlib.import_module(name)


def _report(running: dict[int, socket.socket]) -> None:
    for pid in list(running):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with running.pop(pid) as asker:
                _send(asker, os.waitstatus_to_exitcode(status))


def _send(asker: socket.socket, number: int) -> None:
    try:
        asker.sendall(f"{number}\n".encode())
    except OSError:  # whoever asked has gone
        return


def _run(request: dict[str, Any], streams: list[int], caches: list[Any]) -> NoReturn:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    time.tzset()
    tempfile.tempdir = None
    encoding = sys.stdout.encoding
    for number, (name, mode, errors) in enumerate(_STREAMS):
        stream = open(number, mode, encoding=encoding, errors=errors, closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    code: object = None
    try:
        _execute(request["arguments"])
    except SystemExit as end:
        code = end.code
    finally:
        for function in caches:  # frozen, they would not be collected
            function.cache_clear()
    _end(code)


def _end(code: object) -> NoReturn:
    """End as the interpreter does, but leave the modules as they are; see above."""
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001
    atexit._run_exitfuncs()  # noqa: SLF001
    gc.collect()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        sys.exit(code)  # type: ignore[arg-type]  # the interpreter knows what to print
    if not isinstance(code, int | None):
        sys.exit(code)  # type: ignore[arg-type]  # as above
    os._exit((code or 0) & 0xFF)


def _find_caches() -> list[Any]:
    """Return the functions that remember what they have returned: it may hold a connection."""
    return [
        member
        for name, module in sys.modules.items()
        if name.startswith("snapshotter")
        for member in vars(module).values()
        if hasattr(member, "cache_clear")
    ]


def _execute(arguments: list[str]) -> None:
    match arguments:
        case ["-m", module, *words]:
            sys.argv = [module, *words]
            sys.path[0] = os.getcwd()  # noqa: PTH109 - a string, as Python puts there
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        case ["-c", program, *words]:
            sys.argv = ["-c", *words]
            sys.path[0] = ""
            sys.modules["__main__"] = program_module = types.ModuleType("__main__")
            exec(compile(program, "<string>", "exec"), vars(program_module))  # noqa: S102 - the tests' own
            del sys.modules["__main__"]  # else what it has made would not be collected
        case _:
            raise ValueError(f"arguments of Python that this server does not know: {arguments}")


if __name__ == "__main__":
    main()
