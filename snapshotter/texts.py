"""Text as people save it: settings with stray ends, files with a byte order mark, near misses."""

import difflib
from collections.abc import Iterable

from snapshotter.errors import UsageError

_BOM = "\ufeff"


def cleaned(value: str) -> str:
    """Return a setting without the white space, carriage returns and BOM around it."""
    return value.strip(f" \t\r\n\f\v\0\xa0{_BOM}")


def decoded(data: bytes, source: str) -> str:
    """Return the text of a file, without its BOM. Raises `UsageError` unless it is UTF-8."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:200]:
        raise UsageError(f"{source} is not UTF-8 text but UTF-16 or binary; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{source} is not UTF-8 text; save it as UTF-8") from None


def nearest(name: str, names: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` with the name most like this one, or nothing."""
    known = {each.casefold(): each for each in names}
    found = difflib.get_close_matches(name.casefold(), known, n=1, cutoff=0.7)
    return f"; did you mean {known[found[0]]!r}?" if found else ""
