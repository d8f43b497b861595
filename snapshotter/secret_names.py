"""Which names look secret: names of members and variables, and names in free text."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

SECRET_NAMES = (
    *("password", "passwd", "pwd", "passphrase", "secret", "token", "key", "credential"),
    *("auth", "dsn"),
)
SECRET_WORDS = ("pw", "pass", "bearer", "sig", "signature")  # as whole parts: not compass, design
_NAMES_KEPT = 4096  # jobs repeat a few hundred names; an unbounded cache would grow with the jobs
_LONG = 256  # characters of a name that is not cached


def _as_words(words: Iterable[str]) -> Callable[[str], object]:
    """Return a search for a word as a part of a name: `db_pass`, `dbPass`, `PASS2`."""
    either = "|".join(words)
    return re.compile(
        rf"(?:(?<![A-Za-z])|(?<=[a-z])(?=[A-Z]))(?i:{either})(?:(?![A-Za-z])|(?<=[a-z])(?=[A-Z]))"
    ).search


_has_word = _as_words(SECRET_WORDS)
# In text `key: value` may be anything (a primary key, a duplicate key), as may a token count.
_ASSIGNED = re.compile("password|passwd|passphrase|pwd|secret|credential", re.IGNORECASE)
_has_assigned_word = _as_words((*SECRET_WORDS, "dsn"))
_FAULT = re.compile(r"(?:exception|error|failure|warning)\Z", re.IGNORECASE)
_ASSIGNED_END = re.compile(
    r"(?:token|(?<![a-z])auth|(?:api|access|secret|private|account|shared|storage|encryption|master|license"
    r"|service|auth|app|client|subscription|signing|session|ssh|rsa|aes|function|webhook|consumer"
    r"|admin)[-_. ]?keys?)[-_.]?\d{0,3}\Z",
    re.IGNORECASE,
)


class SecretNames:
    """Decides whether a name is secret: by `SECRET_NAMES` and `more` in any part, in any case."""

    def __init__(self, more: Iterable[str] = ()) -> None:
        self.parts = (*SECRET_NAMES, *filter(None, more))
        self._search = re.compile("|".join(map(re.escape, self.parts)), re.IGNORECASE).search
        added = [re.escape(part) for part in self.parts[len(SECRET_NAMES) :]]
        self._search_added = re.compile("|".join(added) or r"(?!)", re.IGNORECASE).search
        self._hides = lru_cache(_NAMES_KEPT)(
            lambda name: bool(self._search(name) or _has_word(name))
        )
        self._hides_assigned = lru_cache(_NAMES_KEPT)(self._looks_assigned)

    def hides(self, name: str) -> bool:
        """Return whether the value of a member or a variable of this name is a secret."""
        return self._hides(name) if len(name) <= _LONG else self._hides_long(name)

    def hides_assigned(self, name: str) -> bool:
        """Return whether a value that is assigned to this name in free text is a secret."""
        return self._hides_assigned(name) if len(name) <= _LONG else self._hides_long(name)

    def _looks_assigned(self, name: str) -> bool:
        if self._search_added(name):
            return True
        if _FAULT.search(name):  # `PasswordExpiredException: …`
            return False
        return bool(
            _ASSIGNED.search(name) or _has_assigned_word(name) or _ASSIGNED_END.search(name)
        )

    def _hides_long(self, name: str) -> bool:
        folded = name.casefold()  # many times faster than a pattern that takes any case
        return any(part.casefold() in folded for part in self.parts) or bool(_has_word(name))
