"""Whose certificates are trusted, and which are refused before a request is sent."""

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from clock import Impatient
from samples import job
from wire import answer

from snapshotter.api import certificates
from snapshotter.api.client import Client
from snapshotter.errors import UsageError
from snapshotter.settings import Key, Service

ONE = json.dumps(job()).encode()
HTTPS = Service("acme", Key("s3cr3t"), "https://api.example", 5.0)


@pytest.fixture(autouse=True)
def _no_certificates_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in certificates.FILES:
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize(
    "variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"]
)
def test_missing_certificates_are_a_wrong_setting(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "none.pem"))
    with pytest.raises(UsageError, match=rf"{variable}: cannot read .*none\.pem"):
        Client(HTTPS)


def test_a_file_without_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.pem").write_text("nothing\n")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "empty.pem"))
    with pytest.raises(UsageError, match=r"SSL_CERT_FILE: .* it has none in PEM form"):
        Client(HTTPS)


@contextmanager
def tls(folder: Path) -> Iterator[tuple[str, Path, list[bytes]]]:
    """Serve one job over TLS for 127.0.0.1; yield the URL, the certificate, the requests."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    names = ["-subj", "/CN=here", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subprocess.run([*command, *files, *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    connections: list[bytes] = []

    def play(listener: socket.socket) -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            connections.append(b"")
            try:
                with context.wrap_socket(plain, server_side=True) as connection:
                    connections[-1] = connection.recv(65536)
                    answer(body=ONE)(connection, 0)
            except OSError:
                continue

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=play, args=(listener,), daemon=True).start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}", certificate, connections
        listener.shutdown(socket.SHUT_RDWR)


def test_a_refused_certificate_is_asked_for_once(tmp_path: Path) -> None:
    with tls(tmp_path) as (url, _, connections):
        service = Service("acme", Key("s3cr3t"), url, 5.0)
        with pytest.raises(UsageError, match=r"certificate .* is refused \(self.signed"):
            Client(service, clock=Impatient()).job(7)
    assert connections == [b""]


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_certificate_of_ones_own(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tls(tmp_path) as (url, certificate, _):
        monkeypatch.setenv(variable, str(certificate))
        with Client(Service("acme", Key("s3cr3t"), url, 5.0), clock=Impatient()) as client:
            assert client.job(7) is not None


def test_without_a_variable_those_of_requests_are_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert certificates.trusted() is True
    monkeypatch.setenv("SSL_CERT_FILE", "")
    assert certificates.trusted() is True


def test_the_first_variable_and_the_first_folder_that_exists_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path}/none:{tmp_path}/b:{tmp_path}/a")
    assert certificates.trusted() == f"{tmp_path}/b"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", f"{tmp_path}/a")
    assert certificates.trusted() == f"{tmp_path}/a"


def test_the_file_that_certificates_are_checked_against(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert certificates.bundle().read_text().count("BEGIN CERTIFICATE") > 50
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert certificates.bundle() == tmp_path
