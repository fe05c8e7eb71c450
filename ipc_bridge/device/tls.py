"""TLS towards cameras: the client certificate, and what makes a camera's own one trusted.

One context serves all cameras of an account: each would cost 0.84 MB and 22 ms. The cryptography library is loaded with
the first camera: it takes 10 MB.
"""

from __future__ import annotations

import enum
import hashlib
import os
import secrets
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ipc_bridge.errors import CertificateError, ClientCertificateError, DeviceError, UnreachableError

_LEGACY_CIPHERS = "ALL:!aNULL:!eNULL:@SECLEVEL=0"
_MIN_RSA_BITS = 2048

_OLD = "a camera with firmware this old needs tls.legacy: true"
_CLIENT_CERTIFICATE = "the camera wants the vendor's client certificate, or does not take ours: see account.certificate"
_HUNG_UP = "the camera hung up"
_ADVICE: tuple[tuple[str, str], ...] = (
    # OpenSSL 1.0.2 says no more than this where the client certificate is missing, or no cipher suits both.
    ("HANDSHAKE_FAILURE", f"{_CLIENT_CERTIFICATE}; or it has old firmware, which needs tls.legacy: true"),
    (_HUNG_UP, f"{_CLIENT_CERTIFICATE}; or it has old firmware, which needs tls.legacy: true"),
    ("CERTIFICATE", _CLIENT_CERTIFICATE),
    ("UNKNOWN_CA", _CLIENT_CERTIFICATE),
    ("PROTOCOL_VERSION", _OLD),
    ("UNSUPPORTED_PROTOCOL", _OLD),
    ("TOO_SMALL", _OLD),
    ("LEGACY", _OLD),
    ("WRONG_VERSION_NUMBER", "what listens there speaks no TLS: is it the right port?"),
)
"""What to do about OpenSSL's reasons, by a part of their names; the first that fits."""


class Verify(enum.Enum):
    """How a camera's certificate is judged (``tls.verify``)."""

    PIN = "pin"
    """Trust on first use, by fingerprint; a change is refused."""
    CA = "ca"
    """Signed by the CA file. Its name is not compared: cameras are found by address."""
    OFF = "off"
    """Not at all."""


@dataclass(frozen=True, slots=True)
class Security:
    """How one port of a camera is trusted: a shared context, and the pinned fingerprint where there is one."""

    verify: Verify
    context: ssl.SSLContext
    pin: str | None = None


def make_context(
    verify: Verify,
    ca: Path | None = None,
    *,
    legacy: bool = False,
    certificate: Path | None = None,
    password: str | None = None,
) -> ssl.SSLContext:
    """Return the context for connections to cameras.

    Args:
        verify: how their certificates are judged.
        ca: the CA file for ``Verify.CA``.
        legacy: also accept old ciphers, TLS 1.0 and small keys.
        certificate: the vendor's ``openapi.p12``.
        password: that file's.

    Raises:
        ClientCertificateError: the .p12 or its password cannot be used.
        CertificateError: the CA file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if legacy:
        context.set_ciphers(_LEGACY_CIPHERS)
        # TLS 1.0, which Python does not like to hear by its name; SSL 3 stays off.
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    if verify is Verify.CA:
        try:
            context.load_verify_locations(ca)
        except (OSError, ssl.SSLError) as error:
            raise CertificateError(f"tls.ca: {ca} is no file of CA certificates: {error}") from error
        context.verify_mode = ssl.CERT_REQUIRED
    if certificate is not None:
        _load_client_certificate(context, certificate, password)
    return context


def _load_client_certificate(context: ssl.SSLContext, path: Path, password: str | None) -> None:
    """Give ``context`` the key and certificates of a PKCS #12 file, old RC2-40 ones included."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates  # noqa: PLC0415

    try:
        key, certificate, chain = load_key_and_certificates(path.read_bytes(), (password or "").encode())
    except OSError as error:
        raise ClientCertificateError(f"the client certificate {path} cannot be read: {error.strerror}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ClientCertificateError(
            f"the client certificate {path} cannot be opened: the password (account.certificate_password) is wrong, "
            "or it is no PKCS #12 file"
        ) from error
    if key is None or certificate is None:
        raise ClientCertificateError(f"{path} holds no key with its certificate: ask the vendor for openapi.p12")
    # ssl reads keys from files only. The file is encrypted with a key that only this line of the
    # program ever knew, so that nothing readable lies on the disk, even after a crash.
    passphrase = secrets.token_bytes(32).hex()
    form, encryption = serialization.Encoding.PEM, serialization.BestAvailableEncryption(passphrase.encode())
    pem = key.private_bytes(form, serialization.PrivateFormat.PKCS8, encryption)
    pem += b"".join(item.public_bytes(form) for item in (certificate, *chain))
    try:
        with tempfile.NamedTemporaryFile() as file:
            file.write(pem)
            file.flush()
            context.load_cert_chain(file.name, password=passphrase)
    except ssl.SSLError as error:
        raise ClientCertificateError(
            f"TLS does not accept the client certificate {path}: {error.reason or error}; "
            "old, small keys need tls.legacy: true"
        ) from error
    except OSError as error:
        raise ClientCertificateError(
            f"the client certificate {path} cannot be handed to TLS, which takes a small temporary file: {error}"
        ) from error


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of a DER certificate, lower-case hex."""
    return hashlib.sha256(certificate).hexdigest()


def check_certificate(certificate: bytes | None, security: Security) -> str:
    """Return the fingerprint of what a camera showed in a finished handshake.

    Raises:
        CertificateError: it is not the pinned one, its key is too small, or there is none.
    """
    if certificate is None:
        raise CertificateError("the camera shows no certificate")
    seen = fingerprint(certificate)
    if security.verify is not Verify.PIN:
        return seen
    expected = security.pin
    if expected is not None and seen != expected:
        raise CertificateError(
            f"the camera's certificate has changed (SHA-256 {seen[:16]}..., known is {expected[:16]}...): "
            "after a reset or an exchange accept it with bridge/request/trust; otherwise somebody stands in between",
            seen,
        )
    # OpenSSL looks at keys only where it verifies.
    bits = _rsa_bits(certificate)
    if bits is not None and bits < _MIN_RSA_BITS and security.context.security_level > 0:
        raise CertificateError(f"the camera's key is too small to be safe ({bits} bits): {_OLD}")
    return seen


def _rsa_bits(certificate: bytes) -> int | None:
    """The size of an RSA key; None for another kind, and for what only OpenSSL can read."""
    from cryptography import x509  # noqa: PLC0415 - see above
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key.key_size if isinstance(key, rsa.RSAPublicKey) else None


def explain_failure(address: object, error: OSError) -> DeviceError:
    """Say why there is no TLS connection to ``address``, and what to do about it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if "weak" in error.verify_message:
            return CertificateError(f"the certificate of {address} is refused ({error.verify_message}): {_OLD}")
        return CertificateError(f"the certificate of {address} is not from the CA in tls.ca: {error.verify_message}")
    if isinstance(error, ssl.SSLError):
        reason = error.reason or str(error)
    elif isinstance(error, ConnectionResetError | ConnectionAbortedError | BrokenPipeError):
        reason = _HUNG_UP
    else:
        # The system says it better than asyncio; only what name servers say has negative numbers.
        number = error.errno or 0
        return UnreachableError(f"no connection to {address}: {os.strerror(number) if number > 0 else error}")
    advice = next((f": {text}" for part, text in _ADVICE if part in reason), "")
    return UnreachableError(f"TLS with {address} failed, {reason}{advice}")
