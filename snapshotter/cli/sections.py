"""`snapshotter --help`: the commands by what one wants to do, each in one line of 80 columns."""

import click

from snapshotter.cli.options import Group

SECTIONS: dict[str, dict[str, str]] = {
    "Set up": {
        "demo": "Try it out with a simulated account.",
        "init": "Ask for what is needed, test it, and write snapshotter.toml.",
        "config": "Print each setting and where it comes from.",
        "recipe": "Print files for cron, systemd, containers and others.",
        "completion": "Print a script that completes words in your shell.",
    },
    "Collect": {
        "sync": "Read what is new into the database; at first, everything.",
        "verify": "Prove that all jobs of the API are stored.",
        "rejects": "List the records that are set aside, or retry them.",
    },
    "Look": {
        "trends": "Show a trend: what became slower, what fails, what waits.",
        "status": "Report how fresh the data is and what is pending.",
    },
    "Share": {
        "digest": "Print what is new, for a mail, a chat or a monitor.",
        "report": "Write one HTML file of findings, charts and tables.",
        "export": "Write tables and trends as CSV, JSON, Parquet or Excel.",
    },
    "Operate": {
        "doctor": "Check everything that can be wrong.",
        "accounts": "List, rename or remove the accounts of the database.",
        "db": "Upgrade, check, copy, back up and prune the database.",
    },
}


class SectionedGroup(Group):
    """The group of all commands, whose help lists them by section."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        lines = {each: line for rows in SECTIONS.values() for each, line in rows.items()}
        cmd.short_help = lines.get(name or cmd.name or "", cmd.short_help)
        super().add_command(cmd, name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of their sections, then those of none."""
        listed = [name for rows in SECTIONS.values() for name in rows if name in self.commands]
        return listed + [name for name in super().list_commands(ctx) if name not in listed]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections; what belongs to none is last, so that it is not lost."""
        names = self.list_commands(ctx)
        others = [name for name in names if not any(name in rows for rows in SECTIONS.values())]
        widest = max(map(len, names))
        for title, listed in {**SECTIONS, "Others": others}.items():
            rows = [
                (name.ljust(widest), self.commands[name].get_short_help_str(formatter.width))
                for name in listed
                if name in self.commands
            ]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
