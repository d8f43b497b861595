"""The recipes: files that run this installation, from the templates of this package."""

from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from snapshotter import __version__
from snapshotter.recipes.installation import Installation
from snapshotter.recipes.quoting import FILTERS

EXTRAS = "postgresql,mysql"  # that images are built with
PYTHON = "3.13"


@dataclass(frozen=True)
class Recipe:
    """What a recipe is for, and its files: the name of each is that of its template, too."""

    purpose: str
    files: tuple[str, ...]


RECIPES = {
    "cron": Recipe(
        "lines for a crontab: a sync every 15 minutes, a daily digest", ("snapshotter.cron",)
    ),
    "systemd": Recipe(
        "services and timers of systemd: a sync every 15 minutes, a daily digest",
        (
            "snapshotter.service",
            "snapshotter.timer",
            "snapshotter-digest.service",
            "snapshotter-digest.timer",
        ),
    ),
    "docker": Recipe("a Dockerfile, and the command that runs its image", ("Dockerfile",)),
    "kubernetes": Recipe("a CronJob for Kubernetes", ("snapshotter.yaml",)),
    "github-actions": Recipe("a scheduled workflow of GitHub Actions", ("snapshotter.yml",)),
    "airflow": Recipe("a DAG of Apache Airflow", ("snapshotter_dag.py",)),
}


def render(name: str, installation: Installation, *, for_user: bool = False) -> dict[str, str]:
    """Return the texts of a recipe's files by their names.

    `for_user`: units for the user's own systemd instead of the system's.
    """
    values = {
        "here": installation,
        "for_user": for_user,
        "version": __version__,
        "extras": EXTRAS,
        "python": PYTHON,
    }
    return {
        file: _environment().get_template(f"{file}.j2").render(values)
        for file in RECIPES[name].files
    }


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("snapshotter.recipes"),
        autoescape=False,  # noqa: S701 - no HTML: each value gets the spelling of its format
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(FILTERS)
    return environment
