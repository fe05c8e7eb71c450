"""A whole site for one test: the daemon as a process, a real broker, simulated cameras, and somebody who listens.

Nothing here sleeps: what happens in another process is waited for, with a limit, and a wait that fails says what came
instead. Everything is on loopback addresses and ports of its own, so that several runs may share a machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from ipc_bridge.simulator import CameraSettings, SimulatedCamera
from ipc_bridge.simulator.changes import Changes
from tests.requirements import require_program

LOCALHOST = "127.0.0.1"
PATIENCE = 40.0
"""Seconds after which what did not come will not come: many a daemon starts at a time, on machines with other work."""
STOP_SECONDS = 5.0
"""Within these the daemon promises to end."""
HELD = 0.5
"""Seconds between a discovery and its camera's first event; the bridge waits one, but either may reach us late."""
CAMERAS = 20
"""Addresses of a site that discovery asks."""
APP_ID = "demo-app"
SECRET_KEY = "demo-secret"
BUGS = ("Traceback", "never retrieved", "never awaited", "bug in the bridge", SECRET_KEY)
"""What no log of the daemon may hold, whatever happens around it."""


async def eventually(condition: Callable[[], bool], what: str, timeout: float = PATIENCE) -> None:
    """Wait for what happens in another process and therefore sets no event.

    Raises:
        AssertionError: ``what`` did not happen.
    """
    try:
        async with asyncio.timeout(timeout):
            while not condition():  # noqa: ASYNC110 - see above
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"within {timeout:g} s not seen: {what}") from None


def free_port(host: str = LOCALHOST, kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that nobody has now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((host, 0))
        number: int = probe.getsockname()[1]
        return number


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes``, sections merged key by key."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


class Broker:
    """A mosquitto process that keeps its port over its restarts.

    Args:
        directory: for its configuration, its log and what it keeps.
        options: lines of its configuration for the one listener that it has.
        persistence: whether retained messages survive a kill and a restart.
    """

    def __init__(
        self, directory: Path, options: Iterable[str] = ("allow_anonymous true",), *, persistence: bool = False
    ) -> None:
        self.port = free_port()
        self._directory = directory
        self._options = list(options)
        self._persistence = persistence
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; return when it takes connections."""
        program = require_program("mosquitto")
        self._directory.mkdir(parents=True, exist_ok=True)
        lines = [
            # Started by root it would give up its rights, and with them the test's directory.
            "user root",
            "log_type all",
            f"persistence {'true' if self._persistence else 'false'}",
            f"persistence_location {self._directory}/",
            # 0 and "changes": whatever is retained is on the disk at once, and a kill loses nothing.
            "autosave_on_changes true",
            "autosave_interval 1",
            f"listener {self.port} {LOCALHOST}",
            *self._options,
        ]
        config = self._directory / "mosquitto.conf"
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        with (self._directory / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                program, "-c", config, stdout=log, stderr=asyncio.subprocess.STDOUT
            )
        await eventually(self._listens, f"mosquitto on port {self.port}")

    async def stop(self) -> None:
        """End it in order (SIGTERM)."""
        if self._process is not None:
            self._process.terminate()
            async with asyncio.timeout(STOP_SECONDS):
                await self._process.wait()
            self._process = None

    async def kill(self) -> None:
        """End it without a word (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None

    def log(self) -> str:
        """All that it wrote."""
        path = self._directory / "log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.returncode is None, self.log()
        with contextlib.suppress(OSError), socket.create_connection((LOCALHOST, self.port), 1):
            return True
        return False


class Relay:
    """A way to a broker or a camera that a test can shut: an outage for the daemon alone, seen by nobody else.

    Args:
        target: the other end's port.
        host: the other end's address.
    """

    def __init__(self, target: int, host: str = LOCALHOST) -> None:
        self.port = free_port()
        self.swallows = False
        """Whether what the daemon sends is lost on the way; what the other end sends is not."""
        self._target = (host, target)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._frozen: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Let connections through."""
        self._server = await asyncio.start_server(self._connected, LOCALHOST, self.port)

    async def shut(self) -> None:
        """Cut what is connected, and take nothing more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writers.clear()
        self._frozen.clear()

    def freeze(self) -> None:
        """Lose all that is sent over the present connections, their ends included: both sides think that they hold."""
        self._frozen |= self._writers

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            there, away = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        if self._server is None:
            # Shut meanwhile.
            writer.transport.abort()
            away.transport.abort()
            return
        self._writers.add(away)
        for source, sink, is_up in ((reader, away, True), (there, writer, False)):
            task = asyncio.create_task(self._pass_on(source, sink, is_up=is_up))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_up: bool) -> None:
        try:
            with contextlib.suppress(OSError):
                while data := await source.read(65536):
                    if sink not in self._frozen and not (is_up and self.swallows):
                        sink.write(data)
                        await sink.drain()
        finally:
            if sink not in self._frozen:
                sink.close()
                self._writers.discard(sink)


@dataclass(frozen=True)
class Message:
    """One message as it came: ``number`` counts arrivals from 0, ``at`` is the monotonic clock's, and the loop's.

    ``retain`` is what the sender said (MQTT 5, "retain as published"), for kept and for live messages.
    """

    topic: str
    payload: bytes
    retain: bool
    qos: int
    number: int
    at: float
    user_properties: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The payload as text."""
        return self.payload.decode()

    @property
    def json(self) -> Any:
        """The payload as JSON."""
        return json.loads(self.payload)


Predicate = Callable[[Message], bool]


class Subscriber:
    """A client of the broker that records every message; reconnects by itself.

    Args:
        port: the broker's.
        topics: what it subscribes to.
        version: "5" or "3.1.1"; only 5 tells how a live message was sent (``Message.retain``).
    """

    def __init__(self, port: int, topics: Iterable[str] = ("#",), *, version: str = "5") -> None:
        self.everything: list[Message] = []
        self._loop = asyncio.get_running_loop()
        self._port = port
        self._topics = list(topics)
        self._subscribed = asyncio.Event()
        self._changes = Changes()
        self._is_5 = version == "5"
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            protocol=MQTTProtocolVersion.MQTTv5 if self._is_5 else MQTTProtocolVersion.MQTTv311,
        )
        # Whole numbers, says the hint; the code takes any.
        self._client.reconnect_delay_set(0.05, 0.05)  # type: ignore[arg-type]  # see above
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message

    async def start(self) -> None:
        """Connect; return when the subscriptions hold."""
        await asyncio.to_thread(self._client.connect, LOCALHOST, self._port)
        self._client.loop_start()
        await self.subscribed()

    async def stop(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    async def subscribed(self) -> None:
        """Return once it is connected and its subscriptions hold: after a restart of the broker, too."""
        async with asyncio.timeout(PATIENCE):
            await self._subscribed.wait()

    async def lost(self) -> None:
        """Return once it has noticed that its broker is gone."""
        await eventually(lambda: not self._subscribed.is_set(), "the end of the subscriber's connection")

    def publish(
        self,
        topic: str,
        payload: bytes | str = b"",
        *,
        retain: bool = False,
        response_topic: str | None = None,
        correlation: bytes | None = None,
    ) -> None:
        """Send a message with QoS 1; the last two need MQTT 5."""
        properties = None
        if response_topic is not None:
            properties = Properties(PacketTypes.PUBLISH)
            properties.ResponseTopic = response_topic
            if correlation is not None:
                properties.CorrelationData = correlation
        self._client.publish(topic, payload, 1, retain, properties)

    def mark(self) -> int:
        """The number that the next message will have: give it as ``since`` to look at what comes from now on."""
        return len(self.everything)

    def messages(self, topic: str, predicate: Predicate | None = None, since: int = 0) -> list[Message]:
        """What came on ``topic`` (wildcards allowed), in order."""
        return [
            message
            for message in self.everything[since:]
            if paho.topic_matches_sub(topic, message.topic) and (predicate is None or predicate(message))
        ]

    async def wait_for(
        self,
        topic: str,
        predicate: Predicate | None = None,
        *,
        count: int = 1,
        since: int = 0,
        timeout: float = PATIENCE,
    ) -> Message:
        """Return the ``count``-th message on ``topic`` that the predicate takes, once it has come.

        Raises:
            AssertionError: it did not; with what came instead.
        """

        def found() -> bool:
            return len(self.messages(topic, predicate, since)) >= count

        try:
            await self._changes.wait_for(found, timeout)
        except TimeoutError:
            there = self.messages(topic, since=since)
            others = sorted({message.topic for message in self.everything[since:]})
            raise AssertionError(
                f"within {timeout:g} s no such message on {topic} (number {count} from {since} on); there came "
                f"{[message.payload[:300] for message in there[-10:]]}, and messages on {others}"
            ) from None
        return self.messages(topic, predicate, since)[count - 1]

    async def wait_text(self, topic: str, text: str, *, since: int = 0, timeout: float = PATIENCE) -> Message:
        """Return the first message on ``topic`` whose payload is ``text``."""
        return await self.wait_for(topic, lambda message: message.text == text, since=since, timeout=timeout)

    async def caught_up(self) -> None:
        """Return once all that the broker got before this call has come."""
        since = self.mark()
        marker = f"{random.randrange(2**32)}"
        self.publish("test/marker", marker)
        await self.wait_text("test/marker", marker, since=since)

    def _on_connect(self, client: paho.Client, *_: object) -> None:
        if self._is_5:
            options = SubscribeOptions(qos=1, retainAsPublished=True)
            client.subscribe([(topic, options) for topic in self._topics])
        else:
            client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(self, _client: paho.Client, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._subscribed.set)

    def _on_disconnect(self, _client: paho.Client, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._subscribed.clear)

    def _on_message(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        self._loop.call_soon_threadsafe(self._record, message, time.monotonic())

    def _record(self, message: paho.MQTTMessage, at: float) -> None:
        number = len(self.everything)
        given = message.properties.json() if message.properties is not None else {}
        properties = tuple((name, value) for name, value in given.get("UserProperty", ()))
        self.everything.append(
            Message(message.topic, bytes(message.payload), message.retain, message.qos, number, at, properties)
        )
        self._changes.notify()


class Daemon:
    """``ipc-bridge run`` as a process of its own. Its log is one file, over all of its starts.

    Args:
        directory: for the configuration and the log.
        config: the whole configuration.
        program: the module that is run, and its first arguments.
    """

    def __init__(
        self, directory: Path, config: Mapping[str, Any], program: Iterable[str | Path] = ("ipc_bridge", "run")
    ) -> None:
        self.config = dict(config)
        self._program = list(program)
        self.config_path = directory / "config.yaml"
        self._log_path = directory / "daemon.log"
        self._process: asyncio.subprocess.Process | None = None
        self._log_before = 0

    @property
    def pid(self) -> int:
        """The running process."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    async def start(self, config: Mapping[str, Any] | None = None) -> None:
        """Start it; with ``config``, on another configuration than before."""
        assert not self.is_running
        if config is not None:
            self.config = dict(config)
        # JSON is YAML.
        self.config_path.write_text(json.dumps(self.config, indent=2), encoding="utf-8")
        environment = {key: value for key, value in os.environ.items() if key not in ("NOTIFY_SOCKET", "WATCHDOG_USEC")}
        self._log_before = len(self.log())
        with self._log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", *self._program, "--config", str(self.config_path)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                env=environment,
            )

    async def stop(self) -> int:
        """Send SIGTERM and return the exit status.

        Raises:
            AssertionError: it did not end in time; it is killed then.
        """
        assert self._process is not None
        # While Python still loads it, nobody has asked for the signal: that is no stop of the daemon's.
        await eventually(lambda: not self.is_running or self._has_begun, "the daemon's first line of the log")
        if self.is_running:
            self._process.terminate()
        return await self.ended()

    @property
    def _has_begun(self) -> bool:
        return bool(self.lines("its state is in", since=self._log_before))

    async def end(self) -> None:
        """End it as the test's end does: in order, wherever it stands."""
        if self.is_running:
            assert await self.stop() == 0

    async def kill(self) -> None:
        """End it without a word (SIGKILL)."""
        if self._process is not None and self.is_running:
            self._process.kill()
            await self._process.wait()

    async def restart(self, config: Mapping[str, Any] | None = None) -> None:
        """Stop it in order and start it again."""
        assert await self.stop() == 0
        await self.start(config)

    async def ended(self, timeout: float = STOP_SECONDS) -> int:
        """Return its exit status once it has ended.

        Raises:
            AssertionError: it did not within ``timeout`` seconds; it is killed then.
        """
        assert self._process is not None
        try:
            async with asyncio.timeout(timeout):
                return await self._process.wait()
        except TimeoutError:
            await self.kill()
            raise AssertionError(f"the daemon did not end within {timeout:g} s") from None

    def log(self) -> str:
        """All that it wrote, over all starts."""
        return self._log_path.read_text(encoding="utf-8", errors="replace") if self._log_path.exists() else ""

    def lines(self, *words: str, since: int = 0) -> list[str]:
        """The lines of the log with all ``words`` in them; ``since`` is an earlier ``len(log())``."""
        return [line for line in self.log()[since:].splitlines() if all(word in line for word in words)]

    async def wait_for_log(self, *words: str, since: int = 0, timeout: float = PATIENCE) -> str:
        """Return the first line of the log with all ``words`` in it, once there is one."""
        await eventually(lambda: bool(self.lines(*words, since=since)), f"a line of the log with {words}", timeout)
        return self.lines(*words, since=since)[0]


@dataclass
class Site:
    """What one test works with; an async context manager that ends it all.

    Addresses: the daemon is at ``host``, cameras follow behind it, and discovery asks :data:`CAMERAS` of them whether
    or not there is somebody. All cameras have the same ports, as in a shop.
    """

    directory: Path
    brokers: list[Broker] = field(default_factory=list)
    daemons: list[Daemon] = field(default_factory=list)
    logs: dict[str, Callable[[], str]] = field(default_factory=dict)
    """What stands beside a failure, by name."""
    _stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    _network: str = field(default_factory=lambda: f"127.10.{random.randrange(256)}")
    _hosts: int = 1

    async def __aenter__(self) -> Self:
        self.discovery_port = free_port(kind=socket.SOCK_DGRAM)
        self.api_port = free_port()
        self.channel_port = free_port()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def host(self) -> str:
        """The daemon's address for discovery."""
        return f"{self._network}.1"

    def at_end(self, callback: Callable[[], Awaitable[object]]) -> None:
        """Have ``callback`` awaited when the site ends, before what was there earlier is ended."""
        self._stack.push_async_callback(callback)

    def next_host(self) -> str:
        """An address for a camera that nobody has yet."""
        self._hosts += 1
        assert self._hosts <= CAMERAS
        return f"{self._network}.{self._hosts}"

    async def broker(self, *options: str, persistence: bool = False, start: bool = True) -> Broker:
        """A mosquitto; started, unless the test wants to do that later."""
        directory = self.directory / f"broker-{len(self.brokers)}"
        broker = Broker(directory, options or ("allow_anonymous true",), persistence=persistence)
        self.brokers.append(broker)
        self.logs[directory.name] = broker.log
        self._stack.push_async_callback(broker.kill)
        if start:
            await broker.start()
        return broker

    async def relay(self, broker: Broker | int, host: str = LOCALHOST) -> Relay:
        """A way to ``broker``, or to a port of ``host``, that can be shut; open."""
        relay = Relay(broker if isinstance(broker, int) else broker.port, host)
        self._stack.push_async_callback(relay.shut)
        await relay.open()
        return relay

    async def subscriber(self, port: int, topics: Iterable[str] = ("#",), *, version: str = "5") -> Subscriber:
        """A client that hears all; started."""
        subscriber = Subscriber(port, topics, version=version)
        self._stack.push_async_callback(subscriber.stop)
        await subscriber.start()
        return subscriber

    async def kept(self, port: int) -> dict[str, bytes]:
        """What a broker keeps, as a newcomer sees it."""
        newcomer = Subscriber(port)
        await newcomer.start()
        try:
            await newcomer.caught_up()
            return {message.topic: message.payload for message in newcomer.everything if message.retain}
        finally:
            await newcomer.stop()

    def settings(self, sn: str = "FS101D8BS00101", **settings: Any) -> CameraSettings:
        """What a camera of this site is like; an address of its own unless ``host`` is given."""
        ports = {"api_port": self.api_port, "channel_port": self.channel_port, "discovery_port": self.discovery_port}
        return CameraSettings(sn=sn, **{"host": settings.pop("host", None) or self.next_host(), **ports, **settings})

    async def camera(self, sn: str = "FS101D8BS00101", **settings: Any) -> SimulatedCamera:
        """A camera that is there."""
        camera = SimulatedCamera(self.settings(sn, **settings))
        self._stack.push_async_callback(camera.stop)
        await camera.start()
        return camera

    def config(self, broker: Broker | Relay | int, **changes: Any) -> dict[str, Any]:
        """A configuration for this site, with ``changes`` merged in, section by section.

        Args:
            broker: the MQTT broker, the way to it, or its port.
            **changes: sections; what they do not name stays.
        """
        targets = [f"{self._network}.{number}:{self.discovery_port}" for number in range(2, CAMERAS + 1)]
        return merge(
            {
                "mqtt": {"host": LOCALHOST, "port": broker if isinstance(broker, int) else broker.port},
                "account": {"app_id": APP_ID, "secret_key": SECRET_KEY},
                "tls": {"verify": "pin"},
                "discovery": {"bind": f"{self.host}:{self.discovery_port}", "targets": targets, "interval": 1},
                "camera": {"api_port": self.api_port, "channel_port": self.channel_port, "keep_alive": 2},
                "events": {"off_delay": 1},
                "storage": {"directory": str(self.directory / "state")},
                "web": {"enabled": False},
                "log": {"level": "debug"},
            },
            changes,
        )

    async def daemon(
        self,
        broker: Broker | Relay | int,
        *,
        start: bool = True,
        files: Mapping[str, bytes] | None = None,
        program: Iterable[str | Path] = ("ipc_bridge", "run"),
        **changes: Any,
    ) -> Daemon:
        """The daemon on :meth:`config`; started, unless the test wants to do that later.

        Args:
            broker: see :meth:`config`.
            start: whether to start it at once.
            files: what lies beside its configuration, by name.
            program: see :class:`Daemon`.
            **changes: see :meth:`config`.
        """
        directory = self.directory / f"daemon-{len(self.daemons)}"
        directory.mkdir()
        for name, content in (files or {}).items():
            (directory / name).write_bytes(content)
        daemon = Daemon(directory, self.config(broker, **changes), program)
        self.daemons.append(daemon)
        self.logs[directory.name] = daemon.log
        self._stack.push_async_callback(daemon.end)
        if start:
            await daemon.start()
        return daemon

    def bugs(self) -> list[str]:
        """Lines of the daemons' logs that must never be there."""
        return [line for daemon in self.daemons for bug in BUGS for line in daemon.lines(bug)]


async def online(hub: Subscriber, sn: str, since: int = 0) -> Message:
    """Wait until a camera of the bridge is online."""
    return await hub.wait_text(f"ipc_bridge/camera/{sn}/status", "online", since=since)


async def offline(hub: Subscriber, sn: str, since: int = 0) -> Message:
    """Wait until a camera of the bridge is offline."""
    return await hub.wait_text(f"ipc_bridge/camera/{sn}/status", "offline", since=since)


async def overview(hub: Subscriber, sn: str, status: str, since: int = 0, *, reason: str = "") -> dict[str, Any]:
    """Return a camera's row of ``bridge/cameras``, once it has ``status`` and a ``reason`` with these words."""

    def row(message: Message) -> dict[str, Any] | None:
        rows: list[dict[str, Any]] = message.json
        return next(
            (row for row in rows if (row["sn"], row["status"]) == (sn, status) and reason in (row["reason"] or "")),
            None,
        )

    message = await hub.wait_for("ipc_bridge/bridge/cameras", lambda message: row(message) is not None, since=since)
    return row(message) or {}
