"""A real mosquitto for one test, and somebody who listens to it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.requirements import require_program

HOST = "127.0.0.1"
PATIENCE = 15.0


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait for what sets no event of its own."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.005)


def free_port(host: str = HOST) -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        number: int = probe.getsockname()[1]
        return number


@dataclass
class Mosquitto:
    """A mosquitto process; ``options`` are lines of its configuration, for the one listener that it has."""

    directory: Path
    options: Iterable[str] = ("allow_anonymous true",)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        program = require_program("mosquitto")
        self.directory.mkdir(parents=True, exist_ok=True)
        # Started by root it would give up its rights, and with them the test's directory.
        lines = ["user root", f"listener {self.port} {HOST}", *self.options]
        (self.directory / "mosquitto.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._spawn(program)
        await eventually(self._listens)

    def _spawn(self, program: Path) -> None:
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [program, "-c", self.directory / "mosquitto.conf"], stdout=log, stderr=subprocess.STDOUT
            )

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def log(self) -> str:
        return (self.directory / "log").read_text(encoding="utf-8", errors="replace")

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), 1):
            return True
        return False


@contextlib.asynccontextmanager
async def mosquitto(directory: Path, *options: str) -> AsyncIterator[Mosquitto]:
    """Run a broker."""
    broker = Mosquitto(directory, options or ("allow_anonymous true",))
    try:
        await broker.start()
        yield broker
    finally:
        broker.stop()


@dataclass(frozen=True)
class Heard:
    """One message that came to the listener."""

    topic: str
    payload: bytes
    retained: bool
    user_properties: tuple[tuple[str, str], ...] = ()
    correlation: bytes | None = None


class Listener:
    """Another client, whose messages come into the test's loop in the order of their arrival."""

    def __init__(self, port: int, topics: Iterable[str] = ("#",), username: str | None = None) -> None:
        self.messages: list[Heard] = []
        self._loop = asyncio.get_running_loop()
        self._topics = list(topics)
        self._port = port
        self._ready = asyncio.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        if username is not None:
            self._client.username_pw_set(username, "secret")
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._client.connect, HOST, self._port)
        self._client.loop_start()
        async with asyncio.timeout(PATIENCE):
            await self._ready.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        response_topic: str | None = None,
        correlation: bytes | None = None,
    ) -> None:
        properties = Properties(PacketTypes.PUBLISH)
        if response_topic is not None:
            properties.ResponseTopic = response_topic
        if correlation is not None:
            properties.CorrelationData = correlation
        self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)

    @property
    def topics(self) -> list[str]:
        return [message.topic for message in self.messages]

    def payloads(self, topic: str) -> list[bytes]:
        return [message.payload for message in self.messages if message.topic == topic]

    async def hears(self, condition: Callable[[], bool]) -> None:
        try:
            await eventually(condition)
        except TimeoutError:
            raise AssertionError(f"heard only {self.messages}") from None

    async def hears_topic(self, topic: str) -> bytes:
        """Return the last payload on ``topic``, once there is one."""
        await self.hears(lambda: topic in self.topics)
        return self.payloads(topic)[-1]

    async def catches_up(self) -> None:
        """Return once all that the broker got before has come."""
        count = self.topics.count("test/marker")
        self.publish("test/marker", b"x")
        await self.hears(lambda: self.topics.count("test/marker") > count)

    def _on_connect(self, client: paho.Client, *_: object) -> None:
        client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ready.set)

    def _on_message(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        properties = tuple(getattr(message.properties, "UserProperty", ()))
        correlation = getattr(message.properties, "CorrelationData", None)
        heard = Heard(message.topic, bytes(message.payload), message.retain, properties, correlation)
        self._loop.call_soon_threadsafe(self.messages.append, heard)


async def retained_on(port: int) -> dict[str, bytes]:
    """What the broker keeps, as a newcomer sees it."""
    async with Listener(port) as newcomer:
        await newcomer.catches_up()
        return {message.topic: message.payload for message in newcomer.messages if message.retained}
