"""What an answer or a fault on the wire means: take it, try again, or give up, with which error.

Also how long to wait before another try: the header `Retry-After`, a number or a date.
"""

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import NamedTuple

import msgspec
import requests

from snapshotter.api import proxies
from snapshotter.api.bodies import HEAD
from snapshotter.errors import (
    AGAIN,
    BadAnswer,
    Failure,
    KeyRefused,
    RequestFailed,
    RequestRefused,
    SnapshotterError,
    Stopped,
    UsageError,
)
from snapshotter.message_mask import Mask
from snapshotter.printable import printable
from snapshotter.settings import ACCOUNT_VARIABLE, API_URL_VARIABLE, KEY_VARIABLE
from snapshotter.times import duration

LONGEST_RETRY_AFTER = 60.0  # seconds; past that the run stops, for the next one to go on
REMAINING = "X-RateLimit-Remaining"
_PASSING = (408, 425)  # time-outs
_FOR_ALL = (402, 405, 406, 415, 426)  # about the account or the way of asking, not about a request
_LONGEST_MESSAGE = 300  # characters
# What names the account and the service: a variable, or a setting of the account in the file.
_ACCOUNT_SETTING = f"{ACCOUNT_VARIABLE} (or account_id in the configuration file)"
_URL_SETTING = f"{API_URL_VARIABLE} (or api_url)"


@dataclass(frozen=True)
class Verdict:
    """What to do about an answer: take it if `error` is None, give up if `pause` is None.

    A pause of 0 leaves the wait to the caller's backoff.
    """

    error: SnapshotterError | None = None
    pause: float | None = None

    def error_with(self, body: bytes) -> SnapshotterError:
        """Return the error with the beginning of the body that it is about."""
        error = self.error or BadAnswer("no error")
        if isinstance(error, RequestFailed | RequestRefused):
            error.body = body[:HEAD]
        if isinstance(error, RequestFailed):
            error.pause = self.pause or 0.0
        return error


class Question(NamedTuple):
    """What was asked, as messages name it, and what they need to know of it.

    `is_of_one`: one job was asked for, not a list. `key_source`: where the key was read from.
    """

    asked: str
    mask: Mask
    is_of_one: bool = False
    key_source: str = KEY_VARIABLE


def judge(response: requests.Response, body: bytes, question: Question) -> Verdict:  # noqa: PLR0911 - a line a status
    """Decide on an answer by its status."""
    asked, mask, is_of_one, key_source = question
    status, retry_after = response.status_code, response.headers.get("Retry-After")
    if status == HTTPStatus.OK:
        return Verdict()
    message = _message(body, mask)
    came = f"{asked}: the API answered {status}{f' ({message})' if message else ''}"
    match status:
        case 403 if is_of_one:
            return Verdict(RequestRefused(f"{came}; the key is not allowed to read this job"))
        case 401 | 403:
            return Verdict(KeyRefused(f"{came}; the key is refused, check {key_source}"))
        case 404:
            return Verdict(UsageError(f"{came}; check {_ACCOUNT_SETTING} and {_URL_SETTING}"))
        case 407:
            return Verdict(UsageError(f"{came}; {proxies.ADVICE}"))
        case 429:
            came += "; the credits of this hour are spent"
            if retry_after is None and response.headers.get(REMAINING) == "0":
                return Verdict(Stopped(f"{came}{AGAIN}"))
            return _later(came, response, Stopped)
        case _ if 300 <= status < 400:  # noqa: PLR2004 - redirects
            return Verdict(
                UsageError(f"{came}, a redirect, which is not followed; check {_URL_SETTING}")
            )
        case _ if 400 <= status < 500 and status not in _PASSING:  # noqa: PLR2004 - refusals
            kind = Failure if status in _FOR_ALL and not is_of_one else RequestRefused
            return Verdict(kind(f"{came}; a retry will not help"))
        case _:  # the server's faults
            return _later(came, response, RequestFailed, is_of_one=is_of_one)


def judge_fault(fault: requests.RequestException, question: Question) -> Verdict:
    """Decide on a request that got no complete answer."""
    asked, mask = question.asked, question.mask
    causes = list(_causes(fault))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Verdict(UsageError(f"{asked}: {untrusted(cause)}"))
    words = mask(" ".join(_words(fault, causes[-1]).split()))
    if isinstance(fault, requests.exceptions.ProxyError):
        refused = re.search(r"Tunnel connection failed: (4\d\d)", words)
        if refused and refused[1] not in ("408", "425", "429"):
            came = f"the proxy refuses to connect ({refused[1]})"
            return Verdict(UsageError(f"{asked}: {came}; {proxies.ADVICE}"))
    if isinstance(fault, proxies.UNUSABLE):
        return Verdict(UsageError(f"{asked}: a proxy that cannot be used; {proxies.ADVICE}"))
    return Verdict(RequestFailed(f"{asked}: {printable(_why(fault, words))}{AGAIN}"), 0.0)


def untrusted(error: ssl.SSLCertVerificationError) -> str:
    """Return why a certificate is refused, and what to do."""
    reason = error.verify_message or "not trusted"
    return (
        f"the certificate of the server, or of a proxy on the way, is refused ({reason}); if it "
        "is right, name the file of its authority in SSL_CERT_FILE, else check "
        f"{_URL_SETTING}, the proxy and this host's clock"
    )


def _later(
    came: str, response: requests.Response, error: type[Stopped], *, is_of_one: bool = False
) -> Verdict:
    pause = _retry_after(response)
    if pause > LONGEST_RETRY_AFTER:
        kind = error if is_of_one else Stopped
        return Verdict(kind(f"{came}; the server asks to wait {duration(pause)}, run again then"))
    return Verdict(error(f"{came}{AGAIN}"), pause)


def _retry_after(response: requests.Response) -> float:
    """Return the seconds that the server asks to wait: a number, or a date by its own clock."""
    asked = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}", asked):
        return float(asked)
    until, now = date(asked), date(response.headers.get("Date"))
    return max(0.0, (until - now).total_seconds()) if until and now else 0.0


def date(header: str | None) -> datetime | None:
    """Return the time that a header names, UTC; None if it names none."""
    try:
        at = parsedate_to_datetime(header or "")
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


class _Message(msgspec.Struct):
    message: str | None = None


def _message(body: bytes, mask: Mask) -> str:
    """Return the API's message, on one line and of bounded length, without the key."""
    if len(body) > HEAD:
        return ""  # no message is that long; to decode it could take many times its bytes
    try:
        answer = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"), type=_Message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    words = answer.message or ""
    return printable(" ".join(mask(words).split())[:_LONGEST_MESSAGE])


def _causes(fault: BaseException) -> Iterator[BaseException]:
    """Yield what a fault was caused by, from the outside in, the library's wrapping included."""
    cause: BaseException | None = fault
    while cause is not None:
        yield cause
        wrapped = getattr(cause, "reason", None)
        inner = next((each for each in cause.args if isinstance(each, BaseException)), None)
        cause = (
            cause.__cause__
            or cause.__context__
            or (wrapped if isinstance(wrapped, BaseException) else inner)
        )


def _words(fault: requests.RequestException, innermost: BaseException) -> str:
    return str(fault if isinstance(fault, requests.Timeout) else innermost)


def _why(fault: requests.RequestException, words: str) -> str:
    """Return on one line what went wrong on the wire, without the library's wrapping."""
    match fault:
        case requests.ConnectTimeout():
            why = "no connection in time"
        case requests.Timeout():
            why = words if words.startswith("no whole answer") else "no answer in time"
        case requests.exceptions.SSLError():
            why = f"TLS failed ({words})"
        case requests.exceptions.ProxyError():
            why = f"no connection by the proxy ({words})"
        case requests.ConnectionError():
            why = f"no connection ({words})"
        case _:
            why = f"the answer was cut short or garbled ({words})"
    return why
