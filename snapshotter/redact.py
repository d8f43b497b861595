r"""Hides secrets in what is stored: people put passwords into the variables of jobs.

A value whose name looks secret is hidden whole, whatever it is and at any depth; null stays null.
So is the password in a URL, and the `value` beside a `name` or a `key` that looks secret.

Text is read for names too, as in `"name": value`: a record that is no JSON, or a string that holds
JSON of its own, even escaped (`\"name\": \"value\"`). That is the best that can be done, no more:
text has no depth, so in it `variables` are known by the names of their members alone, pairs of a
name and a value are not seen, and a value whose end cannot be told hides all that follows it.
"""

import hmac
import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Literal

MASK = "***"
SECRET_NAMES = (
    *("password", "passwd", "pwd", "passphrase", "secret", "token", "key", "credential"),
    *("auth", "dsn"),
)
VARIABLES = ("variables", "dynamic_variables")  # objects, by the API; anything else may hold any
_NAMES_KEPT = 4096  # jobs repeat a few hundred names; a cache with no end would grow with the jobs
# A raw `@` in a password belongs to it; past one, a quote or `?` shows that the URL has gone on.
_PASSWORD_IN_URL = re.compile(r"(:\\*/\\*/[^/\s:@]*:)([^/\s@]+(?:@[^/\s@\"?]+)*)(?=@)")
_JSON = json.JSONDecoder(strict=False)  # a raw line break in a string hashes as anywhere
_QUOTED = re.compile(r'(\\*")(.*?)(?<!\\)\1', re.DOTALL)  # to a quote escaped as often
_HIDDEN = re.compile(r"\*\*\*|hmac:[0-9a-f]{32}")
_AFTER_VALUE = re.compile(r"\s*(?:[,\]}]|\Z)")


class Redaction:
    """Replaces secrets, as `variables` says.

    - mask: each is replaced by `***`
    - hash: by `hmac:` and 32 hex digits, an HMAC-SHA256 of its JSON: equal under one key when equal
    - keep: nothing is replaced
    - drop: as mask, and objects lose their `variables` and `dynamic_variables` whole

    Names are matched in any case, by parts: `SECRET_NAMES` and `more_names`. Raises `ValueError`
    when there is no key to hash by.
    """

    def __init__(
        self,
        variables: Literal["mask", "hash", "keep", "drop"] = "mask",
        more_names: Iterable[str] = (),
        hash_key: str | None = None,
    ) -> None:
        if variables == "hash" and not hash_key:
            raise ValueError("no key to hash by")
        self._keeps, self._drops = variables == "keep", variables == "drop"
        self._hash_key = (
            hash_key.encode("utf-8", "surrogatepass") if hash_key and variables == "hash" else None
        )
        parts = [re.escape(name) for name in (*SECRET_NAMES, *more_names) if name]
        search = re.compile("|".join(parts), re.IGNORECASE).search
        self._looks_secret = lru_cache(_NAMES_KEPT)(lambda name: search(name) is not None)
        # A name that is spelled with \u may be any.
        in_text = "|".join([*parts, r"\\u[0-9a-f]{4}", *(VARIABLES if self._drops else ())])
        self._name_in_text = re.compile(
            rf'(?:{in_text})(?:[^"\\]|\\.){{0,200}}?(\\{{0,9}}")\s*:\s*(?=\S)',
            re.IGNORECASE | re.DOTALL,
        )

    def __call__(self, value: Any) -> Any:
        """Hide the secrets of a JSON value, or of text that should have been one."""
        return value if self._keeps else self._any(value)

    def variables(self, value: Any) -> Any:
        """Hide the secrets of a job's variables, which are an object; what is none is a secret."""
        if self._keeps:
            return value
        return None if self._drops else self._named(VARIABLES[0], value)

    def _any(self, value: Any) -> Any:
        match value:
            case str():
                return self._text(value)
            case dict():
                return self._object(value)
            case list():
                return [self._any(item) for item in value]
            case _:
                return value

    def _object(self, value: dict[str, Any]) -> dict[str, Any]:
        hidden = {
            name: self._named(name, item)
            for name, item in value.items()
            if not (self._drops and name in VARIABLES)
        }
        if value.get("value") is not None and any(
            isinstance(name, str) and self._looks_secret(name)
            for name in (value.get("name"), value.get("key"))
        ):
            hidden["value"] = self._hide(value["value"])
        return hidden

    def _named(self, name: str, value: Any) -> Any:
        if value is None:
            return None
        if self._looks_secret(name) or (name in VARIABLES and not isinstance(value, dict)):
            return self._hide(value)
        return self._any(value)

    def _text(self, text: str) -> str:
        if '"' in text and ":" in text:
            text = self._named_in_text(text)
        if "@" in text:
            text = _PASSWORD_IN_URL.sub(lambda found: found[1] + self._hide(found[2]), text)
        return text

    def _named_in_text(self, text: str) -> str:
        done, at = "", 0
        while found := self._name_in_text.search(text, at):
            start, quote = found.end(), found[1]
            hidden, end = self._value_in_text(text, start)
            hidden = text[start:end] if hidden is None else f"{quote}{hidden}{quote}"
            done += text[at:start] + hidden
            at = end
        return done + text[at:]

    def _value_in_text(self, text: str, start: int) -> tuple[str | None, int]:
        """Give what stands for the value that begins there, and its end; None for null."""
        try:
            value, end = _JSON.raw_decode(text, start)
            if isinstance(value, str) or _AFTER_VALUE.match(text, end):
                return (None if value is None else self._hide(value)), end
        except (ValueError, RecursionError):
            if quoted := _QUOTED.match(text, start):
                return self._hide(quoted[2]), quoted.end()
        return self._hide(text[start:]), len(text)

    def _hide(self, value: Any) -> str:
        if isinstance(value, str) and _HIDDEN.fullmatch(value):
            return value  # a record that was set aside is read again as it is kept
        if self._hash_key is None:
            return MASK
        canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = hmac.digest(self._hash_key, canonical.encode("utf-8", "surrogatepass"), "sha256")
        return f"hmac:{digest.hex()[:32]}"
