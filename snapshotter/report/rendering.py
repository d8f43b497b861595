"""Templates as text: every value in them is escaped, unless it is marked as safe here."""

import json
import re
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def render(template: str, **values: object) -> str:
    """Return the template of this name, filled in. A name that it lacks is an error."""
    return _environment().get_template(template).render(values)


def resource(name: str) -> Markup:
    """Return a style sheet or a script of this package as it is."""
    text = files("snapshotter.report").joinpath(name).read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704 - the package's own file, which no data gets into


def data(value: object) -> Markup:
    """Return JSON that can neither end nor comment out the script element that contains it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    safe = re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)
    return Markup(safe)  # noqa: S704 - no character is left that HTML gives a meaning


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("snapshotter.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
