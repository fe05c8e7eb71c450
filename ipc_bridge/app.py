"""The composition root: builds every part in one visible order, and stops them in the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ipc_bridge import __version__
from ipc_bridge.bridge.detections import Detections
from ipc_bridge.bridge.events import EventFlow
from ipc_bridge.bridge.journal import MemoryJournal
from ipc_bridge.bridge.lateness import Lateness
from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.bridge.registry import KnownCamera, Registry
from ipc_bridge.bridge.supervisor import CameraAnnouncer, Supervisor
from ipc_bridge.clock import Clock, SystemClock
from ipc_bridge.config import Config
from ipc_bridge.device.discovery import Discovery
from ipc_bridge.errors import StorageError
from ipc_bridge.homeassistant.announcer import Announcer
from ipc_bridge.homeassistant.payloads import bridge_device, camera_device
from ipc_bridge.models import CameraInfo
from ipc_bridge.mqtt.client import MqttClient
from ipc_bridge.mqtt.connection import Message
from ipc_bridge.mqtt.embedded import EmbeddedBroker
from ipc_bridge.mqtt.topics import OFFLINE, ONLINE, Topics
from ipc_bridge.service import READY, STOPPING, ServiceManager
from ipc_bridge.storage import JsonFile, make_directory

log = logging.getLogger(__name__)

GOODBYE_CAMERAS = 1.0
GOODBYE_BROKER = 2.0
"""Seconds that each goodbye may take: together with the rest, under five."""


async def run(config: Config, service: ServiceManager, stop: asyncio.Event, clock: Clock | None = None) -> None:
    """Run the bridge until ``stop`` is set, then say goodbye to everybody.

    Args:
        config: the whole configuration.
        service: who is told that it runs.
        stop: ends it.
        clock: the machine's unless a test brings another.

    Raises:
        ConfigError: it cannot start.
    """
    log.info("ipc-bridge %s starts; its state is in %s", __version__, config.storage.directory)
    clock = clock or SystemClock()
    _warn_of_what_is_not_there(config)
    try:
        make_directory(config.storage.directory)
    except StorageError as error:
        log.error("%s; going on: what is learnt of cameras is forgotten at the next start", error)
    registry = Registry(JsonFile(config.storage.directory / "cameras.json"))
    topics = Topics(config.mqtt.base_topic, config.homeassistant.discovery_prefix)

    # Events: camera, journal, broker.
    lateness = Lateness(config.events.max_age, clock)
    publisher = Publisher(topics, lateness.is_late, drop_late=config.events.late == "drop")
    detections = Detections(topics, publisher, config.events.off_delay)
    flow = EventFlow(topics, clock, lateness, MemoryJournal(clock), publisher, detections)

    # Home Assistant: the bridge's device first, because every camera names it.
    announcer = Announcer(config.homeassistant, topics, publisher, registry.changed)
    announcer.announce(bridge_device(topics, __version__, config.web.public_url), registry.bridge_announced)
    if config.homeassistant.enabled:
        publisher.subscribe(topics.birth, announcer.birth)

    # Cameras.
    announce = _camera_announcer(config, topics, announcer)
    supervisor = Supervisor(config, topics, clock, registry, lateness, flow, publisher, detections, announce)
    discovery = Discovery(config.discovery.bind, config.discovery.targets, supervisor.discovered)

    # The broker, last: it is told everything at once.
    client_id = config.mqtt.client_id or registry.client_id
    mqtt = MqttClient(config.mqtt, client_id, Message(topics.bridge("status"), OFFLINE, retain=True))
    publisher.retain(topics.bridge("status"), ONLINE)
    embedded = _embedded_broker(config)

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(service.feed_watchdog(), name="watchdog")]
        running.append(tasks.create_task(registry.run(), name="registry"))
        if embedded is not None:
            running.append(tasks.create_task(embedded.run_forever(), name="embedded broker"))
        talking = tasks.create_task(mqtt.run(publisher), name="mqtt")
        watching = [tasks.create_task(supervisor.run(), name="cameras")]
        if config.discovery.enabled:
            watching.append(tasks.create_task(discovery.run(config.discovery.interval), name="discovery"))
        service.notify(READY)

        await stop.wait()
        log.info("Stopping")
        service.notify(STOPPING)
        await _end(watching, GOODBYE_CAMERAS)
        supervisor.all_offline()
        publisher.retain(topics.bridge("status"), OFFLINE)
        if not await publisher.drained(GOODBYE_BROKER):
            log.warning("The broker has not taken everything: events that it did not acknowledge are lost")
        await _end([talking], GOODBYE_CAMERAS)
        await _end(running, GOODBYE_CAMERAS)
    if embedded is not None:
        await embedded.stop()
    registry.save()
    log.info("Stopped")


def _camera_announcer(config: Config, topics: Topics, announcer: Announcer) -> CameraAnnouncer:
    def announce(info: CameraInfo, known: KnownCamera, then: Callable[[], None] | None) -> None:
        device = camera_device(topics, info, __version__, config.camera_for(info.sn).api_port)
        announcer.announce(device, known.announced, then)

    return announce


def _warn_of_what_is_not_there(config: Config) -> None:
    """The configuration's contract is ahead of this version: who relies on a key is told."""
    for is_set, key in ((config.plugins.enabled, "plugins.enabled"), (config.cloud, "cloud")):
        if is_set:
            log.warning("%s has no effect yet: this version cannot do that", key)


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
