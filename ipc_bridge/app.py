"""The composition root: builds every part in one visible order, and stops them in the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any
from urllib.parse import urlsplit

from ipc_bridge import __version__
from ipc_bridge.bridge.answers import Answerer
from ipc_bridge.bridge.automatic_snapshots import AutomaticSnapshots
from ipc_bridge.bridge.commands import Commands
from ipc_bridge.bridge.detections import Detections
from ipc_bridge.bridge.events import EventFlow
from ipc_bridge.bridge.face_pictures import FacePictures
from ipc_bridge.bridge.health import Health
from ipc_bridge.bridge.hook_doors import HookDoors
from ipc_bridge.bridge.lateness import Lateness
from ipc_bridge.bridge.pictures import Pictures
from ipc_bridge.bridge.plugins.entities import PluginDevices
from ipc_bridge.bridge.plugins.manager import Plugins, Surroundings
from ipc_bridge.bridge.plugins.operations import Means
from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.bridge.registry import KnownCamera, Registry
from ipc_bridge.bridge.regulars import Regulars
from ipc_bridge.bridge.requests import BridgeRequests
from ipc_bridge.bridge.shop_announcer import ShopAnnouncer
from ipc_bridge.bridge.shop_requests import ShopRequests
from ipc_bridge.bridge.shops import Shops
from ipc_bridge.bridge.snapshots import Snapshots
from ipc_bridge.bridge.supervisor import Supervisor
from ipc_bridge.clock import Clock, SystemClock
from ipc_bridge.cloud.api import CloudApi
from ipc_bridge.config import Cloud, Config
from ipc_bridge.config.values import is_loopback
from ipc_bridge.device.discovery import Discovery
from ipc_bridge.errors import StorageError
from ipc_bridge.homeassistant.announcer import Announcer
from ipc_bridge.homeassistant.payloads import bridge_device, camera_device, camera_id
from ipc_bridge.journal.feed import Feed
from ipc_bridge.journal.journal import Journal
from ipc_bridge.journal.store import FILE_NAME, JournalStore
from ipc_bridge.models import CameraInfo
from ipc_bridge.mqtt.client import Client, MqttClient
from ipc_bridge.mqtt.connection import Message
from ipc_bridge.mqtt.embedded import EmbeddedBroker
from ipc_bridge.mqtt.topics import OFFLINE, ONLINE, Topics
from ipc_bridge.pictures.store import PictureStore
from ipc_bridge.service import READY, STOPPING, ServiceManager
from ipc_bridge.storage import JsonFile, make_directory, only_user
from ipc_bridge.web.application import make_application
from ipc_bridge.web.server import WebServer
from ipc_bridge.wire.signing import Credentials

log = logging.getLogger(__name__)

MQTT = "mqtt"
"""The journal's name of the broker as a sink."""
DAY = 86_400.0
MEGABYTE = 1_000_000
GOODBYE_CAMERAS = 1.0
GOODBYE_BROKER = 2.0
"""Seconds that each goodbye may take: together with the rest, under five."""


async def run(
    config: Config,
    service: ServiceManager,
    stop: asyncio.Event,
    clock: Clock | None = None,
    read_again: Callable[[], Config] | None = None,
) -> None:
    """Run the bridge until ``stop`` is set, then say goodbye to everybody.

    Args:
        config: the whole configuration.
        service: who is told that it runs.
        stop: ends it.
        clock: the machine's unless a test brings another.
        read_again: reads the configuration's file again, for ``bridge/request/reload``.

    Raises:
        ConfigError: it cannot start.
    """
    log.info("ipc-bridge %s starts; its state is in %s", __version__, config.storage.directory)
    _warn_of_hooks_that_nobody_reaches(config)
    try:
        make_directory(config.storage.directory)
    except StorageError as error:
        log.error("%s; going on: what is learnt of cameras is forgotten at the next start", error)
    with only_user(config.storage.directory):
        await Bridge(config, clock or SystemClock(), read_again or (lambda: config)).run(service, stop)


class Bridge:
    """All parts of the bridge, built in the order in which they need each other.

    Args:
        config: the whole configuration.
        clock: the bridge's.
        read_again: reads the configuration's file again.
    """

    def __init__(self, config: Config, clock: Clock, read_again: Callable[[], Config]) -> None:
        self.config = config
        self.registry = registry = Registry(JsonFile(config.storage.directory / "cameras.json"))
        topics = Topics(config.mqtt.base_topic, config.homeassistant.discovery_prefix)
        self.topics = topics

        # Events: camera, journal, broker.
        file = config.storage.directory / FILE_NAME
        kept = config.journal
        self.journal = journal = Journal(
            JournalStore(file, clock, kept.keep_days * DAY, round(kept.keep_megabytes * MEGABYTE)), clock
        )
        lateness = Lateness(config.events.max_age, clock)
        self.publisher = publisher = Publisher(topics, lateness.is_late, drop_late=config.events.late == "drop")
        self.feed = feed = Feed(journal, MQTT, publisher.append)
        publisher.on_done(feed.done)
        detections = Detections(topics, publisher, config.events.off_delay)
        self.flow = flow = EventFlow(topics, clock, lateness, journal, publisher, detections)

        # Home Assistant: the bridge's device first, because every camera names it.
        announcer = Announcer(config.homeassistant, topics, publisher, registry.changed)
        _announce_bridge(self, announcer, has_plugins=bool(config.plugins.enabled))
        if config.homeassistant.enabled:
            publisher.subscribe(topics.birth, announcer.birth)

        # Cameras.
        cameras = _CameraAnnouncer(config, topics, announcer)
        doors = HookDoors(clock, config.web.public_url)
        self.supervisor = supervisor = Supervisor(
            config, topics, clock, registry, lateness, flow, publisher, detections, cameras, doors
        )
        self.discovery = discovery = Discovery(config.discovery.bind, config.discovery.targets, supervisor.discovered)
        journal.on_room(supervisor.resume)

        self.regulars = Regulars(publisher, supervisor.stranger_became_regular)

        # Pictures, behind all events.
        self.pictures = pictures = Pictures(publisher, _picture_store(config, clock))
        self.snapshots = snapshots = Snapshots(
            topics,
            clock,
            pictures,
            supervisor.find,
            retain=config.mqtt.retain_images.snapshots,
        )
        self.automatic_snapshots = AutomaticSnapshots(snapshots, publisher, lambda: registry.cameras, supervisor.find)
        self.face_pictures = FacePictures(
            topics,
            publisher,
            pictures,
            supervisor.find,
            lateness.is_late,
            retain=config.mqtt.retain_images.faces,
            is_enabled=config.pictures.enabled,
        )

        # What is told unasked, and what can be asked for.
        self.health = health = Health(topics, publisher, clock)
        self.answerer = Answerer(publisher, config.commands.timeout)
        commands = Commands(
            topics,
            self.answerer,
            supervisor,
            publisher,
            snapshots,
            allow_destructive=config.commands.allow_destructive,
        )
        for leaf, handler in commands.handlers.items():
            publisher.subscribe(topics.camera("+", leaf), handler)

        # Plugins.
        means = Means(topics, publisher, supervisor, commands, config.commands.timeout, file, lateness, pictures)
        self.plugins = plugins = _plugins(self, means, announcer, clock, read_again)
        flow.filter, supervisor.listener, commands.attendant = plugins.filter, plugins, plugins
        plugins.filter.on_room(supervisor.resume)
        announcer.on_announced(plugins.announced)
        _tell_of_health(self, doors)
        requests = BridgeRequests(topics, self.answerer, supervisor, discovery, lateness, health, file, plugins.reload)
        publisher.subscribe(topics.request("+"), requests.received)

        # The cloud, where the configuration asks for it; shops that are not configured any more are forgotten.
        announcements = ShopAnnouncer(topics, announcer, publisher, registry)
        announcements.forget_others(config.cloud.shops if config.cloud is not None else ())
        self.shops = _shops(self, config.cloud, clock, doors, announcements)

        # What others reach over HTTP.
        self.web = _web_server(self, doors)

        # The broker, last: it is told everything at once.
        client_id = config.mqtt.client_id or registry.client_id
        self.mqtt: Client = MqttClient(config.mqtt, client_id, Message(topics.bridge("status"), OFFLINE, retain=True))
        publisher.retain(topics.bridge("status"), ONLINE)
        self.embedded = _embedded_broker(config)

    async def run(self, service: ServiceManager, stop: asyncio.Event) -> None:
        """Run all parts until ``stop`` is set; then end them in the other order, each in its time."""
        await self.journal.open()
        self.flow.remember_faces(await self.journal.newest_faces())
        await self.regulars.recall(self.journal, MQTT)
        # Before any event or command, so that those who are asked can answer.
        await self.plugins.open()
        async with asyncio.TaskGroup() as tasks:

            def start(name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
                return tasks.create_task(work, name=name)

            serving = [
                start("watchdog", service.feed_watchdog()),
                start("registry", self.registry.run()),
                start("journal", self.journal.run()),
                start("feed", self.feed.run()),
                start("health", self.health.run()),
                start("picture store", self.pictures.run()),
                start("face pictures", self.face_pictures.run()),
                start("snapshots", self.automatic_snapshots.run()),
            ]
            if self.web is not None:
                serving.append(start("web", self.web.run()))
            if self.embedded is not None:
                serving.append(start("embedded broker", self.embedded.run_forever()))
            talking = start("mqtt", self.mqtt.run(self.publisher))
            working = [start("plugins", self.plugins.run())]
            await self.plugins.settled()
            working += [start("requests", self.answerer.run()), start("cameras", self.supervisor.run())]
            if self.shops is not None:
                working.append(start("cloud", self.shops.run()))
            if self.config.discovery.enabled:
                working.append(start("discovery", self.discovery.run(self.config.discovery.interval)))
            service.notify(READY)

            await stop.wait()
            log.info("Stopping")
            service.notify(STOPPING)
            await _end(working, GOODBYE_CAMERAS)
            self.supervisor.all_offline()
            if self.shops is not None:
                self.shops.all_offline()
            self.publisher.retain(self.topics.bridge("status"), OFFLINE)
            if not await self.publisher.drained(GOODBYE_BROKER):
                log.info("The broker has not taken everything: the rest is in the journal, for the next start")
            await _end([talking], GOODBYE_CAMERAS)
            await _end(serving, GOODBYE_CAMERAS)
        self.pictures.close()
        await self.journal.close()
        if self.embedded is not None:
            await self.embedded.stop()
        self.registry.save()
        log.info("Stopped")


def _picture_store(config: Config, clock: Clock) -> PictureStore | None:
    kept = config.pictures
    if not kept.enabled:
        return None
    directory = config.storage.directory / "pictures"
    return PictureStore(directory, clock, kept.keep_days * DAY, round(kept.keep_megabytes * MEGABYTE))


def _announce_bridge(bridge: Bridge, announcer: Announcer, *, has_plugins: bool) -> None:
    device = bridge_device(bridge.topics, __version__, bridge.config.web.public_url, has_plugins=has_plugins)
    announcer.announce(device, bridge.registry.bridge_announced)


def _plugins(
    bridge: Bridge, means: Means, announcer: Announcer, clock: Clock, read_again: Callable[[], Config]
) -> Plugins:
    def changed(names: list[str]) -> None:
        bridge.supervisor.plugins_changed(names)
        _announce_bridge(bridge, announcer, has_plugins=bool(plugins.figures()))

    devices = PluginDevices(bridge.topics, announcer)
    around = Surroundings(bridge.journal, means, bridge.answerer, devices, clock, read_again, changed)
    plugins = Plugins(bridge.config, around)
    return plugins


def _shops(
    bridge: Bridge, config: Cloud | None, clock: Clock, doors: HookDoors, announcer: ShopAnnouncer
) -> Shops | None:
    if config is None:
        return None
    api = CloudApi(config.base_url, Credentials(config.app_id, config.secret_key), clock)
    shops = Shops(
        config,
        api,
        bridge.topics,
        clock,
        bridge.registry,
        bridge.publisher,
        bridge.flow,
        doors,
        announcer,
        bridge.supervisor.name_of,
    )
    bridge.health.gather(shops.figures)
    allow_destructive = bridge.config.commands.allow_destructive
    requests = ShopRequests(config, api, bridge.topics, bridge.answerer, allow_destructive=allow_destructive)
    for leaf, handler in requests.handlers.items():
        bridge.publisher.subscribe(bridge.topics.shop("+", leaf), handler)
    return shops


def _web_server(bridge: Bridge, doors: HookDoors) -> WebServer | None:
    web = bridge.config.web
    if not web.enabled:
        return None
    server = WebServer(web, make_application(web, bridge.health, doors, bridge.plugins.sockets))
    bridge.health.check(lambda: server.problem)
    return server


def _tell_of_health(bridge: Bridge, doors: HookDoors) -> None:
    """What the bridge's health is made of."""
    health, journal, feed, plugins = bridge.health, bridge.journal, bridge.feed, bridge.plugins
    health.gather(lambda: {"events": _event_figures(bridge.flow, journal, bridge.publisher)})
    health.gather(lambda: {"journal": {"depth": feed.depth, **journal.figures()}})
    health.gather(bridge.supervisor.figures)
    health.gather(lambda: {"hooks": doors.figures()})
    health.gather(lambda: {"pictures": {**bridge.face_pictures.figures(), **bridge.pictures.figures()}})
    health.gather(lambda: {"snapshots": bridge.automatic_snapshots.figures()})
    health.gather(lambda: {"plugins": plugins.figures()})
    health.check(lambda: journal.problem)
    health.check(lambda: journal.damage)
    health.check(plugins.problem)


def _event_figures(flow: EventFlow, journal: Journal, publisher: Publisher) -> dict[str, int]:
    """Events since the start, by what became of them."""
    return {
        "in": flow.counters["received"],
        "unusable": flow.counters["unusable"],
        "filtered": flow.counters["filtered"],
        "duplicate": journal.counters["duplicate"],
        "out": publisher.counters["delivered"],
        "late": publisher.counters["late"],
        "refused": publisher.counters["refused"],
    }


class _CameraAnnouncer:
    """Cameras as Home Assistant's devices."""

    def __init__(self, config: Config, topics: Topics, announcer: Announcer) -> None:
        self._config = config
        self._topics = topics
        self._announcer = announcer

    def announce(
        self,
        info: CameraInfo,
        known: KnownCamera,
        state: Mapping[str, Any],
        counts: bool | None,
        then: Callable[[], None] | None,
    ) -> None:
        device = camera_device(
            self._topics,
            info,
            __version__,
            self._config.camera_for(info.sn).api_port,
            state,
            known.unsupported,
            counts=counts,
            pictures=self._config.pictures.enabled,
            allow_destructive=self._config.commands.allow_destructive,
        )
        self._announcer.announce(device, known.announced, then)

    def withdraw(self, known: KnownCamera) -> list[str]:
        return self._announcer.withdraw(camera_id(self._topics, known.sn), known.announced)


def _warn_of_hooks_that_nobody_reaches(config: Config) -> None:
    """Who posts to an address on which nobody listens looks as if there were nothing to tell."""
    cloud_posts = config.cloud is not None and config.cloud.hook
    posts = cloud_posts or any(camera.transport == "hook" for camera in (config.camera, *config.cameras))
    public = urlsplit(config.web.public_url or "").hostname or ""
    if posts and is_loopback(config.web.host) and not is_loopback(public):
        log.warning(
            "Events are to be posted to %s, but web.host %s takes connections of this machine only: "
            "set web.host to this machine's address, or 0.0.0.0",
            public,
            config.web.host,
        )


def _embedded_broker(config: Config) -> EmbeddedBroker | None:
    if not config.mqtt.embedded:
        return None
    broker = EmbeddedBroker(
        config.mqtt.host,
        config.mqtt.port,
        config.storage.directory / "broker",
        config.mqtt.username,
        config.mqtt.password,
    )
    if broker.limits is not None:
        log.warning("%s", broker.limits)
    return broker


async def _end(tasks: list[asyncio.Task[None]], timeout: float) -> None:
    """Cancel ``tasks`` and wait for their goodbyes, but not longer than ``timeout`` seconds."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=timeout)
