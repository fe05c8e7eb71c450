"""The shops of the cloud account: a task for each, what the hub is told of them, and what can be asked for."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from ipc_bridge.bridge import messages
from ipc_bridge.bridge.answers import Answerer, Request
from ipc_bridge.bridge.events import EventFlow
from ipc_bridge.bridge.hook_doors import HookDoors
from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.bridge.registry import Registry
from ipc_bridge.bridge.shop import ShopCamera, ShopRunner
from ipc_bridge.bridge.shop_announcer import ShopAnnouncer
from ipc_bridge.bridge.shop_door import ShopDoor
from ipc_bridge.catalog.cloud import ENDPOINTS
from ipc_bridge.catalog.endpoint import Effect
from ipc_bridge.clock import Clock
from ipc_bridge.cloud.api import CloudApi
from ipc_bridge.cloud.events import SeenBy
from ipc_bridge.cloud.pace import AT_A_TIME
from ipc_bridge.config import Cloud
from ipc_bridge.config.values import is_loopback
from ipc_bridge.errors import CommandError
from ipc_bridge.models import shop_source
from ipc_bridge.mqtt.connection import Received
from ipc_bridge.mqtt.topics import OFFLINE, ONLINE, Topics
from ipc_bridge.wire.signing import Credentials

log = logging.getLogger(__name__)

MAX_WAITING = 32
"""Requests to the cloud at a time: at its pace, no more are done within ``commands.timeout``."""


class Shops:
    """All shops that are configured.

    Args:
        config: the ``cloud`` section.
        topics: the topic table.
        clock: the bridge's.
        registry: what is remembered of shops.
        publisher: where their state goes.
        flow: where their events go.
        answerer: answers.
        doors: where the cloud posts to.
        announcer: who tells the hub of shops.
        local: the name of a camera that the bridge has itself; None for one that it has not.
        allow_destructive: ``commands.allow_destructive``.
    """

    def __init__(
        self,
        config: Cloud,
        topics: Topics,
        clock: Clock,
        registry: Registry,
        publisher: Publisher,
        flow: EventFlow,
        answerer: Answerer,
        doors: HookDoors,
        announcer: ShopAnnouncer,
        local: Callable[[str], str | None],
        *,
        allow_destructive: bool,
    ) -> None:
        self._config = config
        self._topics = topics
        self._registry = registry
        self._publisher = publisher
        self._answerer = answerer
        self._announcer = announcer
        self._doors = doors
        self._local = local
        self._allow_destructive = allow_destructive
        self._waiting = 0
        credentials = Credentials(config.app_id, config.secret_key)
        self._api = CloudApi(config.base_url, credentials, clock)
        self._runners: dict[str, ShopRunner] = {}
        for number in config.shops:
            url = None
            if config.hook:
                door = ShopDoor(number, credentials, clock, flow, partial(self._find, number))
                doors.open(door)
                url = doors.url(door.path)
            changed = partial(self._changed, number)
            self._runners[number] = ShopRunner(registry.shop(number), config.interval, clock, changed, url)
            publisher.hold(shop_source(number))

    @property
    def subscriptions(self) -> dict[str, Callable[[Received], None]]:
        """Handlers by what follows a shop's number in the topic: calls have paths of several lengths."""
        lengths = sorted({path.count("/") + 1 for path in ENDPOINTS})
        return {"/".join(["request", *"+" * length]): self._request_received for length in lengths}

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

    # What is told.

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

    # What is asked for.

    def _request_received(self, message: Received) -> None:
        number, _request, *levels = self._topics.shop_levels(message.topic)
        path = "/".join(levels)
        topic = self._topics.shop(number, f"response/{path}")
        self._answerer.answer(message, topic, partial(self._call, number, path))

    async def _call(self, number: str, path: str, request: Request) -> dict[str, Any]:
        if number not in self._runners:
            shops = ", ".join(self._runners) or "none"
            raise CommandError("invalid", f"there is no shop {number}: cloud.shops has {shops}")
        endpoint = ENDPOINTS.get(path)
        if endpoint is None:
            raise CommandError("invalid", f"the cloud has no {path}; docs/cloud-endpoints.md lists what it has")
        if endpoint.effect is Effect.DANGER and not self._allow_destructive:
            raise CommandError("forbidden", f"{path} needs commands.allow_destructive: {endpoint.title}")
        params = self._complete(number, endpoint.params, request.params)
        # What is wrong is refused at once, whatever waits.
        endpoint.plan(params)
        if self._waiting >= MAX_WAITING:
            raise CommandError("busy", f"{MAX_WAITING} requests to the cloud are under way: ask later")
        self._waiting += 1
        try:
            return await self._api.call(endpoint, **params)
        finally:
            self._waiting -= 1

    def _complete(self, number: str, needed: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters with the shop and the merchant filled in: the topic has named the shop."""
        if params.get("sunmi_shop_no", number) != number:
            raise CommandError("invalid", f"sunmi_shop_no must be {number}, as in the topic, or left out")
        own = {"sunmi_shop_no": number, "sunmi_company_no": self._config.company}
        return {**{name: value for name, value in own.items() if name in needed and value is not None}, **params}


def _warn_of_plain_http(key: str, url: str) -> None:
    place = urlsplit(url)
    if place.scheme == "http" and not is_loopback(place.hostname or ""):
        log.warning("%s begins with http://: anybody on the way can read who comes into your shops", key)
