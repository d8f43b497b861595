"""Options by variables and by the configuration file, through the command."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from click.core import ParameterSource
from command_line import Run, assert_one_line

from snapshotter import logs
from snapshotter.cli.configuration import current
from snapshotter.cli.entry import group
from snapshotter.cli.option_names import Words, commands, setting_name, settings, variable
from snapshotter.configuration import Configuration
from snapshotter.errors import UsageError
from snapshotter.simulator.account import SimulatedAccount

Parse = Callable[..., click.Context]
all_commands = cache(group)


@pytest.fixture
def parse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Parse]:
    """Yield a function that parses a command as `main` does, without running it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logs, "configure", lambda **_: None)
    contexts: list[click.Context] = []

    def parse(
        words: Words, *more: str, file: str | None = None, env: Mapping[str, str] | None = None
    ) -> click.Context:
        path = tmp_path / "snapshotter.toml"
        path.unlink(missing_ok=True)
        if file is not None:
            path.write_text(file)
            path.chmod(0o600)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            command: click.Command = all_commands()
            context = command.make_context("snapshotter", [*words, *more])
            for word in words:
                assert isinstance(command, click.Group)
                command = command.commands[word]
                rest = [*context._protected_args, *context.args][1:]  # noqa: SLF001
                context = command.make_context(word, rest, parent=context)
            contexts.append(context)
            return context

    yield parse
    for context in contexts:
        context.close()


def every_option() -> list[tuple[Words, str]]:
    return [(words, name) for words, each in commands(all_commands()) for name in settings(each)]


def is_run(words: Words) -> bool:
    """Whether the words are a command, and not a group that only other commands follow."""
    command = dict(commands(all_commands()))[words]
    return not isinstance(command, click.Group) or command.invoke_without_command


def option_of(words: Words, name: str) -> click.Option:
    return settings(dict(commands(all_commands()))[words])[name]


def sample(option: click.Option, folder: Path) -> str:
    """Return a text that the option takes."""
    kind = option.type
    if isinstance(kind, click.Choice):
        return str(kind.choices[-1])
    if isinstance(kind, click.File):
        (folder / "ids").write_text("7")
        return str(folder / "ids")
    if expected := getattr(kind, "expected", ""):  # as in "90s, 30m, 2h or 7d"
        return str(expected).split()[-1]
    of_name = {
        "integer": "7",
        "integer range": "2",
        "number": "7.5",
        "day": "2026-01-31",
        "time": "2026-01-31T12:00:00",
        "kinds": "failing,stuck",
        "boolean": "true",
    }
    return of_name.get(kind.name, "sqlite:////x" if option.name == "database_url" else "/x")


def needed(words: Words, but: str, folder: Path) -> list[str]:
    """Return the arguments and options without which a command cannot be parsed."""
    command = dict(commands(all_commands()))[words]
    found = []
    for each in command.params:
        if isinstance(each, click.Argument) and each.required:
            choices = each.type.choices if isinstance(each.type, click.Choice) else ["x"]
            found.append(str(choices[0]))
        elif isinstance(each, click.Option) and each.required and setting_name(each) != but:
            found += [each.opts[-1], sample(each, folder)]
    return found


def value_of(context: click.Context, option: click.Option) -> Any:
    """Return an option's value, made comparable; its source if the command does not get it."""
    value = context.params.get(str(option.name), "no value")
    return value.name if hasattr(value, "read") else value


def by_flag(option: click.Option, text: str) -> list[str]:
    return [option.opts[-1]] if option.is_flag or option.count else [option.opts[-1], text]


@pytest.mark.parametrize(("words", "name"), every_option(), ids=str)
def test_every_option_by_a_flag_a_variable_and_the_file(
    parse: Parse, tmp_path: Path, words: Words, name: str
) -> None:
    option = option_of(words, name)
    text = sample(option, tmp_path)
    rest = needed(words, name, tmp_path)
    if not is_run(words):
        variables = {variable(words, name): text}
        found = parse(words, "command", env=variables)
        assert found.get_parameter_source(str(option.name)) is ParameterSource.ENVIRONMENT
        return
    flag = parse(words, *by_flag(option, text), *rest)
    environment = parse(words, *rest, env={variable(words, name): text})
    value = "true" if option.is_flag else text if option.count else json.dumps(text)
    table = [] if words[0] == "accounts" else [f"[{'.'.join(words)}]"]
    file = parse(words, *rest, file="\n".join([*table, f"{name} = {value}"]))
    sources = [each.get_parameter_source(str(option.name)) for each in (flag, environment, file)]
    assert sources == [
        ParameterSource.COMMANDLINE,
        ParameterSource.ENVIRONMENT,
        ParameterSource.DEFAULT_MAP,
    ]
    values = [value_of(each, option) for each in (flag, environment, file)]
    assert values[1:] == [values[0], values[0]]


def test_every_variable_is_of_one_option() -> None:
    known = [variable(words, name) for words, name in every_option()]
    assert len(known) == len(set(known))


def test_a_flag_before_a_variable_before_the_file_before_the_default(parse: Parse) -> None:
    def overlap(*words: str, **given: Any) -> Any:
        return parse(("sync",), *words, **given).params["overlap"]

    file = "overlap = 7\n[sync]\noverlap = 8"
    env = {"SNAPSHOTTER_SYNC_OVERLAP": "9"}
    assert overlap("--overlap", "10", file=file, env=env) == 10
    assert overlap(file=file, env=env) == 9
    assert overlap(file=file, env={"SNAPSHOTTER_SYNC_OVERLAP": ""}) == 8
    assert overlap(file="overlap = 7") == 7
    assert overlap() == 5


def test_the_variable_of_a_command_before_the_one_of_all(parse: Parse) -> None:
    env = {"SNAPSHOTTER_VARIABLES": "drop", "SNAPSHOTTER_SYNC_VARIABLES": "keep"}
    assert parse(("sync",), env=env).params["variables"] == "keep"
    assert parse(("verify",), env=env).params["variables"] == "drop"


def test_the_nearest_table_decides(parse: Parse) -> None:
    file = "database = 'sqlite:////a'\n[db]\ndatabase = 'sqlite:////b'\n[db.check]\nverbose = 1"
    assert parse(("status",), file=file).params["database_url"] == "sqlite:////a"
    assert parse(("db", "check"), file=file).params["database_url"] == "sqlite:////b"
    own = file.replace("verbose = 1", "database = 'sqlite:////c'")
    assert parse(("db", "check"), file=own).params["database_url"] == "sqlite:////c"


def test_a_command_that_is_called_like_an_option(parse: Parse) -> None:
    file = "[status]\nmax_age = '2h'\n[sync]\nstatus = 'failed'"
    assert parse(("sync",), file=file).params["status"] == "failed"
    assert parse(("export",), "jobs", "-o", "-", file=file).params["status"] is None
    with pytest.raises(UsageError, match=r"status must be a table: \[status\]"):
        parse(("sync",), file="status = 'failed'")


def test_the_file_of_the_demo_is_not_the_database_of_the_others(parse: Parse) -> None:
    file = "database = 'postgresql://host/db'"
    assert parse(("demo",), file=file).params["path"] == Path("demo.db")
    assert parse(("demo",), file="[demo]\ndatabase = '/x.db'").params["path"] == Path("/x.db")


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("databse = 'hunter2'", "unknown setting 'databse' in the top level; did you mean 'data"),
        ("[sync]\nreserve-credits = 1", "'reserve-credits' in [sync]; did you mean 'reserve_cr"),
        ("[sync]\nzzz = 'hunter2'", "unknown setting 'zzz' in [sync]; see 'snapshotter sync --h"),
        ("[status]\nreserve_credits = 1", "unknown setting 'reserve_credits' in [status]"),
        ("[snyc]\nfull = true", "unknown command 'snyc' in the top level; did you mean 'sync'?"),
        ("[db.upgrad]\n", "unknown command 'upgrad' in [db]; did you mean 'upgrade'?"),
        ("[sync.full]\nx = 1", "full in [sync] is a setting, not a table"),
        ("sync = true", "sync must be a table: [sync]"),
        ("[sync]\nconfig = 'x'", "unknown setting 'config' in [sync]"),
        ("[sync]\njob_ids = [7]", "unknown setting 'job_ids' in [sync]"),
        ("[sync]\nhash_key = 'hunter2'", "unknown setting 'hash_key' in [sync]"),
        ("[accounts.acme]\napi_keyfile = 'k'", "did you mean 'api_key_file'?"),
    ],
)
def test_a_name_that_is_unknown_is_refused_by_every_command(
    parse: Parse, file: str, expected: str
) -> None:
    """It names the file and the nearest right name, and does not quote the value."""
    for words in (("status",), ("db", "check"), ("accounts",)):
        with pytest.raises(UsageError) as caught:
            parse(words, file=file)
        message = str(caught.value)
        assert expected in message
        assert "snapshotter.toml: " in message
        assert "hunter2" not in message


def test_an_unknown_name_is_one_line_and_exit_2(run: Run, tmp_path: Path) -> None:
    (tmp_path / "snapshotter.toml").write_text("[sync]\nreserv_credits = 'hunter2'")
    done = run("status")
    assert_one_line(done, 2, "'reserv_credits' in [sync]; did you mean 'reserve_credits'?")
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("overlap = true", "overlap: expected a text or a number, not true or false"),
        ("overlap = 'hunter2'", "overlap: it is not a valid integer"),
        ("overlap = 1.5", "overlap: it is not a valid integer"),
        ("overlap = 5000", "overlap: 5000 is not in the range 0<=x<=1440"),
        ("overlap = -1", "overlap: -1 is not in the range 0<=x<=1440"),
        ("overlap = [5]", "overlap: expected one value, not a list"),
        ("full = 'true'", "full: expected true or false, without quotes"),
        ("full = 1", "full: expected true or false, without quotes"),
        ("verbose = true", "verbose: expected a number, like 1"),
        ("verbose = -1", "verbose: expected a number, like 1"),
        ("since = 12:00:00", "since: expected a day with the time"),
        ("since = 'hunter2'", "since: it is not a time; expected something like 2026-01-31"),
        ("max_time = 'hunter2'", "max_time: it is not a length of time"),
        ("variables = 'hunter2'", "variables: it is not one of mask, hash, keep, drop"),
        ("log_format = 'hunter2'", "log_format: it is not one of 'text', 'json'"),
        ("ids_file = 'none.txt'", "none.txt': No such file"),
        ("status = {a = 1}", "status in [sync] is a setting, not a table"),
    ],
)
def test_a_value_of_a_wrong_type(parse: Parse, setting: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(("sync",), file=f"[sync]\n{setting}")
    message = str(caught.value)
    assert expected in message
    assert "snapshotter.toml: sync." in message or "is a setting" in message
    assert "hunter2" not in message


def test_a_value_at_the_top_level_that_one_command_does_not_take(parse: Parse) -> None:
    assert parse(("digest",), file="format = 'slack'").params["shape"] == "slack"
    with pytest.raises(UsageError, match=r"format: .*; a table of a command sets it for "):
        parse(("trends",), file="format = 'slack'")


@pytest.mark.parametrize(
    ("words", "file", "name", "expected"),
    [
        ("sync", "since = 2026-01-31", "since", "2026-01-31 00:00:00+00:00"),
        ("sync", "since = 2026-01-31T10:00:00+02:00", "since", "2026-01-31 08:00:00+00:00"),
        ("export x -o -", "since = 2026-01-31", "since", "2026-01-31"),
        ("sync", "timeout = 7", "timeout", "7.0"),
        ("sync", "max_time = 90", "max_time", "0:01:30"),
        ("digest", "fail_on = ['stuck', 'failing']", "fail_on", "('stuck', 'failing')"),
        ("digest", "fail_on = 'stuck,failing'", "fail_on", "('stuck', 'failing')"),
        ("status", "account = 'acme'", "account_ids", "('acme',)"),
        ("status", "account = ['acme', 'x']", "account_ids", "('acme', 'x')"),
        ("sync", "package_id = 9223372036854775807", "package_id", "9223372036854775807"),
    ],
)
def test_values_as_toml_has_them(
    parse: Parse, words: str, file: str, name: str, expected: str
) -> None:
    word, *more = words.split()
    assert str(parse((word,), *more, file=f"[{word}]\n{file}").params[name]) == expected


def test_paths_of_the_file_begin_in_its_folder(parse: Parse, tmp_path: Path) -> None:
    """Wherever the command runs, it is the same file; `~` is the user's home."""
    other = tmp_path / "etc" / "own.toml"
    other.parent.mkdir()
    other.write_text(
        "database = 'sqlite:///jobs.db'\napi_key_file = 'a.key'\noutput = 'x.csv'\n"
        "[trends]\nsql_dir = '~/sql'\noutput = '-'\n"
    )

    def found(name: str, *words: str) -> str:
        return str(parse((words[0],), *words[1:], "--config", str(other)).params[name])

    assert found("database_url", "status") == f"sqlite:///{other.parent}/jobs.db"
    assert found("api_key_file", "sync") == f"{other.parent}/a.key"
    assert found("output", "export", "jobs") == f"{other.parent}/x.csv"
    assert found("sql_dir", "trends") == str(Path("~/sql").expanduser())
    assert found("output", "trends") == "-"


@pytest.mark.parametrize(
    "url", ["sqlite:////a/b.db", "sqlite:///:memory:", "postgresql://h/db", "sqlite://", "x"]
)
def test_other_urls_stay_as_they_are(parse: Parse, url: str) -> None:
    assert parse(("status",), file=f"database = '{url}'").params["database_url"] == url


def test_the_file_by_a_flag_before_or_after_the_command(run: Run, tmp_path: Path) -> None:
    (tmp_path / "snapshotter.toml").write_text("not toml")
    (tmp_path / "own.toml").write_text("database = 'sqlite:////none/own.db'")
    for words in (
        ("--config", "own.toml", "status"),
        ("--config=own.toml", "status"),
        ("status", "--config", "own.toml"),
        ("--config", "none.toml", "db", "current", "--config=own.toml"),
        ("accounts", "forget", "x", "--config", "own.toml"),
        ("accounts", "--config", "own.toml"),
    ):
        done = run(*words)
        assert_one_line(done, 1, "/none")
    assert_one_line(run("status", SNAPSHOTTER_CONFIG="own.toml"), 1, "/none")
    assert_one_line(run("status", "--config", "none.toml"), 2, "--config: there is no file")
    assert_one_line(run("status", SNAPSHOTTER_CONFIG="x"), 2, "SNAPSHOTTER_CONFIG: there is no")
    assert_one_line(run("status"), 2, "snapshotter.toml is not valid TOML")


@pytest.mark.parametrize(
    "words",
    ["--help", "--version", "sync --help", "db --help", "accounts --help", "accounts forget -h"],
)
def test_help_needs_no_configuration(run: Run, tmp_path: Path, words: str) -> None:
    (tmp_path / "snapshotter.toml").write_text("not toml")
    assert run(*words.split()).returncode == 0


def test_help_needs_no_file_that_is_named(run: Run) -> None:
    for words in (["--help"], ["sync", "--help"]):
        done = run("--config", "none.toml", *words, SNAPSHOTTER_CONFIG="none")
        assert done.returncode == 0


def test_help_shows_the_defaults_without_the_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "snapshotter.toml").write_text("[sync]\noverlap = 7")
    assert "[default: 5" in run("sync", "--help").stdout


def test_completion_does_not_read_the_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "snapshotter.toml").write_text("not toml")
    done = run(
        _SNAPSHOTTER_COMPLETE="bash_complete", COMP_WORDS="snapshotter sync --fu", COMP_CWORD="2"
    )
    assert "Error" not in done.stderr


def test_a_value_of_a_variable_is_named_by_the_variable_and_not_quoted(run: Run) -> None:
    done = run("sync", SNAPSHOTTER_SYNC_RESERVE_CREDITS="hunter2")
    assert_one_line(done, 2, "'--reserve-credits': it is not a valid integer")
    assert "(in the variable SNAPSHOTTER_SYNC_RESERVE_CREDITS)" in done.stderr
    assert "hunter2" not in done.stderr


@pytest.fixture
def configured(tmp_path: Path, account: SimulatedAccount, api: str) -> Path:
    """Return a file that configures the simulated account under another name."""
    account.add_job(id=7)
    (tmp_path / "acme.key").write_text(account.api_key)
    (tmp_path / "acme.key").chmod(0o600)
    path = tmp_path / "snapshotter.toml"
    path.write_text(
        "database = 'sqlite:///own.db'\n[sync]\nmax_requests = 50\n[accounts.main]\n"
        f"account_id = '{account.account_id}'\napi_url = '{api}'\napi_key_file = 'acme.key'\n"
    )
    return path


def test_a_run_by_the_file_alone(
    run: Run, configured: Path, account: SimulatedAccount, tmp_path: Path
) -> None:
    done = run("sync")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 new" in done.stdout
    assert f" {account.account_id} run " in done.stdout
    assert (tmp_path / "own.db").exists()
    assert run("verify").returncode == 0
    assert configured.exists()


def test_the_environment_comes_before_the_key_and_the_accounts_of_the_file(
    run: Run, configured: Path, account: SimulatedAccount, api: str, tmp_path: Path
) -> None:
    """A key file at the top is for the accounts that name no source of their key."""
    text = configured.read_text()
    (tmp_path / "wrong.key").write_text("wrong-key")
    (tmp_path / "wrong.key").chmod(0o600)
    configured.write_text(f"api_key_file = 'wrong.key'\naccount = 'main'\n{text}")
    assert run("sync").returncode == 0
    without = text.replace("api_key_file = 'acme.key'\n", "")
    configured.write_text(f"api_key_file = 'wrong.key'\n{without}")
    assert_one_line(run("sync"), 77, "check ")
    key = {"XPLENTY_API_KEY": account.api_key}
    assert run("sync", XPLENTY_ACCOUNT_ID=account.account_id, **key).returncode == 0
    configured.write_text(f"account = 'main'\n{without}")
    other = run("sync", XPLENTY_ACCOUNT_ID="other", XPLENTY_API_URL=api, **key)
    assert "/other/" in other.stderr
    assert other.returncode == 2


def test_the_hash_key_of_the_file(run: Run, configured: Path) -> None:
    configured.write_text(f"variables = 'hash'\nhash_key = 'hunter2'\n{configured.read_text()}")
    configured.chmod(0o600)
    done = run("sync", "-vv")
    assert done.returncode == 0, done.stderr
    assert "hunter2" not in done.stdout + done.stderr


def test_reading_commands_take_the_name_of_an_account(
    run: Run, configured: Path, account: SimulatedAccount
) -> None:
    assert run("sync").returncode == 0
    assert configured.exists()
    for words in (
        ("status", "--account", "main"),
        ("trends", "slowest_packages", "--account", "main"),
        ("export", "jobs", "-o", "-", "--account", "main"),
        ("digest", "--account", "main"),
        ("report", "-o", "report.html", "--account", "main"),
        ("status", "--account", account.account_id),
    ):
        done = run(*words)
        assert done.returncode == 0, done.stderr
    named = run("status", SNAPSHOTTER_STATUS_ACCOUNT="main")
    assert (named.returncode, account.account_id in named.stdout) == (0, True)
    assert run("status", "--account", "none").returncode == 2


def test_the_log_is_json_by_the_file_or_a_variable(run: Run, tmp_path: Path) -> None:
    """Also the errors of the command line itself, and if a flag does not ask for text."""
    file = tmp_path / "snapshotter.toml"
    for text, env in (
        ("log_format = 'json'", {}),
        ("[status]\nlog_format = 'json'\n[sync]\nzzz = 1", {}),
        ("", {"SNAPSHOTTER_LOG_FORMAT": "json\r"}),
        ("", {"SNAPSHOTTER_STATUS_LOG_FORMAT": "json"}),
    ):
        file.write_text(text)
        for words in (["status"], ["status", "--none"]):
            done = run(*words, **env)
            assert json.loads(done.stderr)["exit_code"] == done.returncode
        # A flag comes before both.
        for asked in ([*words, "--log-format=text"], ["--log-format", "text", "status"]):
            assert run(*asked, **env).stderr.startswith("snapshotter: ")


def test_steps_are_logged_by_the_file_or_a_variable(
    run: Run, configured: Path, tmp_path: Path
) -> None:
    def levels(*words: str, **env: str) -> set[str]:
        lines = run(*words, "sync", "--log-format", "json", **env).stderr.splitlines()
        return {json.loads(line)["level"] for line in lines[:-1]}

    plain = configured.read_text()
    assert levels() == set()
    assert levels(SNAPSHOTTER_VERBOSE="1") == {"info"}
    assert levels(SNAPSHOTTER_SYNC_VERBOSE="2") == {"info", "debug"}
    configured.write_text(f"verbose = 2\n{plain}")
    assert levels() == {"info", "debug"}
    assert levels("-v") == {"info"}
    assert tmp_path.exists()


def test_outside_a_command_nothing_is_set() -> None:
    assert current() == Configuration()
    assert "SNAPSHOTTER_CONFIG" not in os.environ
