"""Requests and answers as values, and the faults that an answer can have."""

import json
from dataclasses import dataclass, field, replace
from email.message import Message
from typing import Any, Literal

GARBLED = "(garbled)"  # as a value in a job: every answer with that job is invalid JSON

Fault = Literal["", "reset", "cut", "drip", "hang"]


@dataclass(frozen=True)
class Request:
    """A request as received; `headers` are looked up regardless of case."""

    method: str
    path: str
    query: dict[str, str]
    query_string: str
    headers: Message


@dataclass(frozen=True)
class Answer:
    """What to send. Date, X-RateLimit-* and Content-Length are added if `headers` lacks them.

    `fault` is what goes wrong on the wire: the connection is reset without an answer (reset); it
    ends after half of the body (cut); the body comes one byte every 50 ms (drip); nothing comes
    until the client disconnects (hang).
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    fault: Fault = ""


def fault(kind: str, body: bytes = b"[]") -> Answer:
    """Return a faulty answer to a request whose correct answer has this body.

    429, 500, 502 (in HTML) and 503 (with `Retry-After: 1`) are errors of that status; html is a
    page with status 200; broken is JSON that ends in the middle; `Answer` describes reset, cut,
    drip and hang. Raises `KeyError` for another kind.
    """
    page = {"Content-Type": "text/html"}, b"<html><body><h1>Bad gateway</h1></body></html>"
    correct = json_answer(200, body)
    answers: dict[str, Answer] = {
        "429": json_answer(429, {"message": "The rate limit is exceeded"}),
        "500": json_answer(500, {"message": "Something went wrong"}),
        "502": Answer(502, *page),
        "503": json_answer(503, {"message": "Down for maintenance"}, {"Retry-After": "1"}),
        "html": Answer(200, *page),
        "broken": replace(correct, body=half(body)),
        "reset": replace(correct, fault="reset"),
        "cut": replace(correct, fault="cut"),
        "drip": replace(correct, fault="drip"),
        "hang": replace(correct, fault="hang"),
    }
    return answers[kind]


def json_answer(status: int, content: Any, headers: dict[str, str] | None = None) -> Answer:
    """Return an answer whose body is this JSON: bytes as they are, anything else encoded."""
    body = content if isinstance(content, bytes) else as_sent(content)
    return Answer(status, {"Content-Type": "application/json", **(headers or {})}, body)


def as_sent(document: Any) -> bytes:
    """Encode a document as JSON, with `GARBLED` unquoted, which makes it invalid."""
    text = json.dumps(document, separators=(",", ":"))
    return text.replace(f'"{GARBLED}"', GARBLED).encode()


def half(body: bytes) -> bytes:
    return body[: len(body) // 2]
