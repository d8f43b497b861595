"""`snapshotter completion`: prints the script by which a shell completes the command's words."""

import click
from click.shell_completion import ShellComplete, get_completion_class

from snapshotter.cli.options import Command
from snapshotter.cli.streams import data_output

VARIABLE = "_SNAPSHOTTER_COMPLETE"  # click's name for it; a shell sets it when it asks


@click.command("completion", cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print a script with which the shell completes commands, options, trends and tables.

    \b
    Once, for each later session (`snapshotter` must be on the PATH):
      bash:  snapshotter completion bash >>~/.bashrc   (bash 4.4 or newer)
      zsh:   snapshotter completion zsh >>~/.zshrc     (after its compinit)
      fish:  snapshotter completion fish >~/.config/fish/completions/snapshotter.fish
    """  # noqa: D301 - for the backspace, click leaves the lines as they are
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - the choices are shells that click knows
    script = kind(ctx.find_root().command, {}, "snapshotter", VARIABLE)
    with data_output() as file:
        # Not the method of bash's class, which starts a bash to learn its version.
        file.write(ShellComplete.source(script))
