"""Announces the bridge and its cameras to Home Assistant, and again when it was restarted.

The whole payload is built first and sent once; changes are gathered for :data:`DEBOUNCE` seconds,
because two different payloads close together lose components without a word.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import orjson

from ipc_bridge.config import HomeAssistant
from ipc_bridge.homeassistant.payloads import Device, component_messages, device_message
from ipc_bridge.mqtt.connection import Received
from ipc_bridge.mqtt.topics import ONLINE, Topics

log = logging.getLogger(__name__)

DEBOUNCE = 5.0
HOLD = 1.0
"""Seconds that Home Assistant needs from a device's discovery to its first event."""
BIRTH_DELAY = (2.0, 10.0)
"""Seconds after Home Assistant's birth message, drawn at random: not everybody at once."""


class Outlet(Protocol):
    """Where discovery messages go."""

    def announce(self, topic: str, payload: bytes, then: Callable[[], None] | None = None) -> None:
        """Keep ``payload`` under ``topic``, ahead of all state; ``then`` is called once the broker has it."""

    def repeat(self) -> None:
        """Send all that is kept again."""


class Announcer:
    """Home Assistant's picture of this bridge.

    Args:
        config: the ``homeassistant`` section.
        topics: the topic table.
        outlet: where messages go.
        on_announced: called when what Home Assistant knows has changed.
        uniform: draws a number between two others; tests give their own.
    """

    def __init__(
        self,
        config: HomeAssistant,
        topics: Topics,
        outlet: Outlet,
        on_announced: Callable[[], None] = lambda: None,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._config = config
        self._topics = topics
        self._outlet = outlet
        self._on_announced = [on_announced]
        self._uniform = uniform
        self._loop = asyncio.get_running_loop()
        self._sent: dict[str, Device] = {}
        self._next: dict[str, Device] = {}
        self._removed: dict[str, dict[str, str]] = {}
        """What the last message of a device had as bare platforms: the next one leaves it out."""
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._birth: asyncio.TimerHandle | None = None

    def announce(self, device: Device, announced: dict[str, str], then: Callable[[], None] | None = None) -> None:
        """Announce ``device``: at once the first time, gathered with other changes later.

        Args:
            device: what there is now.
            announced: component ids and platforms that Home Assistant knows of it; brought up to date.
            then: called :data:`HOLD` seconds after the broker has the first announcement; at once
                where there is nothing to wait for.
        """
        if not self._config.enabled or device.id in self._sent:
            if then is not None:
                then()
            if self._config.enabled and self._next.get(device.id, self._sent[device.id]) != device:
                self._next[device.id] = device
                if device.id not in self._timers:
                    self._later(device.id, announced)
            return
        self._send(device, announced, then)

    def on_announced(self, listener: Callable[[], None]) -> None:
        """Have ``listener`` called, too, when what Home Assistant knows has changed."""
        self._on_announced.append(listener)

    def withdraw(self, device_id: str, announced: Mapping[str, str]) -> list[str]:
        """Say nothing more of a device; return the topics to be cleared for Home Assistant to forget it.

        Args:
            device_id: the device's id.
            announced: component ids and platforms that Home Assistant knows of it.
        """
        timer = self._timers.pop(device_id, None)
        if timer is not None:
            timer.cancel()
        for memory in (self._sent, self._next, self._removed):
            memory.pop(device_id, None)
        if not self._config.enabled:
            return []
        if self._config.discovery == "device":
            return [self._topics.device_discovery(device_id)]
        return [self._topics.component_discovery(platform, device_id, key) for key, platform in announced.items()]

    def birth(self, message: Received) -> None:
        """Home Assistant has started, or says that it stops; several births in a row are one."""
        if message.payload != ONLINE or message.retained or self._birth is not None:
            return
        delay = self._uniform(*BIRTH_DELAY)
        log.info("Home Assistant has started: announcing everything again in %.0f s", delay)
        self._birth = self._loop.call_later(delay, self._repeat)

    def _repeat(self) -> None:
        self._birth = None
        self._outlet.repeat()

    def _later(self, device_id: str, announced: dict[str, str]) -> None:
        self._timers[device_id] = self._loop.call_later(DEBOUNCE, self._send_next, device_id, announced)

    def _send_next(self, device_id: str, announced: dict[str, str]) -> None:
        del self._timers[device_id]
        device = self._next.pop(device_id)
        if device != self._sent[device_id] or device_id in self._removed:
            self._send(device, announced, None)

    def _send(self, device: Device, announced: dict[str, str], then: Callable[[], None] | None) -> None:
        removed = self._removed.pop(device.id, {})
        kept = {key: platform for key, platform in announced.items() if device.may_have(key)}
        known = {**kept, **device.platforms}
        outdated = {key: platform for key, platform in announced.items() if known.get(key) != platform}
        leaving = {key: platform for key, platform in outdated.items() if removed.get(key) != platform}
        self._sent[device.id] = device
        on_broker = None if then is None else (lambda: self._hold(then))
        for topic, payload in self._messages(device, leaving):
            self._outlet.announce(topic, payload, on_broker)
        announced.clear()
        announced.update(known)
        if leaving and self._config.discovery == "device":
            # Known until the message that leaves them out: a restart in between begins again.
            announced.update(leaving)
            self._removed[device.id] = leaving
            self._next[device.id] = device
            self._later(device.id, announced)
        for listener in self._on_announced:
            listener()

    def _messages(self, device: Device, leaving: dict[str, str]) -> list[tuple[str, bytes]]:
        device_topic = self._topics.device_discovery(device.id)
        if self._config.discovery == "device":
            return [(device_topic, _encode(device_message(device, leaving)))]
        gone = [(self._topics.component_discovery(platform, device.id, key), b"") for key, platform in leaving.items()]
        return gone + [(topic, _encode(message)) for topic, message in component_messages(self._topics, device).items()]

    def _hold(self, then: Callable[[], None]) -> None:
        self._loop.call_later(HOLD, then)


def _encode(message: dict[str, Any]) -> bytes:
    return orjson.dumps(message)
