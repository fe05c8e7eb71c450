"""What can be asked of the cloud over MQTT: any of its calls, in the name of a shop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ipc_bridge.bridge.answers import Answerer, Request
from ipc_bridge.catalog.cloud import ENDPOINTS
from ipc_bridge.catalog.endpoint import Effect
from ipc_bridge.cloud.api import CloudApi
from ipc_bridge.config import Cloud
from ipc_bridge.errors import CommandError
from ipc_bridge.mqtt.connection import Received
from ipc_bridge.mqtt.topics import Topics

MAX_WAITING = 32
"""Requests to the cloud at a time: at its pace, no more are done within ``commands.timeout``."""


class ShopRequests:
    """``shop/<no>/request/...``.

    Args:
        config: the ``cloud`` section.
        api: who is asked.
        topics: the topic table.
        answerer: answers.
        allow_destructive: ``commands.allow_destructive``.
    """

    def __init__(
        self, config: Cloud, api: CloudApi, topics: Topics, answerer: Answerer, *, allow_destructive: bool
    ) -> None:
        self._config = config
        self._api = api
        self._topics = topics
        self._answerer = answerer
        self._allow_destructive = allow_destructive
        self._waiting = 0

    @property
    def handlers(self) -> dict[str, Callable[[Received], None]]:
        """By what follows a shop's number in the topic: calls have paths of several lengths."""
        lengths = sorted({path.count("/") + 1 for path in ENDPOINTS})
        return {"/".join(["request", *"+" * length]): self._received for length in lengths}

    def _received(self, message: Received) -> None:
        number, _request, *levels = self._topics.shop_levels(message.topic)
        path = "/".join(levels)
        topic = self._topics.shop(number, f"response/{path}")
        self._answerer.answer(message, topic, partial(self._call, number, path))

    async def _call(self, number: str, path: str, request: Request) -> dict[str, Any]:
        if number not in self._config.shops:
            shops = ", ".join(self._config.shops) or "none"
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
