"""Motion, sound and human as ``ON`` and ``OFF``.

``ON`` is only ever sent live; what the broker keeps is always ``OFF``, so that a hub that starts
does not take an old detection for a new one.
"""

from __future__ import annotations

import asyncio

from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.models import DETECTIONS, MotionEvent
from ipc_bridge.mqtt.topics import OFF, ON, Topics

REPEAT_EVERY = 1.0
"""Seconds between two ``ON`` of one switch: in a flood of events each would be worth as little as the last."""


class Detections:
    """The switches of all cameras.

    Args:
        topics: the topic table.
        publisher: where they go.
        off_delay: seconds without another detection after which ``OFF`` follows.
    """

    def __init__(self, topics: Topics, publisher: Publisher, off_delay: float) -> None:
        self._topics = topics
        self._publisher = publisher
        self._off_delay = off_delay
        self._loop = asyncio.get_running_loop()
        self._timers: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._said_on: dict[tuple[str, str], float] = {}

    def found(self, event: MotionEvent) -> None:
        """A detection that is not late."""
        for kind in DETECTIONS:
            if getattr(event, kind):
                self._switch_on(event.sn, kind)

    def all_off(self, sn: str) -> None:
        """The camera's channel went, or the bridge has just started."""
        for kind in DETECTIONS:
            self._switch_off(sn, kind)

    def forget(self, sn: str) -> None:
        """The camera is no more: say nothing of it."""
        for kind in DETECTIONS:
            self._end(sn, kind)

    def _switch_on(self, sn: str, kind: str) -> None:
        timer = self._timers.pop((sn, kind), None)
        if timer is not None:
            timer.cancel()
        self._timers[sn, kind] = self._loop.call_later(self._off_delay, self._switch_off, sn, kind)
        now = self._loop.time()
        if now - self._said_on.get((sn, kind), -REPEAT_EVERY) >= REPEAT_EVERY:
            self._said_on[sn, kind] = now
            self._publisher.flash(self._topics.camera(sn, kind), ON)

    def _switch_off(self, sn: str, kind: str) -> None:
        self._end(sn, kind)
        self._publisher.retain(self._topics.camera(sn, kind), OFF)

    def _end(self, sn: str, kind: str) -> None:
        timer = self._timers.pop((sn, kind), None)
        if timer is not None:
            timer.cancel()
        self._said_on.pop((sn, kind), None)
