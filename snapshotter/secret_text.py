r"""Finds secrets in text, and hides them: what is not secret stays readable.

- the password of a URL, and of Oracle's `user/password@`
- what is assigned to a name that looks secret: `password=…`, `pass: …`, `?sig=…`, `--password …`,
  `<password>…<`, `'api_key' => '…'`, `identified by '…'`
- `Authorization` and `Cookie` headers, and what follows `Bearer` or `Basic`
- private keys in PEM, and keys with a known form (AWS, GitHub, Slack, Google, JWT)
- members of JSON, as in `"name": value`, even escaped (`\"name\": \"value\"`)

If the end of a value cannot be found, the rest of the text is hidden. Every step reads the text
once, and after `MAX_HITS` of a kind the rest is hidden: the work is bounded.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from snapshotter.secret_names import SecretNames

MAX_HITS = 200_000  # names in one text that are checked, which takes about a second
# Characters of text in which objects and arrays are parsed as the value of a name.
_READ_WHOLE = 2**20

# A raw `@` may belong to a password; a quote or `?` after one shows that the URL continues.
_USER = r"(:\\*+/\\*+/[^/\s:@]*+:)(?<!hmac:)"
_MORE = r"(?:@[^/\s@\"?]{1,999}+(?=@))*+"
_PASSWORD_IN_URL = re.compile(
    # A password with a raw `/`, but not a port that a path follows.
    rf"{_USER}(?:[^/\s@]{{1,999}}+(?=@){_MORE}"
    rf"|(?!\d{{1,5}}[/?#\s\"'\\])(?<!\[:)[^\s@\"'<>\\,]{{1,999}}+(?=@){_MORE})"
)
_PASSWORD_OF_ORACLE = re.compile(r"(oracle:[a-z0-9]{1,9}:[^/\s@]{0,255}+/)([^@\s]{1,999}+)(?=@)")
_BEGIN_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,20}-----")
_END_KEY = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,20}-----")
_KNOWN_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:AKIA|ASIA)[A-Z0-9]{12,124}|gh[opusr]_[A-Za-z0-9]{20,255}"
    r"|xox[a-z]-[A-Za-z0-9-]{10,255}|AIza[\w-]{30,40}"
    r"|eyJ[\w-]{8,4096}\.[\w-]{8,8192}\.[\w-]{0,4096})(?![A-Za-z0-9])"
)
_SIGNS_OF_KNOWN = ("AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "xox", "AIza", "eyJ")
_SCHEME = re.compile(
    r"(?<![A-Za-z0-9])([Bb]earer|BEARER|[Bb]asic|BASIC)(\s{1,9})"
    r"(?=[^\s\"'<>,;]{0,99}[0-9A-Z=])(?![A-Z][a-z]*+[\s.,;:])([A-Za-z0-9._~+/-]{6,}+=*+)"
)
_ASSIGNED = re.compile(
    r"(?:(?<![\w.-])|(?<=%3[dD])|(?<=\\u003[dD]))([\w.-]++)(?:\\*+[\"'`])?+\]?+[ \t]*+"
    r"(:=|=>|==?+|:(?!:|\\*+/\\*+/)|>|%3[dD]|\\++u003[dD])[ \t]*+"
)
_FLAG = re.compile(r"(?<![\w-])--?([A-Za-z][\w-]*+) ++(?=[^\s-])")
_SQL = re.compile(r"(?<![\w])(?i:identified\s{1,9}by|password|passwd|pwd)\s{1,9}(?=['\"])")
_HEADER = re.compile(r"(?:authorization|cookie)\Z", re.IGNORECASE)
_SCHEME_WORD = re.compile(r"(?:bearer|basic|token|apikey|negotiate)\s++", re.IGNORECASE)
_LINE = re.compile(r"[^\r\n\"'\\]++")
# A separator ends a value if a space or another assignment follows; else it belongs to it.
_VALUE = re.compile(
    r"(?:[^\s\"'`<>;&,%\\]++|%(?!26[\w.-]{1,64}+%3[dD])|\\(?!\\{0,8}(?:[\"'`]|u0026))"
    r"|[;&,](?!\s|\Z|[\w.%-]{1,64}+\s{0,9}(?:=|%3[dD])))++"
)
_QUOTE = re.compile(r"\\*+[\"'`]")
_HMAC = re.compile("[0-9a-f]{32}")
_ESCAPED = re.compile(r"u00[0-9a-f]{2}|[nrtbf]")
_MEMBER = re.compile(r'(?<!\\)(\\*+")\s*+:\s*+(?=\S)')
# A name with such an escape may be any name.
_SPELLED = re.compile(r"\\u[0-9a-f]{4}", re.IGNORECASE)
_NAME_WINDOW = 300  # characters before the end of a name, in which its start is searched
_JSON = json.JSONDecoder(strict=False)  # a raw line break in a string hashes as anywhere
_AFTER_VALUE = re.compile(r"\s*+(?:[,\]}]|\Z)")
_NO_VALUES = frozenset({"null", "None", "nil", "undefined"})
_LOOKED_AT = 100  # characters of a value in which a letter or digit must be
_BRACKET = re.compile(r"[\[\]{}]")
_MAX_BRACKETS = 1_000


class SecretText:
    """Replaces secrets in text by `hide` of them, which leaves hidden values unchanged.

    `always` are more names of members of JSON that are hidden.
    """

    def __init__(
        self, names: SecretNames, hide: Callable[[Any], str], always: tuple[str, ...] = ()
    ) -> None:
        self._names, self._hide, self._always = names, hide, always

    def __call__(self, text: str) -> str:
        if not may_hold_secrets(text):
            return text
        if "-----BEGIN" in text:
            text = self._private_keys(text)
        if any(sign in text for sign in _SIGNS_OF_KNOWN):
            text = _KNOWN_KEY.sub(lambda found: self._hide(found[0]), text)
        if '"' in text and ":" in text:
            text = self._members(text)
        if "@" in text:
            text = _PASSWORD_IN_URL.sub(self._second, text)
            if "oracle:" in text:
                text = _PASSWORD_OF_ORACLE.sub(self._second, text)
        text = self._each(_ASSIGNED, self._assigned, text)
        if "-" in text and " " in text:
            text = self._each(_FLAG, self._flag, text)
        if "'" in text or '"' in text:
            text = self._each(_SQL, self._sql, text)
        if any(sign in text for sign in ("earer", "asic", "EARER", "ASIC")):
            text = _SCHEME.sub(lambda found: found[1] + found[2] + self._hide(found[3]), text)
        return text

    def _second(self, found: re.Match[str]) -> str:
        """Hide what follows the first group."""
        return found[1] + self._hide(found[0][len(found[1]) :])

    def _private_keys(self, text: str) -> str:
        done: list[str] = []
        at = 0
        while begin := _BEGIN_KEY.search(text, at):
            end = _END_KEY.search(text, begin.end())
            stop = len(text) if end is None else end.end()
            done += text[at : begin.start()], self._hide(text[begin.start() : stop])
            at = stop
        return "".join((*done, text[at:]))

    def _each(
        self,
        pattern: re.Pattern[str],
        find: Callable[[str, re.Match[str]], tuple[int, int] | None],
        text: str,
    ) -> str:
        """Hide each value whose start and end `find` returns for a match of the pattern."""
        done: list[str] = []
        at = kept_to = hits = 0
        while found := pattern.search(text, at):
            hits += 1
            if hits > MAX_HITS:
                return "".join(
                    (*done, text[kept_to : found.end()], self._hide(text[found.end() :]))
                )
            at = found.end()
            if (place := find(text, found)) is not None:
                start, at = place
                done += text[kept_to:start], self._hide(text[start:at])
                kept_to = at
        return "".join((*done, text[kept_to:]))

    def _assigned(self, text: str, found: re.Match[str]) -> tuple[int, int] | None:
        name, sign = found[1], found[2]
        before = text[max(0, found.start() - 2) : found.start()]
        if before.endswith("\\") and (escaped := _ESCAPED.match(name)):
            name = name[escaped.end() :]
        if name.endswith("hmac") and _HMAC.match(text, found.end()):
            return None  # it replaces a secret already
        if sign == ">" and not before.endswith("<"):
            return None
        if sign == ":" and before.endswith("/") and before[:-1].endswith(("/", "\\")):
            return None  # the user or the host of a URL
        is_header = _HEADER.search(name) is not None
        is_key = name in ("key", "KEY", "Key") and sign == "=" and before.endswith(("?", "&"))
        if not (is_header or is_key or self._names.hides_assigned(name)):
            return None
        return _value(text, found.end(), is_header=is_header)

    def _flag(self, text: str, found: re.Match[str]) -> tuple[int, int] | None:
        if not self._names.hides_assigned(found[1]):
            return None
        return _value(text, found.end())

    def _sql(self, text: str, found: re.Match[str]) -> tuple[int, int] | None:
        return _value(text, found.end())

    def _members(self, text: str) -> str:
        """Hide members of JSON; a hidden value gets quotes that are escaped like the name's."""
        done: list[str] = []
        at = kept_to = hits = 0
        while found := _MEMBER.search(text, at):
            hits += 1
            name = _name_before(text, max(at, found.start() - _NAME_WINDOW), found)
            at = found.end()
            if not self._is_hidden(name) and hits <= MAX_HITS:
                continue
            hidden, end = self._member_value(text, at) if hits <= MAX_HITS else (None, 0)
            if hits > MAX_HITS:
                hidden, end = self._hide(text[at:]), len(text)
            if hidden is not None:
                done += text[kept_to:at], f"{found[1]}{hidden}{found[1]}"
                kept_to = end
            at = end
        return "".join((*done, text[kept_to:]))

    def _is_hidden(self, name: str) -> bool:
        return (
            self._names.hides(name)
            or any(always in name for always in self._always)
            or _SPELLED.search(name) is not None
        )

    def _member_value(self, text: str, start: int) -> tuple[str | None, int]:
        """Return the hidden form of the value that begins there (None for null), and its end."""
        if quote := _QUOTE.match(text, start):
            end = _closing(text, quote.end(), quote[0])
            stop = min(len(text), end + len(quote[0]))
            try:
                value = json.loads(text[start:stop], strict=False)
            except ValueError:
                value = text[quote.end() : end]
            return self._hide(value), stop
        is_short = text[start] not in "[{" or len(text) - start <= _READ_WHOLE
        try:
            value, end = _JSON.raw_decode(text, start) if is_short else (None, start)
        except (ValueError, RecursionError):
            end = start
        if end > start and _AFTER_VALUE.match(text, end):
            return (None if value is None else self._hide(value)), end
        return self._hide(text[start:]), len(text)


def may_hold_secrets(text: str) -> bool:
    """Return whether a text has any sign of a secret; most texts have none.

    Searching for single characters is many times faster than any pattern.
    """
    return (
        "=" in text
        or text.count(":") != text.count("://")
        or "@" in text
        or "%" in text
        or ">" in text
        or "--" in text
        or " -" in text
        or "'" in text
        or '"' in text
        or "\\" in text
        or "AKIA" in text
        or "ASI" in text
        or "AIza" in text
        or "eyJ" in text
        or "xox" in text
        or ("gh" in text and "_" in text)
        or "earer" in text
        or "EARER" in text
        or "asic" in text
    )


def _name_before(text: str, begin: int, end: re.Match[str]) -> str:
    """Return the name that a quote ends: back to a quote with at most as many backslashes."""
    window = text[begin : end.start()]
    most = len(end[1]) - 1
    at = len(window)
    while (at := window.rfind('"', 0, at)) >= 0:
        before = window[:at]
        if len(before) - len(before.rstrip("\\")) <= most:
            return window[at + 1 :]
    return window


def _closing(text: str, start: int, quote: str) -> int:
    """Return where a quoted value ends: at an equally escaped quote, or at the end of the text."""
    mark, backslashes = quote[-1], len(quote) - 1
    at = start - 1
    while (at := text.find(mark, at + 1)) >= 0:
        before = at
        while before > start and text[before - 1] == "\\":
            before -= 1
        escapes = at - before
        # In a plain string, an even number of backslashes escape each other.
        is_end = escapes == backslashes or (backslashes == 0 and escapes % 2 == 0)
        if is_end and text.startswith(mark, at + 1) and mark == "'" and not backslashes:
            at += 1  # SQL doubles a quote in a text
        elif is_end:
            return before if backslashes else at
    return len(text)


def _value(text: str, start: int, *, is_header: bool = False) -> tuple[int, int] | None:
    """Return start and end, without quotes, of the value that begins there; None for none."""
    scheme = _SCHEME_WORD if is_header else None
    if quoted := _QUOTE.match(text, start):
        start, end = quoted.end(), _closing(text, quoted.end(), quoted[0])
        if scheme is not None and (word := scheme.match(text, start, end)):
            start = word.end()
        return (start, end) if end > start else None
    if scheme is not None:
        if not (word := scheme.match(text, start)):
            line = _LINE.match(text, start)
            return None if line is None else (start, line.end())
        start = word.end()
    if text.startswith(("{", "["), start):
        return start + 1, _balanced(text, start)
    found = _VALUE.match(text, start)
    if found is None or found[0] in _NO_VALUES:
        return None
    if not any(map(str.isalnum, found[0][:_LOOKED_AT])):
        return None
    return start, found.end()


def _balanced(text: str, start: int) -> int:
    """Return where the bracket that opens there closes, or the end of the text."""
    depth = 0
    for number, found in enumerate(_BRACKET.finditer(text, start)):
        depth += 1 if found[0] in "[{" else -1
        if depth == 0:
            return found.start()
        if number > _MAX_BRACKETS:
            break
    return len(text)
