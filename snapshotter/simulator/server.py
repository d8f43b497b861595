"""The simulated account over HTTP on loopback."""

import socket
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.api import answer
from snapshotter.simulator.faults import Answer, Request, half

_DRIP_PAUSE = 0.05  # seconds
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST at once


@contextmanager
def serve(account: SimulatedAccount) -> Iterator[str]:
    """Serve the account's API on a free port of loopback; yield the base URL, without a path.

    At the end the port is closed and every connection is cut, kept-alive ones too.
    """
    server = _Server(account)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, account: SimulatedAccount) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.account = account
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_RESET)) == _RESET:
            self.close_request(request)  # a shutdown would send FIN before the reset
        else:
            super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._open):
            with suppress(OSError):  # the client closed it first
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a client may disconnect at any time
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # An answer leaves in one write, at once: in two, the second would wait for the delayed ACK.
    disable_nagle_algorithm = True
    wbufsize = 2**20

    def _reply(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        reply = answer(self.server.account, self._request())
        if reply.fault in ("reset", "hang", "cut"):
            self.close_connection = True
        if reply.fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        elif reply.fault == "hang":
            self._ends_within(None)
        else:
            self._send(reply)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _reply  # noqa: N815 - the library's

    def _request(self) -> Request:
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        return Request(self.command, url.path, query, url.query, self.headers)

    def _send(self, reply: Answer) -> None:
        self.send_response_only(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        body = b"" if self.command == "HEAD" else reply.body
        if reply.fault == "drip":
            self._drip(body)
        else:
            self.wfile.write(half(body) if reply.fault == "cut" else body)

    def _drip(self, body: bytes) -> None:
        for byte in body:
            self.wfile.flush()
            if self._ends_within(_DRIP_PAUSE):
                self.close_connection = True
                return
            self.wfile.write(bytes([byte]))

    def _ends_within(self, seconds: float | None) -> bool:
        """Return whether the client or the server ends the connection within this time.

        None waits without a limit.
        """
        self.connection.settimeout(seconds)
        try:
            self.connection.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return False
        finally:
            self.connection.settimeout(None)
        return True

    def log_message(self, *_: Any) -> None:
        """Log nothing: standard error belongs to the command."""
