"""Where an account's API key is read from. No message quotes what may be the key itself."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from snapshotter.errors import UsageError
from snapshotter.settings import KEY_VARIABLE, Key, key_of_file, setting, valid_key
from snapshotter.texts import cleaned

VARIABLE, FILE, CREDENTIAL, KEYRING, ITSELF = (
    *("api_key_env", "api_key_file", "api_key_credential", "api_key_keyring"),
    "api_key",
)
KINDS = (VARIABLE, FILE, CREDENTIAL, KEYRING, ITSELF)
# The words for the sources that a new file may have; a key in the file itself is not one.
KIND_OF = {"file": FILE, "env": VARIABLE, "credential": CREDENTIAL, "keyring": KEYRING}
CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"


@dataclass(frozen=True)
class KeySource:
    """One source of a key: its kind, which is the name of an account's setting, and the value.

    `named_by`: what names the source, in messages: a flag, a variable or a setting. `user`: the
    name under which a keyring has the key. An empty kind is an account without a source.
    """

    kind: str
    value: str = field(repr=False)
    named_by: str
    user: str = ""

    def read(self, environment: Mapping[str, str]) -> Key:
        """Return the key. Raises `UsageError` if the source yields none."""
        match self.kind:
            case "api_key_env":
                return self._of_variable(environment)
            case "api_key_file":
                return key_of_file(Path(self.value), self.named_by)
            case "api_key_credential":
                return self._of_credential(environment)
            case "api_key_keyring":
                return self._of_keyring()
            case "api_key":
                return self._checked(self.value)
            case _:
                raise UsageError(
                    f"{self.named_by}: no source of the API key; add one of {', '.join(KINDS)}"
                )

    def _checked(self, secret: str) -> Key:
        secret = cleaned(secret)
        if not secret:
            raise UsageError(f"{self.named_by} is empty; it must be the API key")
        return valid_key(secret, self.named_by)

    def _of_variable(self, environment: Mapping[str, str]) -> Key:
        secret = setting(environment, self.value)
        if secret:
            return valid_key(secret, self.value)
        if self.named_by == KEY_VARIABLE:
            raise UsageError(f"no API key: set {KEY_VARIABLE}, or name a file with --api-key-file")
        # A key in the place of the variable's name is not quoted.
        is_name = re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+", self.value)
        which = f"the variable {self.value}" if is_name else "the variable that it names"
        raise UsageError(f"{self.named_by}: {which} is not set; set it to the API key")

    def _of_credential(self, environment: Mapping[str, str]) -> Key:
        folder = setting(environment, CREDENTIALS_VARIABLE)
        if not folder:
            raise UsageError(
                f"{self.named_by}: {CREDENTIALS_VARIABLE} is not set; systemd sets it for "
                "a service with LoadCredential=NAME:FILE; elsewhere, set it to the folder of FILE, "
                "whose name must be NAME"
            )
        if not re.fullmatch(r"[\w.@-]{1,255}", self.value, re.ASCII) or self.value in (".", ".."):
            raise UsageError(f"{self.named_by} is not the name of a credential")
        path = Path(folder) / self.value
        if not os.path.lexists(path):
            raise UsageError(
                f"{self.named_by}: systemd passed no such credential; add it to the service with "
                "LoadCredential=NAME:FILE"
            )
        return key_of_file(path, self.named_by, is_private=True)

    def _of_keyring(self) -> Key:
        try:
            import keyring  # noqa: PLC0415 - an extra, and slow to import
        except ImportError:
            raise UsageError(
                f"{self.named_by}: the keyring needs the extra: "
                "pip install 'xplenty-snapshotter[keyring]'"
            ) from None
        try:
            secret = keyring.get_password(self.value, self.user)
        except Exception as error:  # noqa: BLE001 - a backend raises errors of its own libraries
            raise UsageError(
                f"{self.named_by}: the keyring cannot be read ({type(error).__name__}); unlock "
                "it, or choose another source of the key"
            ) from None
        if not secret:
            raise UsageError(
                f"{self.named_by}: the keyring has no such entry; store the key with: "
                f"keyring set SERVICE {self.user}"
            )
        return self._checked(secret)
