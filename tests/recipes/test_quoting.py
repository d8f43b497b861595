"""Words survive the formats that recipes are written in."""

import csv
import json
import re
import subprocess

import pytest

from snapshotter.errors import UsageError
from snapshotter.recipes import quoting

ODD = ["a b", "100%", "it's", 'a "b"', "$HOME", "`id`", "naïve ü", "a;b&c|d", "#x", "*", "~", "-x"]


def test_cron_and_a_shell_see_the_words() -> None:
    """Cron ends a line at a bare %, and drops the backslash of an escaped one."""
    line = quoting.cron(["printf", "%s|", *ODD])
    assert re.sub(r"\\%", "", line).count("%") == 0
    done = subprocess.run(
        ["sh", "-c", line.replace("\\%", "%")], capture_output=True, text=True, check=True
    )
    assert done.stdout == "".join(f"{word}|" for word in ODD)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["/bin/x", "a"], "/bin/x a"),
        (["/a b/x", "c d"], '"/a b/x" "c d"'),
        (["/a$b/100%", "$c", "5%"], "/a$b/100%% $$c 5%%"),
        (["/x", 'a"b', "it's", ";"], '/x "a\\"b" "it\'s" ";"'),
        (["/it's/x", "a"], '/bin/sh -c "exec \\"$$0\\" \\"$$@\\"" "/it\'s/x" a'),
        (["/x", ""], '/x ""'),
    ],
)
def test_commands_of_systemd(words: list[str], expected: str) -> None:
    assert quoting.systemd_words(words) == expected


def test_settings_of_systemd() -> None:
    assert quoting.systemd_path("/a b/$c/100%") == '"/a b/$c/100%%"'
    assert quoting.systemd_line("/a b/$c/100%") == "/a b/$c/100%%"


def test_a_mount_of_docker() -> None:
    """Docker reads the value as a line of CSV."""
    done = subprocess.run(
        ["sh", "-c", "printf %s " + quoting.mount('/a b,c/"d"')],
        capture_output=True,
        text=True,
        check=True,
    )
    assert next(csv.reader([done.stdout])) == [
        "type=bind",
        'source=/a b,c/"d"',
        'target=/a b,c/"d"',
    ]


def test_literals() -> None:
    assert json.loads(quoting.literal(ODD)) == ODD
    assert quoting.literal("ü") == '"ü"'


@pytest.mark.parametrize("path", ["/a\nb", "/a\\b", "/a\x1b", "/a\udcff"])
def test_what_cannot_be_written_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match=r"the folder .* choose another"):
        quoting.refuse_unwritable(path, "the folder")
