"""``bridge/request/<verb>``: what the bridge itself can be asked for. No verb takes code or a path."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from ipc_bridge import __version__
from ipc_bridge.bridge.answers import Answerer, Request
from ipc_bridge.bridge.health import Health
from ipc_bridge.bridge.lateness import Lateness
from ipc_bridge.bridge.messages import event_payload
from ipc_bridge.bridge.supervisor import Supervisor
from ipc_bridge.device.discovery import Discovery
from ipc_bridge.errors import CommandError, DeviceError, StorageError
from ipc_bridge.journal.history import DEFAULT_LIMIT, MAX_LIMIT, Query, read_events
from ipc_bridge.models import is_serial, shop_source
from ipc_bridge.mqtt.connection import Received
from ipc_bridge.mqtt.topics import Topics

FIRST_TIME = 1_000_000_000
"""A ``since`` from here on is Unix seconds, below it a ``seq``: a camera sees a billion faces in thirty years."""


class BridgeRequests:
    """The verbs.

    Args:
        topics: the topic table.
        answerer: answers.
        supervisor: the cameras.
        discovery: finds them.
        lateness: what is history.
        health: figures.
        journal: the journal's file.
        reload: loads plugins anew; returns what became of each.
    """

    def __init__(
        self,
        topics: Topics,
        answerer: Answerer,
        supervisor: Supervisor,
        discovery: Discovery,
        lateness: Lateness,
        health: Health,
        journal: Path,
        reload: Callable[[], Awaitable[dict[str, Any]]],
    ) -> None:
        self._topics = topics
        self._answerer = answerer
        self._supervisor = supervisor
        self._discovery = discovery
        self._lateness = lateness
        self._health = health
        self._journal = journal
        self._reload_plugins = reload
        self._verbs: dict[str, Callable[[Request], Awaitable[Any]]] = {
            "discover": self._discover,
            "forget": self._forget,
            "refresh": self._refresh,
            "reload": self._reload,
            "events": self._events,
            "trust": self._trust,
            "diagnose": self._diagnose,
        }

    def received(self, message: Received) -> None:
        """Carry a request out."""
        verb = message.topic.rpartition("/")[2]
        self._answerer.answer(message, self._topics.response(verb), self._verbs.get(verb, self._unknown))

    async def _unknown(self, _request: Request) -> None:
        raise CommandError("invalid", f"the bridge knows no such request; it knows {', '.join(sorted(self._verbs))}")

    async def _discover(self, request: Request) -> dict[str, Any]:
        _take(request)
        self._supervisor.welcome_forgotten()
        try:
            await self._discovery.round()
        except DeviceError as error:
            raise CommandError("offline", str(error)) from error
        return {"cameras": self._supervisor.overview()}

    async def _forget(self, request: Request) -> dict[str, Any]:
        (sn,) = _take(request, "sn")
        await self._supervisor.forget(_serial(sn))
        return {"sn": sn}

    async def _refresh(self, request: Request) -> dict[str, Any]:
        (sn,) = _take(request, "sn")
        return {"refreshed": await self._supervisor.refresh(None if sn in (None, "all") else _serial(sn))}

    async def _trust(self, request: Request) -> dict[str, Any]:
        (sn,) = _take(request, "sn")
        self._supervisor.trust(_serial(sn))
        return {"sn": sn}

    async def _events(self, request: Request) -> dict[str, Any]:
        sn, shop, since, limit = _take(request, "sn", "shop", "since", "limit")
        query = _query(_source(sn, shop), since, limit)
        try:
            entries = await asyncio.to_thread(read_events, self._journal, query)
        except StorageError as error:
            raise CommandError("offline", str(error)) from error
        payloads = [event_payload(entry, late=self._lateness.is_late(entry)) for entry in entries]
        return {"events": [orjson.Fragment(payload) for payload in payloads]}

    async def _reload(self, request: Request) -> dict[str, Any]:
        _take(request)
        return await self._reload_plugins()

    async def _diagnose(self, request: Request) -> dict[str, Any]:
        _take(request)
        return {
            "version": __version__,
            "python": platform.python_version(),
            "system": platform.platform(),
            "health": self._health.report(),
            "discovery": dict(self._discovery.counters),
            "cameras": self._supervisor.diagnosis(),
        }


def _take(request: Request, *names: str) -> list[Any]:
    """The request's parameters in the order of ``names``, None for what is not given.

    Raises:
        CommandError: there is another one.
    """
    unknown = sorted(request.params.keys() - set(names))
    if unknown:
        raise CommandError(
            "invalid", f"{unknown[0]} is no parameter of this request; it has {', '.join(names) or 'none'}"
        )
    return [request.params.get(name) for name in names]


def _serial(sn: object) -> str:
    if not isinstance(sn, str) or not is_serial(sn):
        raise CommandError("invalid", "sn must be a camera's serial number")
    return sn


def _source(sn: object, shop: object) -> str | None:
    if shop is None:
        return None if sn is None else _serial(sn)
    if sn is not None or not isinstance(shop, str) or not is_serial(shop):
        raise CommandError("invalid", "shop must be a sunmi_shop_no, and goes without sn")
    return shop_source(shop)


def _query(source: str | None, since: object, limit: object) -> Query:
    if limit is None:
        limit = DEFAULT_LIMIT
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
        raise CommandError("invalid", f"limit must be a whole number from 1 to {MAX_LIMIT}")
    if since is None:
        return Query(source, limit=limit)
    if isinstance(since, int | float) and not isinstance(since, bool) and since >= 0:
        if since >= FIRST_TIME:
            return Query(source, since=float(since), limit=limit)
        if source is not None:
            return Query(source, from_seq=int(since), limit=limit)
    if isinstance(since, str):
        try:
            when = datetime.fromisoformat(since)
        except ValueError:
            when = None
        if when is not None and when.tzinfo is not None:
            return Query(source, since=when.timestamp(), limit=limit)
    raise CommandError(
        "invalid",
        "since must be a time such as 2026-11-22T17:00:07Z, Unix seconds, or with sn or shop one of its seq numbers",
    )
