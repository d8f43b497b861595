"""Hides secrets in what is stored: people put passwords into the variables of jobs.

A value whose name looks secret is hidden completely, whatever its type and depth; null stays null.
The `value` beside a `name` or a `key` that looks secret is hidden, too. Text is searched for
secrets: see `secret_text`.
"""

import hmac
import json
import re
from collections.abc import Iterable
from typing import Any

from snapshotter.secret_names import SecretNames
from snapshotter.secret_text import SecretText, may_hold_secrets
from snapshotter.settings import Variables

MASK = "***"
# Objects, by the API; a value of another type may contain any secret.
VARIABLES = ("variables", "dynamic_variables")
_HIDDEN = re.compile(r"\*\*\*|hmac:[0-9a-f]{32}")


class Redaction:
    """Replaces secrets, in one of the modes of `variables`.

    - mask: each is replaced by `***`
    - hash: by `hmac:` and 32 hex digits, an HMAC-SHA256 of its JSON; equal secrets have equal ones
    - keep: nothing is replaced
    - drop: as mask, and objects lose their `variables` and `dynamic_variables`

    Names are matched by `SecretNames`; `more_names` match any part of a name. Raises `ValueError`
    if the key for the hashes is missing.
    """

    def __init__(
        self,
        variables: Variables = "mask",
        more_names: Iterable[str] = (),
        hash_key: str | None = None,
    ) -> None:
        if variables == "hash" and not hash_key:
            raise ValueError("no key for the hashes")
        self._keeps, self._drops = variables == "keep", variables == "drop"
        self._hash_key = (
            hash_key.encode("utf-8", "surrogatepass") if hash_key and variables == "hash" else None
        )
        names = SecretNames(more_names)
        self._looks_secret = names.hides
        self._in_text = SecretText(names, self._hide, VARIABLES if self._drops else ())

    def __call__(self, value: Any) -> Any:
        """Hide the secrets of a JSON value, or of text that could not be parsed as one."""
        return value if self._keeps else self._any(value)

    def text(self, text: str | None) -> str | None:
        """Hide the secrets in text; the words around them stay."""
        return text if text is None or self._keeps else self._in_text(text)

    def may_hide(self, text: str) -> bool:
        """Return whether a text has any sign of a secret that would be hidden."""
        return not self._keeps and may_hold_secrets(text)

    def variables(self, value: Any) -> Any:
        """Hide the secrets of a job's variables; a value that is not an object is one itself."""
        if self._keeps:
            return value
        return None if self._drops else self._named(VARIABLES[0], value)

    def _any(self, value: Any) -> Any:
        match value:
            case str():
                return self._in_text(value)
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

    def _hide(self, value: Any) -> str:
        if isinstance(value, str) and _HIDDEN.fullmatch(value):
            return value  # a rejected record is stored redacted, and read again later
        if self._hash_key is None:
            return MASK
        canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = hmac.digest(self._hash_key, canonical.encode("utf-8", "surrogatepass"), "sha256")
        return f"hmac:{digest.hex()[:32]}"
