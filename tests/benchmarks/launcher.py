"""Runs one command and prints what it took. A script of its own, and a small one.

`python -I -S launcher.py OUTPUT COMMAND...` prints the command's exit code, its seconds of wall and
of CPU (its own and of the children it waited for), and its peak of memory in bytes, as JSON. The
kernel counts the memory of whoever starts a process as the process's own: this one has next to
none.
"""

import json
import os
import sys
import time

output, *command = sys.argv[1:]
actions = [(os.POSIX_SPAWN_OPEN, 1, output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)]
began = time.perf_counter()
pid = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - began
print(
    json.dumps(
        {
            "exit": os.waitstatus_to_exitcode(status),
            "wall": wall,
            "cpu": usage.ru_utime + usage.ru_stime,
            "peak": usage.ru_maxrss * 1024,
        }
    )
)
