"""The recipes, each checked by what will read it: a shell, systemd, Kubernetes' schema, click."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import yaml

from snapshotter.cli.entry import group
from snapshotter.recipes.installation import DatabaseLocation, Installation
from snapshotter.recipes.recipes import RECIPES, render

ROOT = Path(__file__).parent.parent.parent
ODD = 'it\'s 100% "naïve" $HOME, #ü; &'
SQLITE = DatabaseLocation(folder="/srv/data")
ELSEWHERE = DatabaseLocation("postgresql://joe@server/history")
SECRET = DatabaseLocation(is_secret=True)
HERE = Installation(("/opt/x/snapshotter",), "/srv/history", "joe", SQLITE)
INSTALLATIONS = {
    "variables, SQLite": HERE,
    "variables, a server": Installation(("/opt/snapshotter",), "/srv", "root", ELSEWHERE),
    "variables, a password": Installation(("/opt/snapshotter",), "/srv", "joe", SECRET),
    "a file, SQLite": Installation(
        (sys.executable, "-m", "snapshotter"),
        f"/srv/{ODD}",
        "joe",
        SQLITE,
        configuration=f"/etc/{ODD}/s.toml",
        variables=(),
        credentials=("acme", "beta"),
        checkout=f"/src/{ODD}",
    ),
    "a file, a password": replace(
        HERE, database=SECRET, configuration="/etc/s.toml", variables=("ACME_KEY", "BETA_KEY")
    ),
    "a file, no account": replace(HERE, configuration="/etc/s.toml"),
}


@pytest.fixture(params=INSTALLATIONS, ids=lambda name: name.replace(", ", "-").replace(" ", "_"))
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    """Return an installation; its configuration file exists."""
    found: Installation = INSTALLATIONS[request.param]
    if found.configuration is None:
        return found
    folder = tmp_path / Path(found.configuration).parent.name
    folder.mkdir()
    (folder / "s.toml").touch()
    return replace(found, configuration=str(folder / "s.toml"))


def commands(name: str, files: dict[str, str], program: tuple[str, ...]) -> Iterator[list[str]]:
    """Yield the words that follow the program in each command of a recipe."""
    whole = "\n".join(files.values())
    match name:
        case "cron":
            lines = re.findall(r"^[0*].* && (.*)$", whole, re.MULTILINE)
            words = [shlex.split(line.replace("\\%", "%")) for line in lines]
        case "systemd":
            lines = re.findall(r"^ExecStart=(.*)$", whole, re.MULTILINE)
            words = [shlex.split(line.replace("%%", "%").replace("$$", "$")) for line in lines]
        case "docker":
            joined = re.sub(r" \\\n#? *", " ", whole)
            run = re.search(
                r"^# +docker run .* xplenty-snapshotter:\S+ (.*)$", joined, re.MULTILINE
            )
            cmd = re.search(r"^CMD (.*)$", whole, re.MULTILINE)
            assert run is not None
            assert cmd is not None
            words = [[*program, *shlex.split(run[1])], [*program, *json.loads(cmd[1])]]
        case "kubernetes":
            words = [[*program, *container(whole)["args"]]]
        case "github-actions":
            runs = re.findall(r"run: snapshotter ([^|>]*)", whole)
            words = [[*program, *shlex.split(run)] for run in runs]
        case "airflow":
            found = re.search(r"^SYNC = (.*)$", whole, re.MULTILINE)
            assert found is not None
            words = [json.loads(found[1])]
    for each in words:
        assert tuple(each[: len(program)]) == program
        yield each[len(program) :]


def parse(words: list[str]) -> list[str]:
    """Parse words as the command does, without running it; return the names of the commands."""
    at: click.Command = group()
    context = at.make_context("snapshotter", list(words), resilient_parsing=False)
    names = []
    while isinstance(at, click.Group):
        rest = [*context._protected_args, *context.args]  # noqa: SLF001 - as click itself does
        name, found, rest = at.resolve_command(context, rest)
        assert found is not None
        context = found.make_context(name, rest, parent=context)
        names.append(str(name))
        at = found
    return names


def container(manifest: str) -> dict[str, Any]:
    job = [*yaml.safe_load_all(manifest)][-1]
    found: dict[str, Any] = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    return found


@pytest.mark.parametrize("name", RECIPES)
def test_every_command_of_a_recipe_can_be_parsed(name: str, here: Installation) -> None:
    found = [parse(words) for words in commands(name, render(name, here), here.program)]
    assert found[0] == ["sync"]
    assert all(names in (["sync"], ["digest"]) for names in found)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_ends_with_one_line_feed_and_has_no_odd_spaces(
    name: str, here: Installation
) -> None:
    for text in render(name, here).values():
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        assert not re.search(r"[ \t]$|\n\n\n\n", text, re.MULTILINE)


def test_a_password_is_looked_for_where_it_is_safe() -> None:
    variables, file = (INSTALLATIONS[f"{name}, a password"] for name in ("variables", "a file"))
    for name in ("cron", "systemd", "docker"):
        value = "postgresql://..." if name == "docker" else "'postgresql://...'"
        assert f"#   SNAPSHOTTER_DATABASE_URL={value}\n" in "".join(
            render(name, variables).values()
        )
        assert '#   database = "postgresql://..."\n' in "".join(render(name, file).values())
    dag = render("airflow", variables)["snapshotter_dag.py"]
    assert 'get_connection("snapshotter_database")' in dag


@pytest.mark.parametrize("name", ["cron", "systemd", "docker"])
def test_variables_are_read_if_the_file_needs_some(name: str) -> None:
    needed = "".join(render(name, INSTALLATIONS["a file, a password"]).values())
    assert "snapshotter.env" in needed
    assert re.search("^#   ACME_KEY=('...'|...)\n#   BETA_KEY=", needed, re.MULTILINE)
    assert "snapshotter.env" not in "".join(render(name, INSTALLATIONS["a file, SQLite"]).values())


def units(folder: Path, here: Installation, *, for_user: bool) -> list[str]:
    for name, text in render("systemd", here, for_user=for_user).items():
        (folder / name).write_text(text)
    return [str(folder / name) for name in RECIPES["systemd"]]


@pytest.mark.parametrize("for_user", [False, True], ids=["system", "user"])
def test_systemd_accepts_the_units(tmp_path: Path, for_user: bool) -> None:  # noqa: FBT001 - a case
    program = tmp_path / ODD / "snapshotter"
    program.parent.mkdir()
    program.symlink_to("/bin/true")
    here = Installation(
        (str(program),),
        str(tmp_path / ODD),
        "root",
        SQLITE,
        f"/etc/{ODD}/s.toml",
        credentials=("acme",),
    )
    found = shutil.which("systemd-analyze")
    if found is None:
        reason = "no systemd-analyze here: apt-get install systemd"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    paths = units(tmp_path, here, for_user=for_user)
    manager = ["--user"] if for_user else []
    done = subprocess.run(
        [found, "verify", "--man=no", *manager, *paths],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_units_grant_what_a_run_needs_and_no_more() -> None:
    here = INSTALLATIONS["a file, SQLite"]
    service = render("systemd", here)["snapshotter.service"]
    assert (
        f'ReadWritePaths="/srv/{ODD}" /srv/data\n'.replace("%", "%%").replace(
            '"naïve"', '\\"naïve\\"'
        )
        in service
    )
    assert "LoadCredential=acme:/etc/snapshotter/acme\nLoadCredential=beta:" in service
    assert "# The key acme is read from /etc/snapshotter/acme (chmod 600)" in service
    assert "\nUser=joe\n" in service
    assert "LoadCredential" not in render("systemd", here)["snapshotter-digest.service"]
    assert "EnvironmentFile" not in service
    variables = render("systemd", HERE)["snapshotter.service"]
    assert "\nEnvironmentFile=/srv/history/snapshotter.env\n" in variables
    assert "LoadCredential" not in variables


def test_units_of_a_user_ask_for_nothing_that_only_root_may() -> None:
    service = render("systemd", HERE, for_user=True)["snapshotter.service"]
    assert not re.search("^(User|Protect|Private|ReadWritePaths|Capability)", service, re.MULTILINE)
    assert "network-online" not in service


def test_the_credentials_of_a_user_are_in_a_folder_of_the_user() -> None:
    here = INSTALLATIONS["a file, SQLite"]
    service = render("systemd", here, for_user=True)["snapshotter.service"]
    assert "\nLoadCredential=acme:%h/.config/snapshotter/acme\n" in service
    assert "# The key acme is read from ~/.config/snapshotter/acme (chmod 600)" in service


@pytest.mark.parametrize("name", ["cron", "docker", "kubernetes"])
def test_what_cannot_pass_credentials_names_their_accounts(name: str) -> None:
    note = "Only systemd passes credentials: name another source of the key for acme, beta"
    with_credentials = "".join(render(name, INSTALLATIONS["a file, SQLite"]).values())
    assert note in with_credentials
    assert note not in "".join(render(name, HERE).values())


def test_kubernetes_accepts_the_manifest(here: Installation) -> None:
    definitions = json.loads((ROOT / "tests/data/kubernetes.json").read_text())["$defs"]
    documents = [*yaml.safe_load_all(render("kubernetes", here)["snapshotter.yaml"])]
    kinds = [document["kind"] for document in documents]
    assert kinds == ["PersistentVolumeClaim", "CronJob"][here.database.folder is None :]
    for document in documents:
        schema = {"$ref": f"#/$defs/{document['kind']}", "$defs": definitions}
        jsonschema.Draft202012Validator(schema).validate(document)
    job = documents[-1]["spec"]["jobTemplate"]["spec"]
    pod = job["template"]["spec"]
    assert pod["restartPolicy"] == "Never"  # the failure policy needs it, which no schema states
    assert job["podFailurePolicy"]["rules"][1]["onExitCodes"]["values"] == [2, 65, 77]
    mounted = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_the_image_is_built_from_what_the_checkout_has(tmp_path: Path) -> None:
    """The files that the Dockerfile copies are enough to build the wheel."""
    text = render("docker", HERE)["Dockerfile"]
    source = tmp_path / "src"
    source.mkdir()
    copies = re.findall(r"^COPY ([^-].*)$", text, re.MULTILINE)
    for *given, target in map(str.split, copies):
        for each in given:
            if each.endswith("/"):
                shutil.copytree(ROOT / each, source / target)
            else:
                shutil.copy(ROOT / each, source)
    built = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
    subprocess.run(built, cwd=source, check=True, capture_output=True)
    assert len([*source.glob("dist/*.whl")]) == 1


def test_the_image_runs_as_a_plain_user_and_has_no_key() -> None:
    text = render("docker", HERE)["Dockerfile"]
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines.index("USER 10001:10001") < lines.index('ENTRYPOINT ["snapshotter"]')
    assert "STOPSIGNAL SIGTERM" in lines
    assert not [line for line in lines if "XPLENTY" in line or "SNAPSHOTTER_" in line]


@pytest.mark.parametrize(("exit_code", "is_failure"), [(0, False), (75, False), (1, True)])
def test_a_workflow_fails_only_if_somebody_must_look(exit_code: int, is_failure: bool) -> None:  # noqa: FBT001 - a case
    workflow = yaml.safe_load(render("github-actions", HERE)["snapshotter.yml"])
    step = next(s for s in workflow["jobs"]["sync"]["steps"] if "sync" in s.get("run", ""))
    script = f"snapshotter() {{ return {exit_code}; }}\n{step['run']}"
    done = subprocess.run(["bash", "-e", "-c", script], check=False)
    assert bool(done.returncode) is is_failure
    assert step["env"]["XPLENTY_API_KEY"] == "${{ secrets.XPLENTY_API_KEY }}"


def test_a_workflow_never_overlaps_and_pins_what_it_uses() -> None:
    workflow = yaml.safe_load(render("github-actions", HERE)["snapshotter.yml"])
    assert workflow["concurrency"] == {"group": "snapshotter", "cancel-in-progress": False}
    assert workflow["permissions"] == {"contents": "read"}
    used = [step["uses"] for step in workflow["jobs"]["sync"]["steps"] if "uses" in step]
    assert len(used) == 2
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", each) for each in used)


def test_the_dag_is_python(here: Installation) -> None:
    compile(render("airflow", here)["snapshotter_dag.py"], "snapshotter_dag.py", "exec")


DAG = """
import importlib.util, json, os, sys
spec = importlib.util.spec_from_file_location("snapshotter_dag", sys.argv[1])
module = importlib.util.module_from_spec(spec)

spec.loader.exec_module(module)
found = module.snapshotter()
task = found.get_task("sync")
results = {"settings": module.settings()}
for code in (0, 1, 2, 65, 75, 77):
    module.SYNC[:] = ["/bin/sh", "-c", f"echo line; exit {code}"]
    module.FOLDER = "/"
    try:
        task.python_callable()
        results[code] = "success"
    except Exception as error:
        results[code] = type(error).__name__
results["dag"] = [found.dag_id, found.catchup, found.max_active_runs, list(found.task_ids)]
print(json.dumps(results))
"""


@pytest.mark.airflow
@pytest.mark.slow
def test_airflow_imports_the_dag_and_retries_what_passes_by_itself(
    here: Installation, tmp_path: Path
) -> None:
    dag = tmp_path / "snapshotter_dag.py"
    dag.write_text(render("airflow", here)["snapshotter_dag.py"])
    done = subprocess.run(
        [os.environ["AIRFLOW_PYTHON"], "-c", DAG, str(dag)],
        env={
            **os.environ,
            "AIRFLOW_HOME": str(tmp_path / "airflow"),
            "AIRFLOW_CONN_XPLENTY": json.dumps({"login": "acme", "password": "key"}),
            "AIRFLOW_CONN_SNAPSHOTTER_DATABASE": json.dumps({"password": "postgresql://"}),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout.splitlines()[-1])
    settings = {}
    if here.account_is_a_variable:
        settings = {"XPLENTY_ACCOUNT_ID": "acme", "XPLENTY_API_KEY": "key"}
    if here.database.is_secret:
        settings["SNAPSHOTTER_DATABASE_URL"] = "postgresql://"
    assert results.pop("settings") == settings
    assert results.pop("dag") == ["snapshotter", False, 1, ["sync"]]
    assert results == {
        "0": "success",
        **dict.fromkeys(("1", "75"), "AirflowException"),
        **dict.fromkeys(("2", "65", "77"), "AirflowFailException"),
    }
