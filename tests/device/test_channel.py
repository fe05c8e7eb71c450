"""One connection to one camera, over real TLS."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from ipc_bridge.device import channel as channel_module
from ipc_bridge.device.address import Address
from ipc_bridge.device.channel import HandshakeLostError
from ipc_bridge.device.tls import Verify
from ipc_bridge.errors import CertificateError, RefusedError, UnreachableError
from ipc_bridge.simulator import (
    MOTION_MODEL,
    CameraSettings,
    KeyType,
    SimulatedCamera,
    make_identity,
    shared_authority,
)
from ipc_bridge.wire import session as session_module
from ipc_bridge.wire.frame import Coverage
from ipc_bridge.wire.packet import DETECT_EVENT, FACE_EVENT, PacketType
from ipc_bridge.wire.session import Dialect
from ipc_bridge.wire.signing import Credentials
from tests.device.rig import (
    HOST,
    PATIENCE,
    Owner,
    admit,
    channel_to,
    opened,
    openssl_server,
    packet,
    tls_server,
    trust,
    write_p12,
)
from tests.loops import LOOPS


@pytest.fixture
async def camera() -> AsyncIterator[SimulatedCamera]:
    async with SimulatedCamera(CameraSettings(host="127.30.1.1", discovery_port=None)) as camera:
        yield camera


def settings(**changes: object) -> CameraSettings:
    return CameraSettings(host="127.30.1.2", discovery_port=None, **changes)  # type: ignore[arg-type] # any of its fields


# A life in order.


async def test_from_connect_to_disconnect(camera: SimulatedCamera, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "ipc_bridge.simulator")
    owner = Owner()
    channel = channel_to(camera, owner)
    await channel.open()
    assert channel.is_open
    assert channel.fingerprint == camera.fingerprint
    assert channel.peer_host == "127.30.1.1"
    await channel.subscribe([FACE_EVENT, DETECT_EVENT])
    face, motion = camera.emit_face(), camera.emit_motion()
    await owner.wait_until(lambda: len(owner.events) == 2)
    assert [json.loads(event)["event_id"] for event in owner.events] == [face, motion]
    channel.acknowledge(face)
    await camera.wait_for_acknowledged(1)
    assert list(camera.acknowledged) == [face]
    channel.close()
    await camera.wait_for_no_client()
    assert "closed by the bridge" in str(await channel.wait_closed())
    assert not channel.is_open


async def test_disconnect_is_said_before_hanging_up() -> None:
    received = bytearray()
    done = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await admit(reader, writer)
        received.extend(await reader.read())
        done.set()

    async with tls_server(handle) as address, opened(address) as channel:
        channel.acknowledge(7)
        channel.close()
        channel.acknowledge(8)
        async with asyncio.timeout(PATIENCE):
            await done.wait()
    assert bytes(received) == packet(PacketType.PUBACK, b'{"event_id":7}') + packet(PacketType.DISCONNECT)


async def test_no_event_comes_after_close() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await admit(reader, writer)
        writer.write(packet(PacketType.PUBLISH, b'{"event_id": 1}') + packet(PacketType.PUBLISH, b'{"event_id": 2}'))
        await reader.read()

    events: list[bytes] = []
    async with tls_server(handle) as address:
        channel = channel_to(address)

        def close_at_first(payload: bytes) -> None:
            events.append(payload)
            channel.close()

        channel._on_event = close_at_first
        await channel.open()
        await channel.subscribe([DETECT_EVENT])
        async with asyncio.timeout(PATIENCE):
            await channel.wait_closed()
    assert events == [b'{"event_id": 1}']


async def test_a_name_for_an_address() -> None:
    async with SimulatedCamera(CameraSettings(discovery_port=None)) as camera:
        channel = channel_to(Address("localhost", camera.channel_port))
        assert (channel.is_open, channel.peer_host) == (False, None)
        await channel.open()
        assert (channel.is_open, channel.peer_host) == (True, "127.0.0.1")
        channel.abort()
        await channel.wait_closed()


@pytest.mark.parametrize("dialect", [Dialect(Coverage.FRAME), Dialect(signs_keep_alive=False)])
async def test_both_readings_of_the_documents(dialect: Dialect) -> None:
    async with SimulatedCamera(settings(dialect=dialect)) as camera, opened(camera, dialect=dialect):
        await camera.wait_for_subscriber()


# Refusals.


async def test_an_unknown_account(camera: SimulatedCamera) -> None:
    channel = channel_to(camera, credentials=Credentials("nobody", "demo-secret"))
    with pytest.raises(RefusedError, match=r"refused CONNECT with code 1 \(APPID_INVALID") as caught:
        await channel.open()
    assert caught.value.code == 1
    assert not channel.is_open
    await camera.wait_for_no_client()


async def test_a_wrong_signature(camera: SimulatedCamera) -> None:
    with pytest.raises(RefusedError, match="SECRET_KEY_INVALID") as caught:
        await channel_to(camera, credentials=Credentials("demo-app", "wrong")).open()
    assert caught.value.code == 5


async def test_not_activated() -> None:
    async with SimulatedCamera(settings(activated=False)) as camera:
        with pytest.raises(RefusedError, match="camera is not activated") as caught:
            await channel_to(camera).open()
        assert caught.value.code == 7


async def test_a_topic_that_the_model_has_not() -> None:
    async with SimulatedCamera(settings(model=MOTION_MODEL)) as camera:
        channel = channel_to(camera)
        await channel.open()
        with pytest.raises(RefusedError, match="refused SUBSCRIBE with code 310") as caught:
            await channel.subscribe([FACE_EVENT, DETECT_EVENT])
        assert caught.value.code == 310
        # It is still there for the next question.
        await channel.subscribe([DETECT_EVENT])
        await camera.wait_for_subscriber()
        channel.abort()
        await channel.wait_closed()


# How a channel is lost.


@pytest.mark.parametrize("reset", [False, True])
async def test_hung_up_before_connack(reset: bool) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        if reset:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async with tls_server(handle) as address:
        with pytest.raises(HandshakeLostError):
            await channel_to(address).open()


async def test_a_damaged_connack_is_a_lost_handshake(camera: SimulatedCamera) -> None:
    camera.faults.damage_crc = 1
    with pytest.raises(HandshakeLostError, match="broke the protocol: CRC"):
        await channel_to(camera).open()


async def test_another_crc_is_a_lost_handshake(camera: SimulatedCamera) -> None:
    with pytest.raises(HandshakeLostError, match="closed the connection"):
        await channel_to(camera, dialect=Dialect(Coverage.FRAME)).open()


async def test_silence_before_connack(camera: SimulatedCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "REPLY_TIMEOUT", 0.1)
    camera.faults.silence()
    with pytest.raises(HandshakeLostError, match="no answer to CONNECT"):
        await channel_to(camera).open()


async def test_silence_after_subscribe(camera: SimulatedCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "REPLY_TIMEOUT", 0.1)
    channel = channel_to(camera)
    await channel.open()
    camera.faults.silence()
    with pytest.raises(UnreachableError, match="no answer to SUBSCRIBE"):
        await channel.subscribe([DETECT_EVENT])
    with pytest.raises(UnreachableError, match="no answer to SUBSCRIBE"):
        await channel.subscribe([DETECT_EVENT])


async def test_three_heartbeats_without_an_answer(camera: SimulatedCamera) -> None:
    owner = Owner()
    async with opened(camera, owner, keep_alive=1) as channel:
        await owner.wait_until(lambda: owner.heartbeats == 1)
        camera.faults.silence()
        async with asyncio.timeout(PATIENCE):
            reason = await channel.wait_closed()
        assert "3 heartbeats, 1 s apart, without an answer" in str(reason)
        assert not await channel.answers_heartbeat(1.0)
        assert owner.heartbeats == 1


async def test_a_heartbeat_on_request(camera: SimulatedCamera) -> None:
    owner = Owner()
    async with opened(camera, owner) as channel:
        assert await channel.answers_heartbeat(PATIENCE)
        assert (camera.heartbeats, owner.heartbeats) == (1, 1)
        camera.faults.silence()
        assert not await channel.answers_heartbeat(0.05)
        assert channel.is_open


async def test_a_heartbeat_on_request_ends_with_the_channel(camera: SimulatedCamera) -> None:
    async with opened(camera) as channel:
        camera.faults.delay = 60.0
        asking = asyncio.create_task(channel.answers_heartbeat(60.0))
        await camera.wait_until(lambda: camera.heartbeats == 1)
        camera.drop()
        async with asyncio.timeout(PATIENCE):
            assert not await asking


async def test_a_camera_that_does_not_read() -> None:
    subscribed = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await admit(reader, writer)
        subscribed.set()
        await asyncio.Event().wait()

    # The stream reads no further than twice its limit, and what the kernel takes is limited as well.
    async with tls_server(handle, limit=1024) as address, opened(address) as channel:
        async with asyncio.timeout(PATIENCE):
            await subscribed.wait()
        sent = 0
        while channel.is_open and sent < 1_000_000:
            channel.acknowledge(sent)
            sent += 1
            if sent % 1000 == 0:
                await asyncio.sleep(0)
        assert not channel.is_open
        async with asyncio.timeout(PATIENCE):
            reason = await channel.wait_closed()
    assert "the camera has not read 256 KiB" in str(reason)
    assert channel_module.MAX_UNREAD == 256 * 1024


async def test_a_damaged_event_ends_it_after_those_before(camera: SimulatedCamera) -> None:
    owner = Owner()
    async with opened(camera, owner) as channel:
        camera.emit_face()
        await owner.wait_until(lambda: len(owner.events) == 1)
        camera.faults.damage_crc = 1
        camera.emit_face()
        async with asyncio.timeout(PATIENCE):
            reason = await channel.wait_closed()
        assert isinstance(reason, UnreachableError)
        assert "the camera broke the protocol: CRC" in str(reason)
        assert len(owner.events) == 1


async def test_good_frames_before_a_damaged_one_count() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await admit(reader, writer)
        good = packet(PacketType.PUBLISH, b'{"event_id": 1}')
        writer.write(good + good[:-1] + bytes([good[-1] ^ 1]))
        await reader.read()

    owner = Owner()
    async with tls_server(handle) as address, opened(address, owner) as channel:
        async with asyncio.timeout(PATIENCE):
            await channel.wait_closed()
    assert owner.events == [b'{"event_id": 1}']


async def test_a_reset_inside_a_frame(camera: SimulatedCamera) -> None:
    owner = Owner()
    async with opened(camera, owner) as channel:
        camera.abort()
        async with asyncio.timeout(PATIENCE):
            reason = await channel.wait_closed()
        assert isinstance(reason, UnreachableError)
    assert not owner.events


@pytest.mark.parametrize("farewell", [False, True])
async def test_the_camera_hangs_up(camera: SimulatedCamera, farewell: bool) -> None:
    async with opened(camera) as channel:
        camera.drop(farewell=farewell)
        async with asyncio.timeout(PATIENCE):
            reason = await channel.wait_closed()
        assert str(reason) == ("the camera ended the session" if farewell else "the camera closed the connection")


async def test_an_unsubscribe_that_nobody_asked_for_ends_it() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await admit(reader, writer)
        writer.write(packet(PacketType.UNSUBACK, b'{"code": 0}'))
        await reader.read()

    async with tls_server(handle) as address, opened(address) as channel:
        async with asyncio.timeout(PATIENCE):
            assert "UNSUBACK without a UNSUBSCRIBE" in str(await channel.wait_closed())


async def test_cancelled_while_it_opens(camera: SimulatedCamera) -> None:
    camera.faults.silence()
    opening = asyncio.create_task(channel_to(camera).open())
    await camera.wait_for_client()
    opening.cancel()
    await asyncio.wait([opening])
    assert opening.cancelled()
    await camera.wait_for_no_client()


async def test_nothing_listens() -> None:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
        with pytest.raises(UnreachableError, match=f"no connection to {HOST}:{port}: Connection refused"):
            await channel_to(Address(HOST, port)).open()


async def test_a_name_that_nobody_has() -> None:
    with pytest.raises(UnreachableError, match=r"no connection to nobody\.invalid:10021: \["):
        await channel_to(Address("nobody.invalid", 10021)).open()


async def test_a_port_that_accepts_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_module, "OPEN_TIMEOUT", 0.2)
    with socket.create_server((HOST, 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(UnreachableError, match=f"{HOST}:{port} did not answer within 0.2 s"):
            await channel_to(Address(HOST, port)).open()


# Trust.


async def test_pin_trusts_the_first_certificate_and_no_other(camera: SimulatedCamera) -> None:
    async with opened(camera) as channel:
        first = channel.fingerprint
    async with opened(camera, security=trust(pin=first)) as channel:
        assert channel.fingerprint == first
    await camera.change_certificate()
    channel = channel_to(camera, security=trust(pin=first))
    with pytest.raises(CertificateError, match=r"certificate has changed.*bridge/request/trust") as caught:
        await channel.open()
    assert caught.value.fingerprint == camera.fingerprint != first
    await camera.wait_for_no_client()


async def test_a_changed_certificate_is_told_nothing() -> None:
    received = asyncio.get_running_loop().create_future()

    async def handle(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        try:
            received.set_result(await reader.read(1000))
        except ConnectionError:
            received.set_result(b"")

    async with tls_server(handle) as address:
        with pytest.raises(CertificateError, match="changed"):
            await channel_to(address, security=trust(pin="00" * 32)).open()
        async with asyncio.timeout(PATIENCE):
            assert await received == b""


async def test_by_authority(tmp_path: Path) -> None:
    authority = make_identity("CA of the shop", KeyType.EC, authority=True)
    (tmp_path / "right.pem").write_bytes(authority.certificate)
    (tmp_path / "other.pem").write_bytes(shared_authority().certificate)
    identity = make_identity("SUNMI IPC", KeyType.EC, authority)
    async with SimulatedCamera(settings(identity=identity)) as camera:
        async with opened(camera, security=trust(Verify.CA, ca=tmp_path / "right.pem")) as channel:
            assert channel.fingerprint == camera.fingerprint
        with pytest.raises(CertificateError, match=r"is not from the CA in tls\.ca: unable to get local issuer"):
            await channel_to(camera, security=trust(Verify.CA, ca=tmp_path / "other.pem")).open()


async def test_unchecked() -> None:
    weak = settings(identity=make_identity("weak", KeyType.WEAK))
    security = trust(Verify.OFF, pin="00" * 32)
    async with SimulatedCamera(weak) as camera, opened(camera, security=security) as channel:
        assert channel.fingerprint == camera.fingerprint


async def test_a_key_that_is_too_small(tmp_path: Path) -> None:
    identity = make_identity("SUNMI IPC", KeyType.WEAK)
    ca = tmp_path / "ca.pem"
    ca.write_bytes(identity.certificate)
    async with SimulatedCamera(settings(identity=identity)) as camera:
        with pytest.raises(CertificateError, match=r"too small to be safe \(1024 bits\).*tls\.legacy: true"):
            await channel_to(camera).open()
        with pytest.raises(CertificateError, match=r"key too weak\).*tls\.legacy: true"):
            await channel_to(camera, security=trust(Verify.CA, ca=ca)).open()
        await camera.wait_for_no_client()
        async with opened(camera, security=trust(legacy=True)):
            await camera.wait_for_subscriber()
        async with opened(camera, security=trust(Verify.CA, ca=ca, legacy=True)):
            await camera.wait_for_subscriber()


async def test_a_demanded_client_certificate(tmp_path: Path) -> None:
    authority = shared_authority()
    right = write_p12(tmp_path / "openapi.p12", make_identity("openapi", KeyType.EC, authority), "secret")
    async with SimulatedCamera(settings(client_authority=authority.certificate)) as camera:
        async with opened(camera, security=trust(certificate=right, password="secret")):
            await camera.wait_for_subscriber()
        with pytest.raises(UnreachableError, match=r"hung up: .*see account\.certificate"):
            await channel_to(camera).open()


OLD = r"tls\.legacy: true"
CLIENT = r"account\.certificate"


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        pytest.param(["-tls1"], f"ALERT_PROTOCOL_VERSION: .*{OLD}", id="TLS 1.0"),
        pytest.param(["-tls1_1"], f"ALERT_PROTOCOL_VERSION: .*{OLD}", id="TLS 1.1"),
        pytest.param(["-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"], f"HANDSHAKE_FAILURE: .*{OLD}", id="cipher"),
        pytest.param(["-tls1_2", "-sigalgs", "RSA+SHA1"], f"HANDSHAKE_FAILURE: .*{OLD}", id="SHA-1"),
    ],
)
async def test_old_firmware(tmp_path: Path, options: list[str], advice: str) -> None:
    if "-cipher" not in options:
        options = [*options, "-cipher", "ALL:@SECLEVEL=0"]
    with openssl_server(tmp_path, make_identity("old"), *options) as address:
        with pytest.raises(UnreachableError, match=advice):
            await channel_to(address).open()
        channel = channel_to(address, security=trust(legacy=True))
        opening = asyncio.create_task(channel.open())
        # The handshake is done, what follows is no camera's.
        done, _ = await asyncio.wait([opening], timeout=0.5)
        assert not done or isinstance(opening.exception(), HandshakeLostError)
        opening.cancel()
        await asyncio.wait([opening])
        assert channel.fingerprint is not None


@pytest.mark.parametrize(
    ("version", "has_one", "advice"),
    [
        pytest.param("-tls1_2", False, f"HANDSHAKE_FAILURE: .*{CLIENT}", id="missing"),
        pytest.param("-tls1_2", True, f"UNKNOWN_CA: .*{CLIENT}", id="foreign"),
        pytest.param("-tls1_3", False, f"CERTIFICATE_REQUIRED: .*{CLIENT}", id="missing, TLS 1.3"),
        pytest.param("-tls1_3", True, f"UNKNOWN_CA: .*{CLIENT}", id="foreign, TLS 1.3"),
    ],
)
async def test_the_advice_for_a_client_certificate(tmp_path: Path, version: str, has_one: bool, advice: str) -> None:
    (tmp_path / "ca.pem").write_bytes(shared_authority().certificate)
    foreign = write_p12(tmp_path / "foreign.p12", make_identity("somebody", KeyType.EC), "x")
    demand = ["-Verify", "1", "-verify_return_error", "-CAfile", "ca.pem"]
    security = trust(certificate=foreign, password="x") if has_one else trust()
    with (
        openssl_server(tmp_path, make_identity("camera"), version, *demand) as address,
        pytest.raises(UnreachableError, match=advice),
    ):
        await channel_to(address, security=security).open()


async def test_what_speaks_no_tls() -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await writer.drain()

    async with tls_server(greet, plain=True) as address:
        with pytest.raises(UnreachableError, match="WRONG_VERSION_NUMBER: what listens there speaks no TLS"):
            await channel_to(address).open()


async def test_newer_tls_is_welcome() -> None:
    async with SimulatedCamera(settings(newest_tls=ssl.TLSVersion.TLSv1_3)) as camera, opened(camera):
        await camera.wait_for_subscriber()


@pytest.mark.parametrize("loop_factory", LOOPS.values(), ids=LOOPS)
def test_a_deadline_that_has_passed_unnoticed_does_not_end_the_channel(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def life() -> None:
        loop = asyncio.get_running_loop()
        owner = Owner()
        async with SimulatedCamera(settings()) as camera, opened(camera, owner, keep_alive=1) as channel:
            due = channel._session.next_deadline()
            assert due is not None
            # The loop is held up, as by a flood, and what it reads first is no heartbeat.
            while loop.time() <= due:
                pass
            channel._flush()
            channel._flush()
            await owner.wait_until(lambda: owner.heartbeats > 0)
            assert channel.is_open

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(life())
