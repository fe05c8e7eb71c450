"""Keeping a connection: the first one, the next one, another protocol, TLS, and the goodbye."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import logging
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from ipc_bridge.config import Mqtt, MqttTls
from ipc_bridge.errors import ConfigError
from ipc_bridge.mqtt import client as module
from ipc_bridge.mqtt import takeover
from ipc_bridge.mqtt.client import MqttClient
from ipc_bridge.mqtt.connection import Carrier, Connection, Message, Received
from tests.mqtt.broker import HOST, Listener, Mosquitto, eventually, free_port, mosquitto
from tests.mqtt.certificates import Certificates, make_certificates
from tests.mqtt.fake_broker import DISCONNECT, FakeBroker, fake_broker

WILL = Message("test/status", b"offline", retain=True)
NEVER = 3600.0


Uniform = Callable[[float, float], float]


def at_once(_low: float, _high: float) -> float:
    return 0.01


def never(_low: float, _high: float) -> float:
    return NEVER


class Limits:
    """Draws no wait at all, and writes down how long each could have been."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    def __call__(self, _low: float, high: float) -> float:
        self.asked.append(high)
        return 0.0


class Owner:
    """Who gets the connections."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self.losses = 0
        self.writes = 0
        self.messages: list[Received] = []

    def connected(self, connection: Carrier) -> None:
        assert isinstance(connection, Connection)
        self.connections.append(connection)

    def disconnected(self) -> None:
        self.losses += 1

    def writable(self) -> None:
        self.writes += 1

    def received(self, message: Received) -> None:
        self.messages.append(message)


async def is_connected(owner: Owner, times: int) -> None:
    await eventually(lambda: len(owner.connections) == times)


@contextlib.asynccontextmanager
async def running(config: Mqtt, uniform: Uniform = at_once) -> AsyncIterator[Owner]:
    """Run a client until the end of the block; it is cancelled then, as the daemon does."""
    owner = Owner()
    task = asyncio.create_task(MqttClient(config, "test", WILL, uniform).run(owner))
    try:
        yield owner
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


# Connecting, and connecting again.


async def test_the_first_connection_is_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broker = Mosquitto(tmp_path)
    caplog.set_level(logging.DEBUG)
    try:
        async with running(Mqtt(host=HOST, port=broker.port)) as owner:
            await eventually(lambda: caplog.text.count("No connection to the MQTT broker") >= 3)
            await broker.start()
            await eventually(lambda: len(owner.connections) == 1)
            assert owner.losses == 0
    finally:
        broker.stop()
    complaints = [record for record in caplog.records if "No connection to the MQTT broker" in record.getMessage()]
    assert [record.levelname for record in complaints[:3]] == ["WARNING", "DEBUG", "DEBUG"]
    assert complaints[0].getMessage().endswith("; trying again")
    assert "with MQTT 5" in caplog.text


async def test_a_lost_connection_is_made_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with mosquitto(tmp_path) as broker, running(Mqtt(host=HOST, port=broker.port)) as owner:
        await eventually(lambda: len(owner.connections) == 1)
        broker.stop()
        await eventually(lambda: owner.losses == 1)
        await broker.start()
        await eventually(lambda: len(owner.connections) == 2)
        assert owner.connections[0] is not owner.connections[1]
        assert "is lost" in caplog.text


async def test_the_owner_gets_what_its_connection_brings(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, running(Mqtt(host=HOST, port=broker.port)) as owner:
        await eventually(lambda: len(owner.connections) == 1)
        owner.connections[0].subscribe(["test/a"])
        owner.connections[0].publish(Message("test/a", b"x"), lambda _: None)
        await eventually(lambda: owner.messages == [Received("test/a", b"x", retained=False)])
        assert owner.writes >= 1


async def test_a_broker_that_throws_connections_away_is_left_in_peace_longer_and_longer() -> None:
    limits = Limits()
    async with fake_broker() as broker, running(Mqtt(host=HOST, port=broker.port), limits) as owner:
        for number in (1, 2):
            await is_connected(owner, number)
            broker.cut()
        await is_connected(owner, 3)
    assert limits.asked == [1, 2]


async def test_a_connection_that_held_some_seconds_begins_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HOLDS_AFTER", 0.0)
    limits = Limits()
    async with fake_broker() as broker, running(Mqtt(host=HOST, port=broker.port), limits) as owner:
        for number in (1, 2):
            await is_connected(owner, number)
            broker.cut()
        await is_connected(owner, 3)
    assert limits.asked == [1, 1]


async def test_a_broker_that_is_away_is_asked_for_every_few_seconds_however_often_it_goes(tmp_path: Path) -> None:
    limits = Limits()
    async with mosquitto(tmp_path) as broker, running(Mqtt(host=HOST, port=broker.port), limits) as owner:
        for number in (1, 2, 3):
            await is_connected(owner, number)
            before = len(limits.asked)
            broker.stop()
            await eventually(lambda before=before: len(limits.asked) > before + 5)  # type: ignore[misc]
            loss, *tries = limits.asked[before:]
            assert loss <= 2 ** (number - 1)
            assert tries[:5] == [1, 2, 4, module.ABSENT_LIMIT, module.ABSENT_LIMIT]
            await broker.start()
        await is_connected(owner, 4)


async def test_a_broker_that_refuses_is_asked_less_and_less_often() -> None:
    limits = Limits()
    async with fake_broker(FakeBroker(refuses={5: 0x88})) as broker, running(Mqtt(host=HOST, port=broker.port), limits):
        await eventually(lambda: len(limits.asked) > 7)
    assert limits.asked[:7] == [1, 2, 4, 8, 16, 32, 60]


async def test_three_losses_in_a_row_are_taken_for_a_fight_over_the_client_id(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(takeover, "FIRST_PAUSE", NEVER)
    async with fake_broker() as broker, running(Mqtt(host=HOST, port=broker.port)) as owner:
        for number in (1, 2, 3):
            await is_connected(owner, number)
            assert "client id" not in caplog.text
            broker.cut()
        await eventually(lambda: "mqtt.client_id" in caplog.text)
        assert len(owner.connections) == 3


async def test_losses_of_a_broker_that_is_away_in_between_are_no_fight(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with mosquitto(tmp_path) as broker, running(Mqtt(host=HOST, port=broker.port)) as owner:
        for number in (1, 2, 3):
            await is_connected(owner, number)
            broker.stop()
            caplog.clear()
            await eventually(lambda: "no connection" in caplog.text.lower())
            assert "client id" not in caplog.text
            await broker.start()
        await is_connected(owner, 4)
    assert "client id" not in caplog.text


# The protocol.


@pytest.mark.parametrize("behaviour", [{"hangs_up_on": frozenset({5})}, {"refuses": {5: 0x84}}, {"refuses": {5: 1}}])
async def test_a_broker_without_mqtt_5_is_asked_in_3_1_1(
    behaviour: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with (
        fake_broker(FakeBroker(**behaviour)) as broker,  # type: ignore[arg-type] # a table of keyword arguments
        running(Mqtt(host=HOST, port=broker.port)) as owner,
    ):
        await eventually(lambda: len(owner.connections) == 1)
        assert broker.levels == [5, 4]
        assert "with MQTT 3.1.1" in caplog.text


async def test_both_protocols_are_tried_in_turn() -> None:
    async with (
        fake_broker(FakeBroker(hangs_up_on=frozenset({4, 5}))) as broker,
        running(Mqtt(host=HOST, port=broker.port)) as owner,
    ):
        await eventually(lambda: len(broker.levels) >= 4)
        assert broker.levels[:4] == [5, 4, 5, 4]
        broker.hangs_up_on = frozenset({4})
        await eventually(lambda: len(owner.connections) == 1)
        assert broker.levels[-1] == 5


async def test_who_asks_for_3_1_1_gets_nothing_else() -> None:
    async with (
        fake_broker(FakeBroker(hangs_up_on=frozenset({4}))) as broker,
        running(Mqtt(host=HOST, port=broker.port, version="3.1.1")),
    ):
        await eventually(lambda: len(broker.levels) >= 3)
        assert set(broker.levels) == {4}


# The login.


def password_line(user: str, password: str) -> str:
    """A line of mosquitto's password file: PBKDF2 with SHA-512."""
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    return f"{user}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}\n"


async def test_a_refused_login_waits_the_longest_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "LAST_LIMIT", 0.01)
    async with (
        mosquitto(tmp_path, "allow_anonymous false") as broker,
        # Were it the ordinary wait, there would never be a second try.
        running(Mqtt(host=HOST, port=broker.port, username="bridge", password="wrong"), never) as owner,
    ):
        await eventually(lambda: broker.log().count("not authorised") >= 3)
        assert not owner.connections


async def test_a_refused_protocol_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LAST_LIMIT", NEVER)
    async with (
        fake_broker(FakeBroker(refuses={5: 0x84})) as broker,
        running(Mqtt(host=HOST, port=broker.port)) as owner,
    ):
        await eventually(lambda: len(owner.connections) == 1)


async def test_a_login_that_is_right(tmp_path: Path) -> None:
    (tmp_path / "passwords").write_text(password_line("bridge", "right"), encoding="utf-8")
    (tmp_path / "passwords").chmod(0o600)
    async with (
        mosquitto(tmp_path, "allow_anonymous false", f"password_file {tmp_path / 'passwords'}") as broker,
        running(Mqtt(host=HOST, port=broker.port, username="bridge", password="right")) as owner,
    ):
        await eventually(lambda: len(owner.connections) == 1)


# TLS.


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"), HOST)


def tls_options(certificates: Certificates) -> list[str]:
    return [
        "allow_anonymous true",
        f"cafile {certificates.ca}",
        f"certfile {certificates.server}",
        f"keyfile {certificates.server_key}",
    ]


async def test_tls_with_a_ca(tmp_path: Path, certificates: Certificates) -> None:
    async with (
        mosquitto(tmp_path, *tls_options(certificates)) as broker,
        running(Mqtt(host=HOST, port=broker.port, tls=MqttTls(ca=certificates.ca))) as owner,
    ):
        await eventually(lambda: len(owner.connections) == 1)
        done: list[bool] = []
        owner.connections[0].publish(Message("test/a", bytes(100_000)), done.append)
        await eventually(lambda: done == [True])


async def test_a_client_certificate_opens_what_is_closed_without(
    tmp_path: Path, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    async with mosquitto(tmp_path, *tls_options(certificates), "require_certificate true") as broker:
        shown = MqttTls(ca=certificates.ca, certificate=certificates.client, key=certificates.client_key)
        async with running(Mqtt(host=HOST, port=broker.port, tls=shown)) as owner:
            await eventually(lambda: len(owner.connections) == 1)
        async with running(Mqtt(host=HOST, port=broker.port, tls=MqttTls(ca=certificates.ca)), never) as owner:
            await eventually(lambda: bool(caplog.records))
            assert not owner.connections


@pytest.mark.parametrize(
    ("tls", "words"),
    [
        (MqttTls(), "look at mqtt.tls and mqtt.port"),
        (MqttTls(insecure=True), None),
    ],
    ids=["a stranger's certificate", "insecure"],
)
async def test_a_certificate_that_nobody_knows(
    tmp_path: Path, certificates: Certificates, tls: MqttTls, words: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        mosquitto(tmp_path, *tls_options(certificates)) as broker,
        running(Mqtt(host=HOST, port=broker.port, tls=tls)) as owner,
    ):
        if words is None:
            await eventually(lambda: len(owner.connections) == 1)
        else:
            await eventually(lambda: words in caplog.text)
            assert not owner.connections


async def test_a_certificate_for_another_name(
    tmp_path: Path, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        mosquitto(tmp_path, *tls_options(certificates)) as broker,
        running(Mqtt(host="localhost", port=broker.port, tls=MqttTls(ca=certificates.ca))) as owner,
    ):
        await eventually(lambda: "TLS with the MQTT broker" in caplog.text)
        assert not owner.connections


async def test_tls_towards_a_broker_without(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with (
        mosquitto(tmp_path) as broker,
        running(Mqtt(host=HOST, port=broker.port, tls=MqttTls(insecure=True))) as owner,
    ):
        await eventually(lambda: "trying again" in caplog.text)
        assert not owner.connections


@pytest.mark.parametrize("broken", ["ca", "certificate", "key"])
def test_files_that_are_no_certificates(tmp_path: Path, certificates: Certificates, broken: str) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense", encoding="utf-8")
    files: dict[str, Any] = {"ca": certificates.ca, "certificate": certificates.client, "key": certificates.client_key}
    tls = MqttTls(**{**files, broken: nonsense})
    with pytest.raises(ConfigError, match=r"^mqtt\.tls: the CA, certificate or key cannot be used: "):
        MqttClient(Mqtt(host=HOST, port=free_port(), tls=tls), "test", WILL)


# The goodbye.


async def test_the_end_is_a_goodbye(tmp_path: Path) -> None:
    async with mosquitto(tmp_path) as broker, Listener(broker.port, ["test/#"]) as listener:
        async with running(Mqtt(host=HOST, port=broker.port)) as owner:
            await eventually(lambda: len(owner.connections) == 1)
        assert owner.losses == 1
        await listener.catches_up()
        assert "test/status" not in listener.topics


async def test_a_broker_that_does_not_read_the_goodbye_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GOODBYE_TIMEOUT", 0.02)
    async with fake_broker() as broker:
        async with running(Mqtt(host=HOST, port=broker.port)) as owner:
            await eventually(lambda: len(owner.connections) == 1)
            transport = broker.writers[0].transport
            assert isinstance(transport, asyncio.Transport)
            transport.pause_reading()
            # More than the kernel takes, so that DISCONNECT is stuck behind it.
            owner.connections[0].publish(Message("test/a", bytes(30_000_000)), lambda _: None)
            await eventually(lambda: owner.connections[0].room == 0)
        assert owner.losses == 1
        assert DISCONNECT not in broker.packets
