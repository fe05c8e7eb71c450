"""Plugins in a bridge without cameras: a real journal, a real MQTT client, and a broker that writes down what comes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import textwrap
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ipc_bridge.bridge.answers import Answerer
from ipc_bridge.bridge.detections import Detections
from ipc_bridge.bridge.events import EventFlow
from ipc_bridge.bridge.lateness import Lateness
from ipc_bridge.bridge.plugins.entities import PluginDevices
from ipc_bridge.bridge.plugins.manager import Plugins, Surroundings
from ipc_bridge.bridge.plugins.operations import Means
from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.config import Account, CameraDefaults, Config, HomeAssistant, Mqtt, Storage
from ipc_bridge.config import Plugins as PluginsConfig
from ipc_bridge.errors import CommandError
from ipc_bridge.homeassistant.announcer import Announcer
from ipc_bridge.journal.feed import Feed
from ipc_bridge.journal.journal import Journal
from ipc_bridge.journal.store import FILE_NAME, JournalStore
from ipc_bridge.models import Event
from ipc_bridge.mqtt.client import MqttClient
from ipc_bridge.mqtt.connection import Message, Received
from ipc_bridge.mqtt.topics import Topics
from tests.bridge.samples import NOW, SN, StoppedClock
from tests.mqtt.broker import HOST, PATIENCE, eventually
from tests.mqtt.fake_broker import FakeBroker, Publication, fake_broker

ISOLATIONS = ("thread", "process")
HEAD = "from ipc_bridge import hookimpl\n"


def camera(sn: str = SN, **changes: Any) -> dict[str, Any]:
    """A camera as the supervisor shows it to plugins."""
    return {
        "sn": sn,
        "name": "Front door",
        "model": "FM020",
        "host": "10.0.0.1",
        "firmware": "1.3.6",
        "status": "online",
        "reason": None,
        "state": {"led": "ON", "zoom": 120},
        **changes,
    }


class FakePictures(dict[str, bytes]):
    """Pictures by the uid of what they show; what is not there does not come."""

    async def expect(self, uid: str, came_at: float, seconds: float) -> bytes | None:
        assert came_at == NOW
        assert seconds > 0
        return self.get(uid)


@dataclass
class FakeCameras:
    """Knows cameras, and carries out what is asked of them by writing it down."""

    known: dict[str, dict[str, Any]] = field(default_factory=lambda: {SN: camera()})
    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    refuses: CommandError | None = None
    hangs: bool = False

    def snapshots(self) -> list[dict[str, Any]]:
        return list(self.known.values())

    def snapshot(self, sn: str) -> dict[str, Any]:
        if sn not in self.known:
            raise CommandError("invalid", f"there is no camera {sn}")
        return self.known[sn]

    async def call(self, sn: str, params: Mapping[str, Any], *, path: str) -> dict[str, Any]:
        return await self._carry_out(sn, path, params)

    async def set(self, sn: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return await self._carry_out(sn, "set", values)

    async def press(self, sn: str, params: Mapping[str, Any], *, name: str) -> dict[str, Any]:
        return await self._carry_out(sn, f"press/{name}", params)

    async def _carry_out(self, sn: str, what: str, params: Mapping[str, Any]) -> dict[str, Any]:
        self.calls.append((sn, what, dict(params)))
        if self.refuses is not None:
            raise self.refuses
        if self.hangs:
            await asyncio.get_running_loop().create_future()
        return {"did": what}


class Stage:
    """What one test works with.

    Args:
        directory: for everything that is written.
        broker: where messages go.
        isolation: where plugins run, unless they say.
    """

    def __init__(self, directory: Path, broker: FakeBroker, isolation: str) -> None:
        self.directory = directory
        self.isolation = isolation
        self.broker = broker
        self.clock = StoppedClock()
        self.cameras = FakeCameras()
        self.pictures = FakePictures()
        self.topics = Topics("ipc_bridge", "homeassistant")
        self.sources = directory / "plugins"
        self.sources.mkdir(exist_ok=True)
        self.config = Config(
            account=Account(app_id="app", secret_key="secret"),
            camera=CameraDefaults(account=Account(app_id="app", secret_key="secret")),
            storage=Storage(directory=directory / "state"),
            plugins=PluginsConfig(directory=self.sources),
        )
        (directory / "state").mkdir(exist_ok=True)
        self.loaded: list[str] = []
        self.acknowledged: list[int | None] = []

    def enable(self, name: str, source: str | None = None, **settings: Any) -> None:
        """Write a plugin, and enable it."""
        if source is not None:
            (self.sources / f"{name}.py").write_text(HEAD + textwrap.dedent(source), encoding="utf-8")
        enabled = {**self.config.plugins.enabled, name: {"isolation": self.isolation, **settings}}
        self.config = replace(self.config, plugins=replace(self.config.plugins, enabled=enabled))

    def disable(self, name: str) -> None:
        enabled = {other: settings for other, settings in self.config.plugins.enabled.items() if other != name}
        self.config = replace(self.config, plugins=replace(self.config.plugins, enabled=enabled))

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Have the plugins work until the end of the block; may be done again, as after a restart."""
        self._build()
        await self.journal.open()
        await self.plugins.open()
        client = MqttClient(
            Mqtt(host=HOST, port=self.broker.port),
            f"stage-{id(self)}",
            Message("ipc_bridge/bridge/status", b"offline", retain=True),
            lambda _low, _high: 0.01,
        )
        jobs = [
            self.journal.run(),
            self.feed.run(),
            self.plugins.run(),
            client.run(self.publisher),
            self.answerer.run(),
        ]
        tasks = [asyncio.create_task(job) for job in jobs]
        await eventually(lambda: bool(self.broker.packets))
        await eventually(lambda: "starting" not in [one["state"] for one in self.plugins.figures().values()])
        try:
            yield
        finally:
            # The plugins first: what they say in the end is sent.
            for index in (2, 0, 1, 3, 4):
                tasks[index].cancel()
                await asyncio.wait([tasks[index]])
            await self.journal.close()
        for task in tasks:
            if not task.cancelled():
                task.result()

    def _build(self) -> None:
        file = self.config.storage.directory / FILE_NAME
        self.journal = Journal(JournalStore(file, self.clock, 86_400, 10_000_000), self.clock)
        self.lateness = lateness = Lateness(30, self.clock)
        self.publisher = Publisher(self.topics, lateness.is_late, drop_late=False)
        self.feed = Feed(self.journal, "mqtt", self.publisher.append)
        self.publisher.on_done(self.feed.done)
        detections = Detections(self.topics, self.publisher, 30)
        self.flow = EventFlow(self.topics, self.clock, lateness, self.journal, self.publisher, detections)
        self.answerer = Answerer(self.publisher, 15)
        announcer = Announcer(HomeAssistant(), self.topics, self.publisher)
        means = Means(self.topics, self.publisher, self.cameras, self.cameras, 15, file, lateness, self.pictures)
        around = Surroundings(
            self.journal,
            means,
            self.answerer,
            PluginDevices(self.topics, announcer),
            self.clock,
            lambda: self.read_again(),  # noqa: PLW0108 - a test may put another there
            self._changed,
        )
        self.plugins = Plugins(self.config, around)
        announcer.on_announced(self.plugins.announced)
        self.flow.filter = self.plugins.filter

    def read_again(self) -> Config:
        """The configuration's file, as it is now."""
        return self.config

    def _changed(self, names: list[str]) -> None:
        self.loaded = names

    # What happens.

    def happen(self, *events: Event) -> None:
        """Cameras send events."""
        for event in events:
            self.journal.append(event, lambda event=event: self.acknowledged.append(event.event_id))  # type: ignore[misc]

    def send(self, topic: str, payload: bytes | str = b"") -> None:
        """Somebody publishes."""
        data = payload.encode() if isinstance(payload, str) else payload
        self.publisher.received(Received(topic, data, retained=False))

    # What comes of it.

    def figures(self, name: str) -> dict[str, Any]:
        figures: dict[str, Any] = self.plugins.figures()[name]
        return figures

    def messages(self, topic: str) -> list[Publication]:
        return [one for one in self.broker.publications if one.topic == topic]

    def said(self, topic: str) -> list[Any]:
        """The payloads on ``topic``, as JSON."""
        return [json.loads(one.payload) for one in self.messages(topic)]

    async def hears(self, topic: str, count: int = 1) -> Any:
        """Return the ``count``-th payload on ``topic`` as JSON, once it has come."""
        await self.sees(lambda: len(self.messages(topic)) >= count, f"message {count} on {topic}")
        return self.said(topic)[count - 1]

    async def sees(self, condition: Callable[[], bool], what: str = "") -> None:
        """Wait for what happens in a plugin."""
        try:
            await eventually(condition)
        except TimeoutError:
            topics = [(one.topic, one.payload[:80]) for one in self.broker.publications][-20:]
            raise AssertionError(
                f"within {PATIENCE} s not seen: {what}; {self.plugins.figures()}; published: {topics}"
            ) from None


@contextlib.asynccontextmanager
async def stage(directory: Path, isolation: str = "thread") -> AsyncIterator[Stage]:
    """A stage, and its broker."""
    async with fake_broker() as broker:
        yield Stage(directory, broker, isolation)
