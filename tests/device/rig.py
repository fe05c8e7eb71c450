"""What the tests of cameras' connections share: trust, an owner of a channel, and servers that are no camera."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from ipc_bridge.device.address import Address
from ipc_bridge.device.channel import Channel
from ipc_bridge.device.tls import Security, Verify, make_context
from ipc_bridge.simulator import Identity, KeyType, SimulatedCamera, server_context, shared_identity
from ipc_bridge.simulator.changes import Changes
from ipc_bridge.wire.frame import Coverage, FrameDecoder, encode_frame
from ipc_bridge.wire.packet import FORMAT, PacketType
from ipc_bridge.wire.session import Dialect
from ipc_bridge.wire.signing import Credentials
from tests.requirements import require_program

HOST = "127.30.0.1"
PATIENCE = 10.0
"""Seconds after which what did not come will not come."""
CREDENTIALS = Credentials("demo-app", "demo-secret")

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def trust(verify: Verify = Verify.PIN, pin: str | None = None, **options: Any) -> Security:
    """A judgement with a context of its own."""
    return Security(verify, make_context(verify, **options), pin)


class Owner:
    """Whoever a channel tells what happens."""

    def __init__(self) -> None:
        self.events: list[bytes] = []
        self.heartbeats = 0
        self._changes = Changes()

    def event(self, payload: bytes) -> None:
        self.events.append(payload)
        self._changes.notify()

    def heartbeat(self) -> None:
        self.heartbeats += 1
        self._changes.notify()

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        await self._changes.wait_for(condition, PATIENCE)


def channel_to(
    address: SimulatedCamera | Address,
    owner: Owner | None = None,
    security: Security | None = None,
    credentials: Credentials = CREDENTIALS,
    keep_alive: int = 30,
    dialect: Dialect | None = None,
) -> Channel:
    """A channel, not opened yet."""
    owner = owner or Owner()
    if isinstance(address, SimulatedCamera):
        address = Address(address.host, address.channel_port)
    return Channel(
        address, security or trust(), credentials, keep_alive, dialect or Dialect(), owner.event, owner.heartbeat
    )


@asynccontextmanager
async def opened(
    address: SimulatedCamera | Address, owner: Owner | None = None, **options: Any
) -> AsyncIterator[Channel]:
    """A channel that is open and subscribed."""
    channel = channel_to(address, owner, **options)
    await channel.open()
    try:
        await channel.subscribe(["face_recog_event", "dynamic_detect_event"])
        yield channel
    finally:
        channel.abort()
        async with asyncio.timeout(PATIENCE):
            await channel.wait_closed()


@asynccontextmanager
async def tls_server(
    handle: Handler, identity: Identity | None = None, limit: int = 2**16, *, plain: bool = False
) -> AsyncIterator[Address]:
    """A TLS server that does with each connection what ``handle`` does; its connections end with it.

    With ``plain`` it speaks no TLS.
    """
    tasks: set[asyncio.Task[Any]] = set()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handle(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            tasks.discard(task)
            writer.transport.abort()

    context = None if plain else server_context(identity or shared_identity(KeyType.EC), None)
    server = await asyncio.start_server(run, HOST, 0, ssl=context, limit=limit)
    try:
        yield Address(HOST, server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def admit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, requests: int = 2) -> None:
    """Answer CONNECT and what follows it with success."""
    decoder = FrameDecoder(FORMAT)
    while requests:
        for frame in decoder.feed(await reader.read(1000)):
            writer.write(packet(PacketType(frame.type + 1), b'{"code": 0}'))
            requests -= 1


def packet(packet_type: PacketType, payload: bytes = b"") -> bytes:
    """One packet as a camera sends it."""
    return encode_frame(FORMAT, packet_type, payload, Coverage.PAYLOAD)


@contextmanager
def openssl_server(directory: Path, identity: Identity, *options: str) -> Iterator[Address]:
    """``openssl s_server``, which ends a handshake with the alerts that a camera sends; asyncio sends none."""
    (directory / "server.pem").write_bytes(identity.key + identity.certificate)
    command = [str(require_program("openssl")), "s_server", "-accept", f"{HOST}:0", "-cert", "server.pem", *options]
    with subprocess.Popen(
        command, cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = next(line for line in process.stdout if line.startswith("ACCEPT"))
            yield Address(HOST, int(line.rpartition(":")[2]))
        finally:
            process.kill()


def write_p12(path: Path, identity: Identity, password: str = "") -> Path:
    """A PKCS #12 file with today's encryption."""
    certificate = x509.load_pem_x509_certificate(identity.certificate)
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        encryption = serialization.BestAvailableEncryption(password.encode())
    path.write_bytes(
        pkcs12.serialize_key_and_certificates(b"openapi", identity.load_key(), certificate, None, encryption)
    )
    return path


def fingerprint_of(identity: Identity) -> str:
    """As a client pins it."""
    return x509.load_pem_x509_certificate(identity.certificate).fingerprint(hashes.SHA256()).hex()
