"""The shops of the cloud account: a task for each, and what the hub is told of them."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from ipc_bridge.bridge import messages
from ipc_bridge.bridge.events import EventFlow
from ipc_bridge.bridge.hook_doors import HookDoors
from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.bridge.registry import Registry
from ipc_bridge.bridge.shop import ShopCamera, ShopRunner
from ipc_bridge.bridge.shop_announcer import ShopAnnouncer
from ipc_bridge.bridge.shop_door import ShopDoor
from ipc_bridge.clock import Clock
from ipc_bridge.cloud.api import CloudApi
from ipc_bridge.cloud.events import SeenBy
from ipc_bridge.cloud.pace import AT_A_TIME
from ipc_bridge.config import Cloud
from ipc_bridge.config.values import is_loopback
from ipc_bridge.models import shop_source
from ipc_bridge.mqtt.topics import OFFLINE, ONLINE, Topics
from ipc_bridge.wire.signing import Credentials

log = logging.getLogger(__name__)


class Shops:
    """All shops that are configured.

    Args:
        config: the ``cloud`` section.
        api: who is asked; opened while they run.
        topics: the topic table.
        clock: the bridge's.
        registry: what is remembered of shops.
        publisher: where their state goes.
        flow: where their events go.
        doors: where the cloud posts to.
        announcer: who tells the hub of shops.
        local: the name of a camera that the bridge has itself; None for one that it has not.
    """

    def __init__(
        self,
        config: Cloud,
        api: CloudApi,
        topics: Topics,
        clock: Clock,
        registry: Registry,
        publisher: Publisher,
        flow: EventFlow,
        doors: HookDoors,
        announcer: ShopAnnouncer,
        local: Callable[[str], str | None],
    ) -> None:
        self._config = config
        self._topics = topics
        self._registry = registry
        self._publisher = publisher
        self._announcer = announcer
        self._doors = doors
        self._local = local
        self._api = api
        self._runners: dict[str, ShopRunner] = {}
        credentials = Credentials(config.app_id, config.secret_key)
        for number in config.shops:
            url = None
            if config.hook:
                door = ShopDoor(number, credentials, clock, flow, partial(self._find, number))
                doors.open(door)
                url = doors.url(door.path)
            changed = partial(self._changed, number)
            self._runners[number] = ShopRunner(registry.shop(number), config.interval, clock, changed, url)
            publisher.hold(shop_source(number))

    async def run(self) -> None:
        """Ask for all shops until cancelled."""
        _warn_of_plain_http("cloud.base_url", self._config.base_url)
        if self._config.hook:
            _warn_of_plain_http("web.public_url", self._doors.url(""))
        # Whoever asks over MQTT waits behind these few at the most, however many shops there are.
        turns = asyncio.Semaphore(AT_A_TIME)
        async with self._api, asyncio.TaskGroup() as tasks:
            for runner in self._runners.values():
                self._publisher.retain(self._topics.shop(runner.number, "status"), OFFLINE)
                tasks.create_task(runner.run(self._api, turns), name=f"shop {runner.number}")
            await asyncio.get_running_loop().create_future()

    def all_offline(self) -> None:
        """The bridge stops: nobody is to believe that its shops are counted."""
        for number in self._runners:
            self._publisher.retain(self._topics.shop(number, "status"), OFFLINE)

    def figures(self) -> dict[str, Any]:
        """For ``bridge/health``."""
        online = Counter(runner.is_online for runner in self._runners.values())
        return {"cloud": {"online": online[True], "offline": online[False]}}

    def _changed(self, number: str) -> None:
        runner = self._runners[number]
        self._registry.changed()
        self._announcer.announce(
            runner.known, runner.cameras.values(), self._local, lambda: self._publisher.release(shop_source(number))
        )
        self._publisher.retain(self._topics.shop(number, "status"), ONLINE if runner.is_online else OFFLINE)
        self._publisher.retain(self._topics.shop(number, "info"), messages.encode(self._info(runner)))
        if runner.flow is not None:
            self._publisher.retain(self._topics.shop(number, "flow"), messages.encode(runner.flow))

    def _info(self, runner: ShopRunner) -> dict[str, Any]:
        return {
            "shop": runner.number,
            "company": self._config.company,
            "reason": runner.reason,
            "cameras": [self._camera_info(camera) for camera in runner.cameras.values()],
        }

    def _camera_info(self, camera: ShopCamera) -> dict[str, Any]:
        local = self._local(camera.sn)
        return {
            "sn": camera.sn,
            "ipc_id": camera.ipc_id,
            "name": local or camera.name,
            "model": camera.model,
            "firmware": camera.firmware,
            "online": camera.online,
            "topic": None if local is None else f"{self._topics.base}/camera/{camera.sn}",
        }

    async def _find(self, number: str, ipc_id: str) -> SeenBy:
        """A camera that saw somebody; the cloud's own id stands for a serial that nobody knows."""
        camera = await self._runners[number].find(self._api, ipc_id)
        if camera is None:
            return SeenBy(ipc_id, f"Camera {ipc_id}")
        return SeenBy(camera.sn, self._local(camera.sn) or camera.name)


def _warn_of_plain_http(key: str, url: str) -> None:
    place = urlsplit(url)
    if place.scheme == "http" and not is_loopback(place.hostname or ""):
        log.warning("%s begins with http://: anybody on the way can read who comes into your shops", key)
