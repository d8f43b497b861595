"""The command on systems without POSIX: one line and exit 2, whatever was asked."""

import subprocess
import sys

import pytest
from command import python

from snapshotter import platforms

# As on Windows: these modules, functions and signals do not exist there.
WITHOUT_POSIX = """
import os, signal, sys
for module in ("fcntl", "grp", "pwd", "resource", "termios", "syslog"):
    sys.modules[module] = None
for name in ("SIGHUP", "SIGQUIT", "SIGALRM", "SIGUSR1", "pthread_sigmask", "setitimer"):
    delattr(signal, name)
for name in ("O_CLOEXEC", "O_DIRECTORY", "O_NOFOLLOW", "geteuid", "statvfs", "fchmod", "fork"):
    delattr(os, name)
"""
MAIN = """
from snapshotter.cli import main
sys.argv = ["snapshotter", *{words!r}]
main()
"""


def test_this_system_is_supported() -> None:
    assert platforms.is_supported()


@pytest.mark.parametrize("words", [[], ["--help"], ["--version"], ["sync"], ["nonsense"]])
def test_without_posix_every_command_ends_with_one_line(words: list[str]) -> None:
    program = WITHOUT_POSIX + MAIN.format(words=words)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "snapshotter: needs Linux or macOS; on Windows run it in WSL\n"


@pytest.mark.parametrize(
    "hidden",
    [
        "os.name = 'nt'",
        "sys.modules['fcntl'] = None",
        "del signal.SIGHUP",
        "del signal.pthread_sigmask",
        "del os.geteuid",
        "del os.O_NOFOLLOW",
    ],
)
def test_each_interface_that_is_missing_is_noticed(hidden: str) -> None:
    program = (
        f"import os, signal, sys; {hidden}; "
        "from snapshotter.platforms import is_supported; os._exit(10 + is_supported())"
    )
    assert python(["-c", program]).returncode == 10
