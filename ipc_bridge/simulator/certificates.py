"""Certificates as the vendor hands them out, made on the spot: none of them protects anything."""

from __future__ import annotations

import datetime as dt
import enum
import functools
import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

_VALIDITY = dt.timedelta(days=3652)
_PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class KeyType(enum.Enum):
    """What key a certificate carries."""

    RSA = "rsa"
    """2,048 bits, as the camera."""
    EC = "ec"
    """P-256: cheap handshakes where hundreds of cameras run on one machine."""
    WEAK = "weak"
    """RSA with 1,024 bits: what a client refuses unless it is told to accept old cameras."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate as 64 lower-case hex digits: what a client pins."""
        return x509.load_pem_x509_certificate(self.certificate).fingerprint(hashes.SHA256()).hex()

    def pkcs12(self, password: str) -> bytes:
        """Return both as a PKCS #12 file with the old ciphers (3DES, SHA-1) of the vendor's own."""
        encryption = (
            serialization.PrivateFormat.PKCS12.encryption_builder()
            .kdf_rounds(2048)
            .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
            .hmac_hash(hashes.SHA1())  # noqa: S303 - the format of the day, nothing is protected by it
            .build(password.encode())
        )
        return pkcs12.serialize_key_and_certificates(
            b"openapi", self.load_key(), x509.load_pem_x509_certificate(self.certificate), None, encryption
        )

    def load_key(self) -> _PrivateKey:
        """Return the private key."""
        key = serialization.load_pem_private_key(self.key, password=None)
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise TypeError(f"a key of the type {type(key).__name__}, RSA or EC is needed")
        return key


def make_identity(
    common_name: str, key_type: KeyType = KeyType.RSA, issuer: Identity | None = None, *, authority: bool = False
) -> Identity:
    """Return a new key and a certificate for it, valid for ten years.

    Args:
        common_name: the certificate's subject.
        key_type: the kind of key.
        issuer: who signs; None for a self-signed certificate, which is what a camera shows.
        authority: whether the certificate may itself issue others.
    """
    key = _make_key(key_type)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + _VALIDITY)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if authority:
        builder = builder.add_extension(_authority_usage(), critical=True)
    signing_key: _PrivateKey = key
    issuer_name = name
    if issuer is not None:
        signing_key = issuer.load_key()
        issuer_name = x509.load_pem_x509_certificate(issuer.certificate).subject
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False
        )
    certificate = builder.issuer_name(issuer_name).sign(signing_key, hashes.SHA256())
    return Identity(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


@functools.cache
def shared_identity(key_type: KeyType = KeyType.RSA) -> Identity:
    """The identity of every camera that is given none of its own: a key takes a tenth of a second to make."""
    return make_identity("SUNMI IPC", key_type)


@functools.cache
def shared_authority() -> Identity:
    """The authority whose client certificates the cameras of this process know; made once."""
    return make_identity("Simulated vendor CA", authority=True)


@functools.lru_cache(maxsize=64)
def server_context(
    identity: Identity, client_authority: bytes | None, newest_tls: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
) -> ssl.SSLContext:
    """Return the TLS side of a camera; cameras with the same identity share it.

    Args:
        identity: the certificate that is shown.
        client_authority: PEM of the authority whose certificate a client must show; None to ask for none.
        newest_tls: the firmware's OpenSSL 1.0.2 knows nothing newer than TLS 1.2.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = newest_tls
    # A camera shows whatever key it has; to refuse a weak one is the client's business.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    # The ssl module reads a key from files only.
    with tempfile.TemporaryDirectory() as directory:
        chain = Path(directory, "camera.pem")
        chain.touch(mode=0o600)
        chain.write_bytes(identity.key + identity.certificate)
        context.load_cert_chain(chain)
    if client_authority is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=client_authority.decode())
    return context


def _make_key(key_type: KeyType) -> _PrivateKey:
    if key_type is KeyType.EC:
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=1024 if key_type is KeyType.WEAK else 2048)


def _authority_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
