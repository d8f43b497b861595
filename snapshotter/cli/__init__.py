"""The command line: one command a file, `entry` around them, each option declared in `options`."""


def main() -> None:
    """Run the command, as the installed `snapshotter` does."""
    # Imported here, so that the modules of this folder can be had without a command that runs.
    from snapshotter.cli.entry import main as run

    run()
