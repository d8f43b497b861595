"""`snapshotter completion` in a real shell, and words that are completed without a sound."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Run

from snapshotter.cli import completion


def installed(folder: Path) -> Path:
    """Write a `snapshotter` into a folder, and return its path."""
    path = shlex.quote(os.environ.get("PYTHONPATH", ""))
    program = folder / "snapshotter"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={path} exec {sys.executable} -m snapshotter "$@"\n')
    program.chmod(0o755)
    return program


def test_the_help_has_a_line_for_each_shell(run: Run) -> None:
    lines = run("completion", "--help").stdout.splitlines()
    assert [line.split()[0] for line in lines if ">~/" in line] == ["bash:", "zsh:", "fish:"]


def test_bash_completes_commands_options_and_trends(run: Run, tmp_path: Path) -> None:
    """The registered function is called as bash calls it: by the name or a path of the command."""
    script = tmp_path / "script"
    script.write_text(run("completion", "bash").stdout)
    program = installed(tmp_path)
    asks = """
        ask() {
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
            _snapshotter_completion "$1"
            echo "${COMPREPLY[*]}"
        }
        complete -p snapshotter
        ask snapshotter comp
        ask "$PROGRAM" trends runtime_by
        ask snapshotter trends --for
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", f". {script}; {asks}"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "PROGRAM": str(program)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "complete -o nosort -F _snapshotter_completion snapshotter",
        "completion",
        "runtime_by_day runtime_by_week",
        "--format",
    ]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_accept_their_scripts(run: Run, tmp_path: Path, shell: str) -> None:
    done = run("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{completion.VARIABLE}={shell}_complete" in done.stdout
    if found := shutil.which(shell):
        script = tmp_path / "script"
        script.write_text(done.stdout)
        subprocess.run([found, "-n", str(script)], check=True)


@pytest.mark.parametrize(
    "asked",
    [
        {},  # no words
        {"COMP_WORDS": "snapshotter 'tr", "COMP_CWORD": "x"},
        {"COMP_WORDS": "snapshotter nonsense x", "COMP_CWORD": "2"},
        {"COMP_WORDS": "snapshotter sync --account x", "COMP_CWORD": "3"},
    ],
)
def test_completing_never_prints_an_error(run: Run, tmp_path: Path, asked: dict[str, str]) -> None:
    (tmp_path / "snapshotter.toml").write_text("[accounts")
    done = run(_SNAPSHOTTER_COMPLETE="bash_complete", **asked)
    assert done.stderr == ""
    assert done.stdout.strip("\n") == ""
