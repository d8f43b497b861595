"""Where the command starts and ends: its group, and for every error one line and an exit code.

Little is imported at the top, and click with the commands only by `group`: so a signal finds its
handler as early as possible.
"""

import gc
import os
import sys
from itertools import pairwise
from typing import TYPE_CHECKING

from snapshotter import interrupt, logs
from snapshotter.cli import streams
from snapshotter.cli.endings import Ending, ending
from snapshotter.errors import Failure, Interrupted, Stopped
from snapshotter.interrupt import INTERRUPTED
from snapshotter.settings import known_secrets
from snapshotter.texts import cleaned

if TYPE_CHECKING:
    import click


def main() -> None:
    """Run the command and end the process with its exit code."""
    # A run holds many rows without cycles: with the usual threshold of 700 the collector would
    # search them all the time, an eighth of a long run.
    gc.set_threshold(100_000)
    streams.prepare()
    try:
        interrupt.take_over()
        exit_code, message = _run()
    except Interrupted:  # while the command's own error was handled
        exit_code, message = Stopped.exit_code, INTERRUPTED
    interrupt.end_with(exit_code)
    try:
        sys.stdout.flush()
    except streams.OutputLost as error:
        # Output that could not be printed is a failure, unless there was one already.
        exit_code, message = (exit_code, message) if exit_code else ending(error)
    if not message and (lost := streams.loss()):
        logs.notice(f"snapshotter: {lost}")
    logs.final(exit_code, message)
    # All that has an end is closed by now. The interpreter would search everything for cycles
    # before it ends, which takes it a fifth of a small command's time.
    gc.freeze()
    sys.exit(exit_code)


def _run() -> Ending:
    try:
        words = [word for word in map(_without_return, sys.argv[1:]) if word is not None]
        _clean_variables()
        logs.configure(is_json=_asks_for_json(words))
        for secret in known_secrets():
            logs.learn(secret)
        group().main(words, standalone_mode=False, prog_name="snapshotter")
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt, Interrupted) as error:  # noqa: BLE001 - the one place
        return (Failure.exit_code, "") if _completes_words() else ending(error)
    return 0, ""


def group() -> "click.Group":
    """Return the group of all commands. What a command needs is imported only when it runs."""
    import click

    from snapshotter import __version__
    from snapshotter.cli.option_names import name_variables
    from snapshotter.cli.sections import SectionedGroup

    @click.group(
        cls=SectionedGroup,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    @click.version_option(__version__, prog_name="snapshotter")
    def snapshotter() -> None:
        """Keep the job history of an Xplenty (Integrate.io ETL) account in a database of your own.

        Begin with `snapshotter demo`; then run `snapshotter init`, or set XPLENTY_ACCOUNT_ID and
        XPLENTY_API_KEY, and run `snapshotter sync`.

        Exit codes: 0 done; 1 failed; 2 usage or configuration; 65 done, but something was set
        aside, or differs; 75 stopped early, nothing lost, run again; 77 the API refused the key.
        """

    for command in _commands():
        snapshotter.add_command(command)
    name_variables(snapshotter)
    return snapshotter


def _commands() -> "list[click.Command]":
    from snapshotter.cli import (
        accounts,
        completion,
        config,
        db,
        demo,
        digest,
        doctor,
        export,
        init,
        recipe,
        rejects,
        report,
        status,
        sync,
        trends,
        verify,
    )

    modules = (
        *(accounts, completion, config, db, demo, digest, doctor, export, init, recipe),
        *(rejects, report, status, sync, trends, verify),
    )
    return [module.command for module in modules]


def _without_return(word: str) -> str | None:
    """Return a word without the carriage return that a script saved on Windows ends lines with."""
    return None if word == "\r" else word.rstrip("\r")


def _completes_words() -> bool:
    """Whether a shell asks what a word may be; a message would end up in the line being typed."""
    return bool(os.environ.get("_SNAPSHOTTER_COMPLETE"))


def _clean_variables() -> None:
    """Drop white space and the like around the values of this command's variables."""
    for name, value in os.environ.items():
        if name.startswith("SNAPSHOTTER_") and cleaned(value) != value:
            os.environ[name] = cleaned(value)


def _asks_for_json(words: list[str]) -> bool:
    """Return whether errors are JSON; asked before click parses, whose errors are lines, too."""
    if not any(word.startswith("--log-format") for word in words):
        return os.environ.get("SNAPSHOTTER_LOG_FORMAT") == "json"
    pairs = pairwise([*words, ""])
    return any(w == "--log-format=json" or (w, v) == ("--log-format", "json") for w, v in pairs)
