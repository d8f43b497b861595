"""A program in a fork ends as it would in a fresh Python."""

import os
import subprocess
import sys

import pytest
from command import Process, python

LAST = "class Last:\n    def __del__(self): print('collected')"


@pytest.mark.parametrize(
    "program",
    [
        "import sys; sys.exit()",
        "import sys; sys.exit(3)",
        "import sys; sys.exit(True)",
        "import sys; sys.exit(256 + 65)",
        "import sys; sys.exit('what went wrong')",
        "import sys; print('begun'); sys.exit(['a', 1])",
        "print('begun'); raise ValueError('what went wrong')",
        "raise KeyboardInterrupt",
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
        "import threading; threading.Timer(0.05, print, ['late']).start()",
        "import atexit; atexit.register(print, 'at last')",
        "import sys; sys.stdout.close()",
        "import sys; sys.stdout.write('x'); sys.stderr.write('y')",
        f"{LAST}\nkept = Last()",
        f"{LAST}\nkept = [Last()]\nkept.append(kept)",
    ],
)
def test_it_ends_as_in_a_fresh_python(program: str) -> None:
    fresh = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    forked = python(["-c", program])
    assert (forked.returncode, forked.stdout) == (fresh.returncode, fresh.stdout)
    # In a traceback are the lines of the server, too.
    assert forked.stderr.splitlines()[-1:] == fresh.stderr.splitlines()[-1:]


def test_what_cannot_be_printed_at_the_end_is_an_error() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with Process(["-c", "print('x')"], stdout=full) as process:
        _out, err = process.communicate()
    os.close(full)
    assert process.returncode == 120
    assert "No space left on device" in err
