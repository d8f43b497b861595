"""Fixtures of tests that speak https on loopback."""

from pathlib import Path

import pytest
from middlemen import certificate

from snapshotter.api import certificates


@pytest.fixture
def without_certificates_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset the variables that name files of certificates."""
    for variable in certificates.FILES:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a certificate of loopback, with its key."""
    return certificate(tmp_path_factory.mktemp("trusted"))
