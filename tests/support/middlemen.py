"""What stands between a client and an API in the field: a server's TLS, a proxy. On loopback."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Handle = Callable[[socket.socket], None]
CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def certificate(
    folder: Path, *, days: float = 400, began: float = 1, host: str = "127.0.0.1"
) -> Path:
    """Write a certificate that trusts itself, and its key, into one file; return its path.

    It is valid for `days` from now on, and began to be so `began` days ago.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Invented Authority")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=began))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@contextmanager
def tls(url: str, certificate: Path) -> Iterator[str]:
    """Serve what is at a URL of plain http over TLS; yield the URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    to = _address(url)

    def handle(plain: socket.socket) -> None:
        with (
            context.wrap_socket(plain, server_side=True) as client,
            socket.create_connection(to) as server,
        ):
            _relay(client, server)

    with _listening(handle) as port:
        yield f"https://127.0.0.1:{port}"


class Proxy:
    """A proxy: its URL, and the requests for a tunnel that it got, with their headers."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[str] = []


@contextmanager
def proxy(answer: bytes = CONNECTED) -> Iterator[Proxy]:
    """Serve as a proxy that connects to loopback, or that refuses to with another answer.

    An empty answer keeps the client waiting.
    """
    made = Proxy()

    def handle(client: socket.socket) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            if not (chunk := client.recv(65536)):
                return
            request += chunk
        made.requests.append(request.decode())
        if not answer:
            _drain(client)
            return
        client.sendall(answer)
        if answer == CONNECTED:
            host, _, port = request.split()[1].decode().rpartition(":")
            with socket.create_connection((host, int(port))) as server:
                _relay(client, server)

    with _listening(handle) as port:
        made.url = f"http://127.0.0.1:{port}"
        yield made


@contextmanager
def silent() -> Iterator[int]:
    """Accept connections and never answer; yield the port."""
    with _listening(_drain) as port:
        yield port


@contextmanager
def speaking(words: bytes) -> Iterator[int]:
    """Send these bytes to whoever connects, before it has asked; yield the port."""

    def handle(client: socket.socket) -> None:
        client.sendall(words)
        _drain(client)

    with _listening(handle) as port:
        yield port


def _address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").rpartition(":")
    return host, int(port)


@contextmanager
def _listening(handle: Handle) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, handle), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, handle: Handle) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(client, handle), daemon=True).start()


def _serve(client: socket.socket, handle: Handle) -> None:
    with suppress(OSError), client:
        handle(client)


def _drain(client: socket.socket) -> None:
    """Read until the client stops."""
    while client.recv(65536):
        pass


def _relay(client: socket.socket, server: socket.socket) -> None:
    """Pass bytes on in both directions until both have ended."""
    other = threading.Thread(target=_pump, args=(client, server), daemon=True)
    other.start()
    _pump(server, client)
    other.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
