"""Plugins' entities for Home Assistant, each plugin's on a device of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ipc_bridge import __version__
from ipc_bridge.bridge.plugins.memory import PluginMemory
from ipc_bridge.homeassistant.announcer import Announcer
from ipc_bridge.homeassistant.components import Availability, Component
from ipc_bridge.homeassistant.payloads import plugin_device, plugin_id
from ipc_bridge.mqtt.topics import Topics

RESERVED = re.compile(r"platform|unique_id|qos|device|origin|availability.*|.*_topic")
"""Keys of a component that are the bridge's business."""


class PluginDevices:
    """The devices of plugins.

    Args:
        topics: the topic table.
        announcer: tells the hub.
    """

    def __init__(self, topics: Topics, announcer: Announcer) -> None:
        self._topics = topics
        self._announcer = announcer

    def announce(self, name: str, entities: Iterable[Mapping[str, Any]], memory: PluginMemory) -> None:
        """Tell of a plugin's entities; one that has none any more has no device."""
        components = [component(**entity) for entity in entities]
        if components:
            self._announcer.announce(plugin_device(self._topics, name, components, __version__), memory.announced)
            memory.changed()
        elif memory.announced:
            self.withdraw(name, memory)

    def withdraw(self, name: str, memory: PluginMemory) -> None:
        """Tell nothing more of a plugin; what is to be cleared for that is in its memory then."""
        if memory.announced:
            topics = self._announcer.withdraw(plugin_id(self._topics, name), memory.announced)
            memory.retained.update(topics)
            memory.announced.clear()
            memory.changed()


def component(
    key: str,
    platform: str,
    name: str,
    state: str | None,
    command: str | None,
    attributes: bool,
    options: Mapping[str, Any],
) -> Component:
    """A row of Home Assistant's component table from a plugin's entity."""
    own = {option: value for option, value in options.items() if not RESERVED.fullmatch(option)}
    return Component(
        key,
        platform,
        state,
        {"name": name, **({"json_attributes": True} if attributes else {}), **own},
        # An event entity that comes and goes would fire again.
        Availability.NONE if platform == "event" else Availability.BRIDGE,
        command=None if command is None else f"request/{command}",
    )
