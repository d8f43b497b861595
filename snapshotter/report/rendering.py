"""Templates as text: every value in them is escaped, unless it is marked as safe here.

Here, and not where they are read, values get the spelling of `printable` as well, which shows
characters that would hide a part of a name or draw it backwards.
"""

import json
import re
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from snapshotter.printable import printable


def render(template: str, **values: object) -> str:
    """Return the template of this name, filled in. A name that it lacks is an error."""
    return _environment().get_template(template).render(values)


def resource(name: str) -> Markup:
    """Return a style sheet or a script of this package as it is."""
    text = files("snapshotter.report").joinpath(name).read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704 - the package's own file, which no data gets into


def data(value: object) -> Markup:
    """Return JSON that can neither end nor comment out the script element that contains it."""
    text = json.dumps(_shown(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    safe = re.sub("[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)
    return Markup(safe)  # noqa: S704 - each character that has a meaning in HTML is escaped


def _shown(value: object) -> object:
    """Return a value with every text in it printable."""
    match value:
        case Markup():
            return value
        case str():
            return printable(value)
        case list() | tuple():
            return [_shown(each) for each in value]
        case dict():
            return {_shown(key): _shown(each) for key, each in value.items()}
        case _:
            return value


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("snapshotter.report"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
