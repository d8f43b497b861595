"""Lines of the log, without the time, the account and the run that end each."""

import re

_MARK = re.compile(r" \[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ[^\]\n]*\]$", re.MULTILINE)


def unmarked(text: str) -> str:
    return _MARK.sub("", text)
