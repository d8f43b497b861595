"""Whose certificates are trusted: what the environment names, checked before a request is sent."""

import os
import ssl
from pathlib import Path

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from snapshotter.errors import UsageError

# In this order; the first two are those of requests, the others those of OpenSSL.
FILES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


def trusted() -> str | bool:
    """Return the path of the certificates to trust; True for those that come with requests.

    Raises `UsageError` when a variable names what is missing or cannot be read.
    """
    for variable in FILES:
        given = os.environ.get(variable, "")
        if not given:
            continue
        paths = given.split(os.pathsep) if variable == "SSL_CERT_DIR" else [given]
        path = next((path for path in paths if Path(path).exists()), paths[0])
        _check(variable, path)
        return path
    return True


def bundle() -> Path:
    """Return the file or folder of the certificates to trust. Raises `UsageError` as `trusted`."""
    found = trusted()
    return Path(DEFAULT_CA_BUNDLE_PATH) if isinstance(found, bool) else Path(found)


def _check(variable: str, path: str) -> None:
    wrong = f"{variable}: cannot read the certificates in {path!r}"
    try:
        if Path(path).is_dir():
            os.listdir(path)  # noqa: PTH208 - only whether that may be done
            return
        ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        raise UsageError(f"{wrong}: it has none in PEM form") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise UsageError(f"{wrong}: {reason}; correct the path, or unset it") from None
