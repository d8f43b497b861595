"""The command line: one command a file, `entry` around them, each option declared in `options`."""


def main() -> None:
    """Run the command, as the installed `snapshotter` does."""
    # Imported here, so that importing a module of this folder runs nothing else.
    from snapshotter.cli.entry import main as run

    run()
