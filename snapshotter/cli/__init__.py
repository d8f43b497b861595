"""The command line: one command a file, `entry` around them, each option declared in `options`."""


def main() -> None:
    """Run the command, as the installed `snapshotter` does."""
    import signal
    import sys

    from snapshotter.platforms import UNSUPPORTED, is_supported

    if not is_supported():  # before anything is imported that only POSIX has
        sys.stderr.write(f"snapshotter: {UNSUPPORTED}\n")
        sys.exit(2)
    # Until the command has its own handlers, Ctrl-C ends it as SIGTERM does, without a traceback.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Imported here, so that importing a module of this folder runs nothing else.
    from snapshotter.cli.entry import main as run

    run()
