"""One TLS context for all cameras of an account."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipc_bridge.bridge.security import TlsContexts
from ipc_bridge.config import Account, Tls
from ipc_bridge.device.tls import Verify
from ipc_bridge.errors import CertificateError, ClientCertificateError
from ipc_bridge.simulator import make_identity


def account(certificate: Path | None = None, password: str | None = None) -> Account:
    return Account(app_id="a", secret_key="s", certificate=certificate, certificate_password=password)


def test_cameras_of_an_account_share_a_context() -> None:
    contexts = TlsContexts(Tls(verify="pin"))
    one, two = contexts.security(account(), "ab"), contexts.security(account(), None)
    assert one.context is two.context
    assert (one.verify, one.pin, two.pin) == (Verify.PIN, "ab", None)


def test_another_certificate_is_another_context(tmp_path: Path) -> None:
    path = tmp_path / "openapi.p12"
    path.write_bytes(make_identity("openapi").pkcs12("right"))
    contexts = TlsContexts(Tls(verify="off"))
    with_certificate = contexts.security(account(path, "right"), None)
    assert with_certificate.context is not contexts.security(account(), None).context
    assert with_certificate.context is contexts.security(account(path, "right"), None).context
    assert with_certificate.verify is Verify.OFF


def test_a_certificate_that_is_mended_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "openapi.p12"
    contexts = TlsContexts(Tls())
    with pytest.raises(ClientCertificateError):
        contexts.security(account(path, "right"), None)
    path.write_bytes(make_identity("openapi").pkcs12("right"))
    assert contexts.security(account(path, "right"), None).verify is Verify.PIN


def test_a_ca_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nonsense", encoding="utf-8")
    with pytest.raises(CertificateError, match=r"tls\.ca"):
        TlsContexts(Tls(verify="ca", ca=tmp_path / "ca.pem")).security(account(), None)
