"""What a camera shows and demands in TLS."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from ipc_bridge.simulator import (
    CameraSettings,
    Identity,
    KeyType,
    SimulatedCamera,
    make_identity,
    shared_authority,
    shared_identity,
)
from tests.simulator.client import PATIENCE, connection, trusting_context


def context_with(client: Identity, directory: Path) -> ssl.SSLContext:
    """TLS that shows the client certificate ``client``."""
    path = directory / "client.pem"
    path.write_bytes(client.key + client.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(path)
    return context


async def test_the_fingerprint_is_that_of_what_it_shows(camera: SimulatedCamera) -> None:
    async with connection(camera) as client:
        shown = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        assert hashlib.sha256(shown).hexdigest() == camera.fingerprint
        assert client.writer.get_extra_info("ssl_object").version() == "TLSv1.2"


async def test_a_demanded_client_certificate(tmp_path: Path) -> None:
    settings = CameraSettings(discovery_port=None, client_authority=shared_authority().certificate)
    right = make_identity("openapi", KeyType.EC, shared_authority())
    wrong = make_identity("openapi", KeyType.EC)
    async with SimulatedCamera(settings) as camera:
        async with connection(camera, context_with(right, tmp_path)) as client:
            assert await client.connect() == 0
        for context in (trusting_context(), context_with(wrong, tmp_path)):
            for port in (camera.channel_port, camera.api_port):
                with pytest.raises((ssl.SSLError, ConnectionError)):
                    async with asyncio.timeout(PATIENCE):
                        await asyncio.open_connection(camera.host, port, ssl=context)
        assert camera.clients == 0


async def test_it_can_be_verified_by_an_authority() -> None:
    authority = make_identity("Somebody's CA", KeyType.EC, authority=True)
    identity = make_identity("SUNMI IPC", KeyType.EC, authority)
    async with SimulatedCamera(CameraSettings(discovery_port=None, identity=identity)) as camera:
        assert await is_trusted(camera, authority.certificate)
        assert not await is_trusted(camera, shared_authority().certificate)


async def test_a_self_signed_certificate_can_be_its_own_authority(camera: SimulatedCamera) -> None:
    assert await is_trusted(camera, camera.certificate)


async def test_a_weak_key_is_refused_unless_allowed() -> None:
    identity = make_identity("SUNMI IPC", KeyType.WEAK)
    async with SimulatedCamera(CameraSettings(discovery_port=None, identity=identity)) as camera:
        assert not await is_trusted(camera, identity.certificate)
        assert await is_trusted(camera, identity.certificate, "DEFAULT:@SECLEVEL=0")


async def is_trusted(camera: SimulatedCamera, authority: bytes, ciphers: str = "DEFAULT:@SECLEVEL=2") -> bool:
    context = ssl.create_default_context(cadata=authority.decode())
    context.check_hostname = False
    context.set_ciphers(ciphers)
    with contextlib.suppress(ssl.SSLError):
        async with connection(camera, context):
            return True
    return False


def test_the_pkcs12_file_opens_with_its_password_only() -> None:
    client = make_identity("openapi", issuer=shared_authority())
    data = client.pkcs12("secret")
    loaded = pkcs12.load_pkcs12(data, b"secret")
    assert loaded.key is not None
    assert loaded.cert is not None
    assert "openapi" in loaded.cert.certificate.subject.rfc4514_string()
    with pytest.raises(ValueError, match=r"[Pp]assword"):
        pkcs12.load_pkcs12(data, b"other")


def test_one_identity_is_shared_and_others_are_not() -> None:
    assert shared_identity() is shared_identity()
    assert make_identity("x", KeyType.EC).fingerprint != make_identity("x", KeyType.EC).fingerprint
    assert "PRIVATE" not in repr(shared_identity())
