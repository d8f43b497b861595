"""`snapshotter recipe` as a user runs it."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Run, assert_one_line
from readme import block

from snapshotter.recipes.recipes import RECIPES
from snapshotter.simulator.account import SimulatedAccount

ODD = 'it\'s 100% "naïve" $HOME, #ü; &'


def test_the_metadata_of_datasette_names_the_database_of_the_url(run: Run) -> None:
    done = run("recipe", "datasette", "--database", "sqlite:////var/lib/my history.db")
    assert (done.returncode, done.stderr) == (0, "")
    assert [*json.loads(done.stdout)["databases"]] == ["my history"]


@pytest.mark.parametrize(
    "url", ["postgresql://reader:hidden@server/history", "mysql://server/history", "sqlite://"]
)
def test_datasette_opens_files_of_sqlite_alone(run: Run, url: str) -> None:
    done = run("recipe", "datasette", "--database", url)
    assert_one_line(done, 2, "Datasette opens files of SQLite")
    assert "hidden" not in done.stderr


@pytest.mark.slow
def test_the_crontab_works_as_printed(tmp_path: Path, account: SimulatedAccount, api: str) -> None:
    """Cron runs the lines by sh, with next to no environment, and mails what they print."""
    account.populate(days=2)
    folder = tmp_path / ODD
    folder.mkdir()
    program = folder / "snapshotter"
    program.symlink_to(Path(sys.executable).with_name("snapshotter"))
    bare = ["env", "-i", f"HOME={tmp_path}", "LOGNAME=joe", "PATH=/usr/bin:/bin"]
    printed = subprocess.run(
        [*bare, str(program), "recipe", "cron"], cwd=folder, check=True, capture_output=True
    ).stdout.decode()
    subprocess.run([*bare, "/bin/sh", "-c", block("recipe:variables")], cwd=folder, check=True)
    written = folder / "snapshotter.env"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    own = written.read_text().replace("your-account", account.account_id)
    own = own.replace("your-key", account.api_key)
    written.write_text(f"{own}XPLENTY_API_URL={api}\n")
    sync, digest = (line for line in printed.splitlines() if line.startswith(("*", "0")))
    mails = [
        subprocess.run(
            [
                *bare,
                "SHELL=/bin/sh",
                "/bin/sh",
                "-c",
                line.split(maxsplit=5)[5].replace("\\%", "%"),
            ],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        )
        for line in (sync, digest)
    ]
    assert [mail.stderr for mail in mails] == ["", ""]
    assert mails[0].stdout == ""
    assert mails[1].stdout.startswith(f"{account.account_id}: ")
    assert (folder / "job_history.db").exists()


def test_no_recipe_prints_a_password(run: Run) -> None:
    url = "postgresql://joe:hunter2@server/history?sslpassword=hunter3"
    for name in RECIPES:
        done = run("recipe", name, SNAPSHOTTER_DATABASE_URL=url, XPLENTY_API_KEY="hunter4")
        assert done.returncode == 0, done.stderr
        assert "hunter" not in done.stdout + done.stderr


CONFIGURATION = """
database = "postgresql://joe:hunter5@server/history"
[accounts.acme]
api_key = "hunter6"
[accounts.beta]
api_key_credential = "beta"
"""


def test_the_configuration_file_is_named_and_none_of_its_secrets(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "snapshotter.toml"
    file.write_text(CONFIGURATION)
    file.chmod(0o600)
    printed = {name: run("recipe", name).stdout for name in RECIPES}
    assert f"sync --quiet --config {file}\n" in printed["cron"]
    assert "\nLoadCredential=beta:/etc/snapshotter/beta\n" in printed["systemd"]
    assert f"snapshotter.toml={file}\n" in printed["kubernetes"]
    assert "hunter" not in "".join(printed.values())
    assert "add the line" not in "".join(printed.values())


def test_the_given_database_is_in_the_command(run: Run) -> None:
    printed = run("recipe", "cron", "--database", "sqlite:///own %.db").stdout
    assert "sync --quiet --database 'sqlite:///own \\%.db'" in printed
    assert "--database" not in run("recipe", "cron").stdout


def test_several_files_are_printed_with_their_names_or_written(run: Run, tmp_path: Path) -> None:
    printed = run("recipe", "systemd", "--user").stdout
    (tmp_path / "units").mkdir()
    done = run("recipe", "systemd", "--user", "-o", "units")
    names = RECIPES["systemd"]
    assert done.stderr == f"{', '.join(names)} in units\n"
    texts = {name: (tmp_path / "units" / name).read_text() for name in names}
    assert "".join(f"# ---- {name}\n{text}" for name, text in texts.items()) == printed


def test_a_file_that_somebody_has_changed_is_kept(run: Run, tmp_path: Path) -> None:
    assert run("recipe", "docker", "-o", ".").returncode == 0
    assert run("recipe", "docker", "-o", ".").returncode == 0
    file = tmp_path / "Dockerfile"
    file.write_text("FROM scratch\n")
    assert_one_line(run("recipe", "docker", "-o", "."), 2, "'Dockerfile' exists and differs")
    assert file.read_text() == "FROM scratch\n"


def test_a_folder_that_is_missing(run: Run) -> None:
    assert_one_line(run("recipe", "docker", "-o", "none"), 2, "there is no folder 'none'")


def test_a_database_in_memory_cannot_be_kept(run: Run) -> None:
    assert_one_line(run("recipe", "cron", "--database", "sqlite://"), 2, "in memory")
