"""A server that sends exactly the bytes of a script, for answers that no proper server sends."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Script = Callable[[socket.socket, int], None]


def answer(
    status: int = 200, body: bytes = b"", headers: str = "", *, length: int | None = None
) -> Script:
    """Answer with these bytes; `length` is the Content-Length if it is to be wrong."""
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body) if length is None else length}\r\n"

    def send(connection: socket.socket, _number: int) -> None:
        connection.sendall(head.encode() + headers.encode() + b"Connection: close\r\n\r\n" + body)

    return send


def reset(connection: socket.socket, _number: int) -> None:
    """Drop the connection with no answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def drip(start: bytes) -> Script:
    """Send `start`, then a byte at a time until the client hangs up."""

    def send(connection: socket.socket, _number: int) -> None:
        connection.sendall(start)
        connection.settimeout(0.05)
        while True:
            try:
                if not connection.recv(1):
                    return
            except TimeoutError:
                connection.sendall(b" ")

    return send


class Wire:
    """What was asked: the whole request of each connection, headers and all."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[bytes] = []


@contextmanager
def serve(*scripts: Script) -> Iterator[Wire]:
    """Play one script per connection, and repeat the last one."""
    wire = Wire()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        threading.Thread(target=_play, args=(listener, scripts, wire), daemon=True).start()
        yield wire
        listener.shutdown(socket.SHUT_RDWR)


def _play(listener: socket.socket, scripts: tuple[Script, ...], wire: Wire) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            try:
                wire.requests.append(_whole_request(connection))
                number = len(wire.requests) - 1
                scripts[min(number, len(scripts) - 1)](connection, number)
            except OSError:
                continue


def _whole_request(connection: socket.socket) -> bytes:
    """Read a request with its body: to close a connection with unread bytes resets it."""
    request, length = b"", 0
    while b"\r\n\r\n" not in request or len(request.partition(b"\r\n\r\n")[2]) < length:
        if not (chunk := connection.recv(65536)):
            break
        request += chunk
        found = re.search(rb"(?i)\r\nContent-Length: (\d+)\r\n", request)
        length = int(found[1]) if found else 0
    return request
