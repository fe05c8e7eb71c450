"""One connection: to a real mosquitto, and to a broker that misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import uuid
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from ipc_bridge.errors import BrokerLostError, BrokerRefusedError
from ipc_bridge.mqtt import connection as module
from ipc_bridge.mqtt.connection import Connection, Endpoint, Message, Received, Version
from tests.mqtt.broker import HOST, PATIENCE, Listener, Mosquitto, eventually, free_port, mosquitto
from tests.mqtt.fake_broker import PINGREQ, FakeBroker, fake_broker

WILL = Message("test/status", b"offline", retain=True)
VERSIONS: list[Version] = ["5", "3.1.1"]


class Client:
    """A connection with what it was told."""

    def __init__(self, port: int, version: Version = "5", username: str | None = None) -> None:
        self.received: list[Received] = []
        self.writable = 0
        endpoint = Endpoint(HOST, port, f"test-{uuid.uuid4().hex}", version, username, "secret" if username else None)
        self.connection = Connection(endpoint, WILL, self.received.append, self._on_writable)

    def _on_writable(self) -> None:
        self.writable += 1

    async def publish(self, message: Message) -> bool:
        """Publish and return what became of it."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.connection.publish(message, done.set_result)
        async with asyncio.timeout(PATIENCE):
            return await done


@contextlib.asynccontextmanager
async def client(port: int, version: Version = "5", username: str | None = None) -> AsyncIterator[Client]:
    one = Client(port, version, username)
    await one.connection.open()
    try:
        yield one
    finally:
        one.connection.abort()
        await one.connection.wait_closed()


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with mosquitto(tmp_path / "broker") as running:
        yield running


# What a broker gets and gives.


@pytest.mark.parametrize("version", VERSIONS)
async def test_what_is_published_arrives_and_is_acknowledged(broker: Mosquitto, version: Version) -> None:
    async with Listener(broker.port) as listener, client(broker.port, version) as one:
        assert one.connection.is_open
        assert await one.publish(Message("test/a", b"1"))
        assert await one.publish(Message("test/b", bytes(range(256)) * 400, retain=True))
        assert one.connection.in_flight == 0
        assert await listener.hears_topic("test/b") == bytes(range(256)) * 400
        assert listener.topics == ["test/a", "test/b"]
        assert one.writable >= 2


async def test_user_properties_and_correlation_go_along(broker: Mosquitto) -> None:
    message = Message("test/answer", b"x", user_properties=(("uid", "S:face:1"),), correlation=b"\x00\xff7")
    async with Listener(broker.port) as listener, client(broker.port) as one:
        one.connection.subscribe(["test/answer"])
        await one.publish(message)
        await eventually(lambda: bool(one.received))
        assert one.received == [Received("test/answer", b"x", retained=False, correlation=b"\x00\xff7")]
        await listener.hears_topic("test/answer")
        assert listener.messages[0].user_properties == (("uid", "S:face:1"),)


async def test_properties_are_left_out_where_mqtt_has_none(broker: Mosquitto) -> None:
    async with client(broker.port, "3.1.1") as one:
        assert await one.publish(Message("test/a", b"x", user_properties=(("uid", "1"),), correlation=b"1"))


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_subscription_brings_live_and_retained_messages(broker: Mosquitto, version: Version) -> None:
    async with client(broker.port, version) as one:
        await one.publish(Message("test/kept", b"old", retain=True))
        one.connection.subscribe(["test/kept", "test/live"])
        await eventually(lambda: len(one.received) == 1)
        await one.publish(Message("test/live", b"new"))
        await eventually(lambda: len(one.received) == 2)
        assert one.received == [
            Received("test/kept", b"old", retained=True),
            Received("test/live", b"new", retained=False),
        ]


async def test_a_goodbye_publishes_no_will_and_a_loss_does(broker: Mosquitto) -> None:
    async with Listener(broker.port, ["test/#"]) as listener:
        polite = Client(broker.port)
        await polite.connection.open()
        await polite.connection.close()
        assert not polite.connection.is_open
        await listener.catches_up()
        assert "test/status" not in listener.topics

        async with client(broker.port):
            pass
        assert await listener.hears_topic("test/status") == b"offline"


async def test_closing_twice_is_no_mistake(broker: Mosquitto) -> None:
    async with client(broker.port) as one:
        await one.connection.close()
        await one.connection.close()
        one.connection.abort()


async def test_a_broker_that_stops_ends_the_connection(broker: Mosquitto) -> None:
    async with client(broker.port) as one:
        broker.stop()
        async with asyncio.timeout(PATIENCE):
            await one.connection.wait_closed()
        assert one.connection.room == 0
        assert one.writable == 1


# Limits.


async def test_too_big_a_packet_does_not_fit(tmp_path: Path) -> None:
    async with (
        mosquitto(tmp_path, "allow_anonymous true", "max_packet_size 1000") as broker,
        client(broker.port) as one,
    ):
        assert one.connection.fits(Message("test/a", bytes(900)))
        assert not one.connection.fits(Message("test/a", bytes(990)))
        assert not one.connection.fits(Message("test/a", bytes(900), user_properties=(("uid", "x" * 100),)))
        assert await one.publish(Message("test/a", bytes(900)))


async def test_without_a_limit_everything_fits(broker: Mosquitto) -> None:
    async with client(broker.port) as one:
        assert one.connection.fits(Message("test/a", bytes(10_000_000)))


async def test_what_the_access_list_forbids_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "acl").write_text("topic readwrite test/allowed\n", encoding="utf-8")
    async with (
        mosquitto(tmp_path, "allow_anonymous true", f"acl_file {tmp_path / 'acl'}") as broker,
        client(broker.port) as one,
    ):
        assert await one.publish(Message("test/allowed", b"1"))
        assert not await one.publish(Message("test/forbidden", b"1"))
        assert one.connection.in_flight == 0


async def test_a_subscription_that_is_refused_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with fake_broker(FakeBroker(suback=0x87)) as broker, client(broker.port) as one:
        one.connection.subscribe(["test/a"])
        await eventually(lambda: "refused a subscription (Not authorized)" in caplog.text)
        assert "allow it in the broker's access control list" in caplog.text
        assert one.connection.is_open


@pytest.mark.parametrize(("maximum", "window"), [(1, 1), (7, 7), (None, module.MAX_WINDOW), (65535, module.MAX_WINDOW)])
async def test_the_window_is_the_brokers_receive_maximum(maximum: int | None, window: int) -> None:
    async with fake_broker(FakeBroker(receive_maximum=maximum)) as broker, client(broker.port) as one:
        assert one.connection.room == window


def note(done: list[tuple[str, bool]], name: str, accepted: bool) -> None:
    done.append((name, accepted))


async def test_the_window_opens_with_each_acknowledgement() -> None:
    async with fake_broker(FakeBroker(receive_maximum=2, acknowledges=False)) as broker, client(broker.port) as one:
        done: list[tuple[str, bool]] = []
        for name in "ab":
            one.connection.publish(Message(f"test/{name}", b""), partial(note, done, name))
        assert one.connection.room == 0
        assert one.connection.in_flight == 2
        await broker.published(2)
        broker.acknowledge(broker.publications[1].mid)
        await eventually(lambda: done == [("b", True)])
        assert one.connection.room == 1
        assert one.writable == 1
        broker.acknowledge(broker.publications[0].mid, 0x97)
        await eventually(lambda: done == [("b", True), ("a", False)])


async def test_an_acknowledgement_that_nobody_waits_for_does_no_harm() -> None:
    async with fake_broker() as broker, client(broker.port) as one:
        broker.acknowledge(4711)
        assert await one.publish(Message("test/a", b""))


async def test_a_broker_that_does_not_read_closes_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UNWRITTEN", 1024)
    async with fake_broker(FakeBroker(acknowledges=False)) as broker, client(broker.port) as one:
        await eventually(lambda: bool(broker.writers))
        reading = broker.writers[0].transport
        assert isinstance(reading, asyncio.Transport)
        reading.pause_reading()
        one.connection.publish(Message("test/a", bytes(30_000_000)), lambda _: None)
        await eventually(lambda: one.connection.room == 0)
        assert one.connection.in_flight == 1
        reading.resume_reading()
        await eventually(lambda: one.connection.room == module.MAX_WINDOW - 1)
        assert one.writable >= 1


# What a broker says no with.


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("code", "words", "protocol"),
    [
        (("identifier", 0x85, 2), "Client identifier not valid; look at mqtt.client_id", False),
        (("unavailable", 0x88, 3), "Server unavailable; look at the broker's log", False),
        (("password", 0x86, 4), "Bad user name or password; look at mqtt.username, mqtt.password", False),
        (("authorized", 0x87, 5), "Not authorized; look at mqtt.username", False),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
async def test_refusals(version: Version, code: tuple[str, int, int], words: str, protocol: bool) -> None:
    codes = {5: code[1], 4: code[2]}
    async with fake_broker(FakeBroker(refuses=codes)) as broker:
        one = Client(broker.port, version)
        with pytest.raises(BrokerRefusedError, match=f"{HOST}:{broker.port} refuses this client: {words}") as caught:
            await one.connection.open()
        assert caught.value.protocol is protocol
        async with asyncio.timeout(PATIENCE):
            await one.connection.wait_closed()
        assert not one.connection.is_open


@pytest.mark.parametrize(
    ("version", "words"),
    # paho hangs up by itself where 3.1.1 is refused.
    [("5", "refuses this client: Unsupported protocol version"), ("3.1.1", "closed the connection before it answered")],
)
async def test_a_protocol_that_is_refused(version: Version, words: str) -> None:
    async with fake_broker(FakeBroker(refuses={5: 0x84, 4: 1})) as broker:
        with pytest.raises(BrokerRefusedError, match=words) as caught:
            await Client(broker.port, version).connection.open()
        assert caught.value.protocol


async def test_mosquitto_refuses_a_wrong_login(tmp_path: Path) -> None:
    async with mosquitto(tmp_path, "allow_anonymous false") as broker:
        with pytest.raises(BrokerRefusedError, match=r"Not authorized; look at mqtt\.username"):
            await Client(broker.port).connection.open()


async def test_a_broker_that_hangs_up_may_not_know_the_protocol() -> None:
    async with fake_broker(FakeBroker(hangs_up_on=frozenset({5}))) as broker:
        with pytest.raises(BrokerRefusedError, match="closed the connection before it answered") as caught:
            await Client(broker.port).connection.open()
        assert caught.value.protocol


async def test_no_broker() -> None:
    with pytest.raises(BrokerLostError, match=rf"no connection to the MQTT broker {HOST}:\d+: "):
        await Client(free_port()).connection.open()


async def test_a_host_that_is_unknown() -> None:
    endpoint = Endpoint("nobody.invalid", 1883, "test", "5")
    with pytest.raises(BrokerLostError, match=r"no connection to the MQTT broker nobody\.invalid:1883"):
        await Connection(endpoint, WILL, lambda _: None, lambda: None).open()


async def test_a_broker_that_does_not_answer_may_not_know_the_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_TIMEOUT", 0.05)
    async with fake_broker(FakeBroker(answers_connect=False)) as broker:
        one = Client(broker.port)
        with pytest.raises(BrokerRefusedError, match=r"did not answer within 0\.05 s") as caught:
            await one.connection.open()
        assert caught.value.protocol
        async with asyncio.timeout(PATIENCE):
            await one.connection.wait_closed()


async def test_a_handshake_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_TIMEOUT", 0.05)
    # The kernel accepts; nobody ever answers.
    with socket.create_server((HOST, 0)) as silent:
        endpoint = Endpoint(HOST, silent.getsockname()[1], "test", "5", tls=ssl.create_default_context())
        with pytest.raises(BrokerLostError, match=r"did not answer within 0\.05 s"):
            await Connection(endpoint, WILL, lambda _: None, lambda: None).open()


async def test_whoever_opens_may_go_away() -> None:
    async with fake_broker(FakeBroker(answers_connect=False)) as broker:
        one = Client(broker.port)
        opening = asyncio.create_task(one.connection.open())
        await eventually(lambda: broker.levels == [5])
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        async with asyncio.timeout(PATIENCE):
            await one.connection.wait_closed()


async def test_a_broker_that_falls_silent_is_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "KEEP_ALIVE", 1)
    monkeypatch.setattr(module, "HOUSEKEEPING_INTERVAL", 0.05)
    async with fake_broker() as broker, client(broker.port) as one:
        async with asyncio.timeout(PATIENCE):
            await one.connection.wait_closed()
        assert PINGREQ in broker.packets
        assert "does not answer any more" in caplog.text


async def test_a_broker_that_answers_pings_is_kept(
    monkeypatch: pytest.MonkeyPatch, broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "HOUSEKEEPING_INTERVAL", 0.001)
    async with client(broker.port) as one:
        assert await one.publish(Message("test/a", b""))
        assert one.connection.is_open
    assert not caplog.records


async def test_a_broker_that_says_goodbye(caplog: pytest.LogCaptureFixture) -> None:
    async with fake_broker() as broker, client(broker.port) as one:
        broker.send(0xE0, bytes([0x8B, 0]))
        async with asyncio.timeout(PATIENCE):
            await one.connection.wait_closed()
        assert "ended the connection: Server shutting down" in caplog.text


async def test_rubbish_ends_the_connection() -> None:
    async with fake_broker() as broker, client(broker.port) as one:
        broker.writers[-1].write(b"\x00\xff\xff\xff\xff\xff\xff")
        async with asyncio.timeout(PATIENCE):
            await one.connection.wait_closed()


async def test_what_is_published_after_the_end_is_not_acknowledged() -> None:
    async with fake_broker() as broker, client(broker.port) as one:
        broker.send(0xE0, bytes([0x8B, 0]))
        async with asyncio.timeout(PATIENCE):
            await one.connection.wait_closed()
        done: list[bool] = []
        one.connection.publish(Message("test/a", b""), done.append)
        assert one.connection.in_flight == 0
        assert not done


def test_the_password_is_not_shown() -> None:
    assert "secret" not in repr(Endpoint(HOST, 1883, "test", "5", "user", "secret"))
