"""Hides a secret in messages, in every form in which a server or a library may print it.

What is stored is masked by `redact`.
"""

import base64
import json
import re
from urllib.parse import quote, quote_plus

HIDDEN = "***"


class Mask:
    """Replaces secrets by stars, in each form that they may have.

    The forms: as they are; in base64 (`key:`, `key`, with and without padding); in hex;
    percent-encoded or escaped as in JSON, with digits in either case. Its own repr is stars, so
    that logging an object that has one cannot reveal a secret.
    """

    def __init__(self, *secrets: str) -> None:
        forms = sorted({form for each in secrets for form in _forms(each)}, key=len, reverse=True)
        self._found = re.compile("|".join(forms)) if forms else None

    def __call__(self, text: str) -> str:
        return text if self._found is None else self._found.sub(HIDDEN, text)

    def __repr__(self) -> str:
        return f"Mask({HIDDEN})"


def _forms(secret: str) -> set[str]:
    """Return the forms as patterns; a short one may be a part of a longer one."""
    if not secret:
        return set()
    exact, any_case = {secret}, {secret.encode().hex()}
    for text in (f"{secret}:", secret):
        for encoded in (base64.b64encode(text.encode()), base64.urlsafe_b64encode(text.encode())):
            exact.add(encoded.decode())
            # The last character before the padding holds bits of what followed, if anything did.
            exact.add(encoded.decode().rstrip("="))
    exact |= {json.dumps(secret, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False)}
    exact |= {form.replace("/", "\\/") for form in exact}
    any_case |= {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    any_case.add("".join(f"%{byte:02x}" for byte in secret.encode()))
    any_case |= {quote(form, safe="") for form in exact}
    # Text that an encoding leaves unchanged keeps its case; only hex digits may have either.
    return {re.escape(form) for form in exact} | {_of_any_case(form) for form in any_case}


def _of_any_case(form: str) -> str:
    """Return a pattern for a text whose percent-encoded bytes, or all of it, are hex digits."""
    if re.fullmatch("[0-9a-f]+", form):
        return f"(?i:{form})"
    return re.sub(
        "%[0-9a-fA-F]{2}",
        lambda found: f"(?i:{found[0]})",
        "".join(char if char == "%" else re.escape(char) for char in form),
    )
