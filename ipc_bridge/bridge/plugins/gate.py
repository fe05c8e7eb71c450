"""Plugins that are asked: what becomes of an event before it is kept, and whether a command is carried out."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

import orjson

from ipc_bridge.bridge.lateness import Lateness
from ipc_bridge.bridge.messages import event_payload
from ipc_bridge.bridge.plugins.actor import Actor
from ipc_bridge.clock import Clock
from ipc_bridge.errors import CommandError, PluginError, PluginFailedError
from ipc_bridge.hooks.peer import describe
from ipc_bridge.journal.entry import Entry
from ipc_bridge.models import Event

log = logging.getLogger(__name__)

MAX_WAITING = 500
"""Events that wait for filters; from there on cameras are not read any more."""
FILTER, AUTHORIZE = "filter_event", "authorize_command"

Append = Callable[[Event, Callable[[], None]], None]


class EventFilter:
    """Asks plugins about each event, those of one source in order.

    Args:
        actors: those that have ``filter_event``, in order.
        snapshot: what is known of an event's camera.
        lateness: what is history.
        clock: the bridge's.
    """

    def __init__(
        self,
        actors: Callable[[], list[Actor]],
        snapshot: Callable[[Event], Mapping[str, Any]],
        lateness: Lateness,
        clock: Clock,
    ) -> None:
        self._actors = actors
        self._snapshot = snapshot
        self._lateness = lateness
        self._clock = clock
        self._lanes: dict[str, deque[tuple[Event, float, Callable[[Event | None], None]]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = 0
        self._on_room: list[Callable[[], None]] = []

    def wants(self, source: str) -> bool:
        """Whether an event of this source has to take this way."""
        return source in self._lanes or bool(self._actors())

    @property
    def is_full(self) -> bool:
        """Whether more events wait than should."""
        return self._waiting >= MAX_WAITING

    def on_room(self, listener: Callable[[], None]) -> None:
        """Have ``listener`` called when there is room again."""
        self._on_room.append(listener)

    def put(self, event: Event, then: Callable[[Event | None], None]) -> None:
        """Ask about ``event``; ``then`` gets what becomes of it, None where it is dropped."""
        self._waiting += 1
        item = (event, self._clock.monotonic(), then)
        lane = self._lanes.get(event.source)
        if lane is not None:
            lane.append(item)
            return
        self._lanes[event.source] = deque([item])
        task = asyncio.create_task(self._work(event.source), name=f"filter {event.source}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, source: str) -> None:
        lane = self._lanes[source]
        while lane:
            event, mono, then = lane[0]
            passed = await self._ask(event, mono)
            lane.popleft()
            was_full = self.is_full
            self._waiting -= 1
            then(passed)
            if was_full:
                for listener in self._on_room:
                    listener()
        del self._lanes[source]

    async def _ask(self, event: Event, mono: float) -> Event | None:
        for actor in self._actors():
            late = self._lateness.is_late(Entry(0, 0, 0, event, mono, self._clock.boot))
            payload = event_payload(Entry(0, 0, 0, event, mono, self._clock.boot), late=late)
            arguments = {"camera": self._snapshot(event), "event": orjson.Fragment(payload)}
            try:
                answer = await actor.ask(FILTER, arguments)
            except PluginError:
                continue
            if answer is False:
                return None
            if isinstance(answer, dict):
                try:
                    event = change(event, answer)
                except PluginFailedError as error:
                    actor.gate_failed(FILTER, error)
        return event


def change(event: Event, changes: Mapping[str, Any]) -> Event:
    """Return ``event`` with other details.

    Raises:
        PluginFailedError: a change is none of a detail, or not of its kind.
    """
    details = event.details()
    for name, value in changes.items():
        if name not in details:
            raise PluginFailedError(f"it changed {name}, which is none of {', '.join(details)}")
        kind = next(item.type for item in fields(event) if item.name == name)
        if not _fits(value, str(kind)):
            raise PluginFailedError(f"it changed {name} to {describe(ValueError(repr(value)))}, which is no {kind}")
    return replace(event, **changes)


def _fits(value: object, annotation: str) -> bool:
    if value is None:
        return "None" in annotation
    kinds = {"str": str, "int": int, "bool": bool, "dict": dict}
    kind = kinds[annotation.partition("[")[0].partition(" ")[0]]
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


async def authorize(actors: list[Actor], arguments: Mapping[str, Any]) -> None:
    """Ask plugins whether a command is carried out.

    Raises:
        CommandError: one says no, or cannot say anything.
    """
    for actor in actors:
        try:
            answer = await actor.ask(AUTHORIZE, arguments)
        except PluginError as error:
            raise CommandError(
                "forbidden", f"plugin {actor.name}, which authorizes commands, does not do its work: {error}"
            ) from error
        if answer is False:
            raise CommandError("forbidden", f"plugin {actor.name} does not allow it")
        if isinstance(answer, str):
            raise CommandError("forbidden", answer)
