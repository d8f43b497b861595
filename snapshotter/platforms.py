"""Where the command runs: Linux and macOS, whose file locks, signals and file modes it needs."""

import importlib
import os
import signal

UNSUPPORTED = "needs Linux or macOS; on Windows run it in WSL"
_SIGNALS = ("SIGHUP", "SIGQUIT", "SIGALRM", "pthread_sigmask", "setitimer")
_CALLS = ("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "geteuid", "statvfs")


def is_supported() -> bool:
    """Whether this system has the POSIX interfaces that a run relies on."""
    if os.name != "posix":
        return False
    try:
        importlib.import_module("fcntl")
    except ImportError:
        return False
    has_signals = all(hasattr(signal, name) for name in _SIGNALS)
    return has_signals and all(hasattr(os, name) for name in _CALLS)
