"""What is running and for how long, as lines on standard error."""

import sys
import time

from .measure import Usage


class Progress:
    """Prints lines that begin with the time since the start of the benchmark."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def say(self, what: str) -> None:
        """Print one line."""
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        print(f"{minutes:3}:{seconds:02} {what}", file=sys.stderr, flush=True)

    def took(self, what: str, usage: Usage) -> None:
        """Print what a command has taken."""
        self.say(f"{what}: {usage.wall:.2f} s, {usage.cpu:.2f} of CPU, {usage.peak / 2**20:.0f} MB")
