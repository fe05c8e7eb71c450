"""The client certificate, and how a camera's own one is judged."""

from __future__ import annotations

import re
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, load_pem_private_key, pkcs12

from ipc_bridge.device.tls import Verify, check_certificate, fingerprint, make_context
from ipc_bridge.errors import CertificateError, ClientCertificateError
from ipc_bridge.simulator import Identity, KeyType, make_identity, server_context, shared_identity
from tests.device.rig import fingerprint_of, trust, write_p12
from tests.requirements import require_program

OLD_FILE = Path(__file__).with_name("data") / "openapi-rc2-40.p12"


def shown_to_a_camera(client: ssl.SSLContext, authority: bytes) -> bytes | None:
    """The client certificate that a camera sees in a handshake, DER."""
    server = server_context(shared_identity(), authority)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server)
    there = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(3):
        for side in (here, there):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return there.getpeercert(binary_form=True)


def der(identity: Identity) -> bytes:
    return x509.load_pem_x509_certificate(identity.certificate).public_bytes(Encoding.DER)


# The .p12 file.


@pytest.mark.parametrize("kind", ["modern", "3des", "no password"])
def test_a_p12_is_shown_to_the_camera(tmp_path: Path, kind: str) -> None:
    client = make_identity("openapi", KeyType.EC)
    path, password = tmp_path / "openapi.p12", None if kind == "no password" else "päss wörd"
    if kind == "3des":
        path.write_bytes(client.pkcs12("päss wörd"))
    else:
        write_p12(path, client, password or "")
    context = make_context(Verify.PIN, certificate=path, password=password)
    assert shown_to_a_camera(context, client.certificate) == der(client)


def test_a_p12_as_openssl_1_0_2_wrote_it() -> None:
    certificate = pkcs12.load_pkcs12(OLD_FILE.read_bytes(), b"openapi").cert
    assert certificate is not None
    context = make_context(Verify.PIN, certificate=OLD_FILE, password="openapi")
    shown = shown_to_a_camera(context, certificate.certificate.public_bytes(Encoding.PEM))
    assert shown == certificate.certificate.public_bytes(Encoding.DER)


@pytest.mark.parametrize("password", ["fresh", ""])
def test_a_p12_that_openssl_writes_now(tmp_path: Path, password: str) -> None:
    client = make_identity("openapi")
    (tmp_path / "both.pem").write_bytes(client.key + client.certificate)
    command = (
        "pkcs12 -export -legacy -certpbe PBE-SHA1-RC2-40 -keypbe PBE-SHA1-3DES -macalg sha1 -in both.pem -out out.p12"
    )
    program = require_program("openssl")
    subprocess.run(
        [program, *command.split(), "-passout", f"pass:{password}"], cwd=tmp_path, check=True, capture_output=True
    )
    context = make_context(Verify.PIN, certificate=tmp_path / "out.p12", password=password)
    assert shown_to_a_camera(context, client.certificate) == der(client)


def test_the_chain_goes_along(tmp_path: Path) -> None:
    root = make_identity("root", KeyType.EC, authority=True)
    middle = make_identity("middle", KeyType.EC, root, authority=True)
    client = make_identity("openapi", KeyType.EC, middle)
    chain = [x509.load_pem_x509_certificate(middle.certificate)]
    leaf = x509.load_pem_x509_certificate(client.certificate)
    path = tmp_path / "openapi.p12"
    encryption = BestAvailableEncryption(b"secret")
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"openapi", client.load_key(), leaf, chain, encryption))
    context = make_context(Verify.PIN, certificate=path, password="secret")
    # The camera knows the root alone.
    assert shown_to_a_camera(context, root.certificate) == der(client)


@pytest.mark.parametrize("password", ["wrong", "", None])
def test_a_wrong_password(tmp_path: Path, password: str | None) -> None:
    path = write_p12(tmp_path / "openapi.p12", make_identity("openapi", KeyType.EC), "right")
    for file in (path, OLD_FILE):
        with pytest.raises(
            ClientCertificateError, match=r"\.p12 cannot be opened: the password \(account\.certificate_pass"
        ):
            make_context(Verify.PIN, certificate=file, password=password)


@pytest.mark.parametrize(
    "content", [b"", b"not a p12", shared_identity(KeyType.EC).certificate, OLD_FILE.read_bytes()[:900]]
)
def test_a_file_of_another_kind(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "openapi.p12"
    path.write_bytes(content)
    with pytest.raises(ClientCertificateError, match="or it is no PKCS #12 file"):
        make_context(Verify.PIN, certificate=path, password="openapi")


def test_a_file_without_a_key(tmp_path: Path) -> None:
    certificate = x509.load_pem_x509_certificate(shared_identity().certificate)
    path = tmp_path / "openapi.p12"
    path.write_bytes(
        pkcs12.serialize_key_and_certificates(b"x", None, certificate, None, BestAvailableEncryption(b"secret"))
    )
    with pytest.raises(ClientCertificateError, match="holds no key with its certificate"):
        make_context(Verify.PIN, certificate=path, password="secret")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ClientCertificateError, match=r"none\.p12 cannot be read: No such file or directory"):
        make_context(Verify.PIN, certificate=tmp_path / "none.p12")


def test_a_weak_client_key(tmp_path: Path) -> None:
    client = make_identity("openapi", KeyType.WEAK)
    path = write_p12(tmp_path / "openapi.p12", client, "secret")
    with pytest.raises(ClientCertificateError, match=r"EE_KEY_TOO_SMALL; .*tls\.legacy: true"):
        make_context(Verify.PIN, certificate=path, password="secret")
    context = make_context(Verify.PIN, legacy=True, certificate=path, password="secret")
    assert context.security_level == 0


# The key never lies readable on the disk.


@contextmanager
def watched(directory: Path) -> Iterator[list[bytes]]:
    """Every content that a file of ``directory`` ever had, read as it is opened for TLS."""
    contents: list[bytes] = []
    load = ssl.SSLContext.load_cert_chain

    def spy(self: ssl.SSLContext, certfile: str, keyfile: str | None = None, password: str | None = None) -> None:
        contents.extend(file.read_bytes() for file in directory.iterdir())
        load(self, certfile, keyfile, password)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(directory))
        patch.setattr(ssl.SSLContext, "load_cert_chain", spy)
        yield contents


@pytest.mark.parametrize("weak", [False, True], ids=["accepted", "refused"])
def test_what_lies_on_the_disk_is_encrypted_and_goes(tmp_path: Path, weak: bool) -> None:
    client = make_identity("openapi", KeyType.WEAK if weak else KeyType.EC)
    path = write_p12(tmp_path / "openapi.p12", client, "secret")
    directory = tmp_path / "watched"
    directory.mkdir()
    with watched(directory) as contents:
        try:
            make_context(Verify.PIN, certificate=path, password="secret")
            assert not weak
        except ClientCertificateError:
            assert weak
    (content,) = contents
    assert re.findall(rb"-----BEGIN (.*?)-----", content) == [b"ENCRYPTED PRIVATE KEY", b"CERTIFICATE"]
    for guess in (b"secret", b"openapi"):
        with pytest.raises(ValueError, match=r"[Pp]assword|[Dd]ecrypt"):
            load_pem_private_key(content, guess)
    assert list(directory.iterdir()) == []


def test_no_room_for_the_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_p12(tmp_path / "openapi.p12", make_identity("openapi", KeyType.EC), "secret")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(ClientCertificateError, match=r"takes a small temporary file: .*No such file"):
        make_context(Verify.PIN, certificate=path, password="secret")


# The camera's certificate.


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_ca_file_that_is_none(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CertificateError, match=r"tls\.ca: .*ca\.pem is no file of CA certificates"):
        make_context(Verify.CA, path)


def test_legacy_reaches_further_down() -> None:
    context, legacy = make_context(Verify.PIN), make_context(Verify.PIN, legacy=True)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert legacy.minimum_version is ssl.TLSVersion.MINIMUM_SUPPORTED
    assert legacy.options & ssl.OP_NO_SSLv3
    names = {cipher["name"] for cipher in context.get_ciphers()}
    old_names = {cipher["name"] for cipher in legacy.get_ciphers()}
    assert "AES128-SHA" in old_names - names
    # Nobody's certificate is needed for these, or nothing is encrypted at all.
    assert not [name for name in old_names if name.startswith(("ADH", "AECDH", "NULL")) or "NULL" in name]


def test_a_pin() -> None:
    identity = shared_identity(KeyType.EC)
    certificate = der(identity)
    pin = fingerprint_of(identity)
    assert fingerprint(certificate) == pin
    assert check_certificate(certificate, trust()) == pin
    assert check_certificate(certificate, trust(pin=pin)) == pin
    with pytest.raises(CertificateError, match="has changed") as caught:
        check_certificate(certificate, trust(pin="ab" * 32))
    assert caught.value.fingerprint == pin
    assert check_certificate(certificate, trust(Verify.OFF, pin="ab" * 32)) == pin


@pytest.mark.parametrize("verify", [Verify.PIN, Verify.OFF])
def test_no_certificate_at_all(verify: Verify) -> None:
    with pytest.raises(CertificateError, match="shows no certificate"):
        check_certificate(None, trust(verify))


def test_the_size_of_a_pinned_key() -> None:
    weak = der(make_identity("weak", KeyType.WEAK))
    with pytest.raises(CertificateError, match="1024 bits"):
        check_certificate(weak, trust(pin=fingerprint(weak)))
    assert check_certificate(weak, trust(pin=fingerprint(weak), legacy=True)) == fingerprint(weak)
    strong = der(shared_identity())
    assert check_certificate(strong, trust()) == fingerprint(strong)


def test_what_only_openssl_can_read_is_pinned_all_the_same() -> None:
    odd = b"\x30\x03not a certificate that anybody can read"
    assert check_certificate(odd, trust()) == fingerprint(odd)
