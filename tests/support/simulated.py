"""The simulated account as its own tests request it."""

import base64
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from snapshotter.simulator.api import ACCEPT

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
JOB_FIELDS = {
    *("id", "status", "owner_id", "progress", "outputs_count", "outputs", "variables"),
    *("dynamic_variables", "created_at", "started_at", "failed_at", "completed_at", "updated_at"),
    *("cluster_id", "cluster", "package_id", "package", "creator", "errors", "runtime_in_seconds"),
    *("attempts", "master_auto_retry_attempts", "url", "html_url", "log_url"),
}
OUTPUT_FIELDS = {
    *("id", "name", "records_count", "progress", "created_at", "updated_at"),
    *("url", "preview_url", "preview_type", "component"),
}
Get = Callable[..., requests.Response]


def ids(response: requests.Response) -> list[int]:
    assert response.status_code == 200, response.text
    return [job["id"] for job in response.json()]


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def asking(url: str, target: str) -> socket.socket:
    """Send a request; the answer is left to be read from the connection."""
    client = socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=10)
    client.sendall(
        f"GET {target} HTTP/1.1\r\nHost: x\r\nAccept: {ACCEPT}\r\n"
        f"Authorization: {basic('demo-key:')}\r\n\r\n".encode()
    )
    return client


def visible(get: Get) -> dict[int, dict[str, Any]]:
    return {job["id"]: job for job in get("jobs", limit=100).json()}
