"""The recipes: files that run this installation, from the templates of this package."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from snapshotter import __version__
from snapshotter.recipes.installation import Installation
from snapshotter.recipes.quoting import FILTERS

EXTRAS = "postgresql,mysql"  # that images are built with
PYTHON = "3.13"


# The files of each recipe; the name of each is that of its template, too.
RECIPES = {
    "cron": ("snapshotter.cron",),
    "systemd": (
        "snapshotter.service",
        "snapshotter.timer",
        "snapshotter-digest.service",
        "snapshotter-digest.timer",
    ),
    "docker": ("Dockerfile",),
    "kubernetes": ("snapshotter.yaml",),
    "github-actions": ("snapshotter.yml",),
    "airflow": ("snapshotter_dag.py",),
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
        file: _environment().get_template(f"{file}.j2").render(values) for file in RECIPES[name]
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
