"""What is kept of one plugin between restarts: its own values, and what the broker keeps for it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from ipc_bridge.errors import CommandError, StorageError
from ipc_bridge.hooks.values import dumps
from ipc_bridge.storage import JsonFile

log = logging.getLogger(__name__)

MAX_KEYS = 256
MAX_BYTES = 64 * 1024
"""Of all values together: they are written again with each change."""
MAX_RETAINED = 100
"""Topics of a plugin that the broker keeps something under, and the bridge with it."""
WRITE_EVERY = 5.0
"""Seconds between two writes: SD cards wear out."""


class PluginMemory:
    """One plugin's file.

    Args:
        file: where it is.
    """

    def __init__(self, file: JsonFile) -> None:
        self._file = file
        content = file.read()
        self._values: dict[str, Any] = _mapping(content.get("values"))
        self._sizes = {key: len(dumps([key, value])) for key, value in self._values.items()}
        self.retained: set[str] = {topic for topic in content.get("retained") or () if isinstance(topic, str)}
        """Topics that the broker keeps something under."""
        self.announced: dict[str, str] = {
            key: platform for key, platform in _mapping(content.get("announced")).items() if isinstance(platform, str)
        }
        """Home Assistant's components of this plugin: id to platform."""
        self._changed = asyncio.Event()

    def recall(self, key: str) -> Any:
        """The value under ``key``; None where there is none."""
        return self._values.get(key)

    def remember(self, key: str, value: Any) -> None:
        """Keep ``value`` under ``key``; None forgets it.

        Raises:
            CommandError: there is too much already.
        """
        if value is None:
            self._values.pop(key, None)
            self._sizes.pop(key, None)
        else:
            size = len(dumps([key, value]))
            if key not in self._values and len(self._values) >= MAX_KEYS:
                raise CommandError("too_large", f"{MAX_KEYS} values are remembered: forget one, with None")
            total = sum(self._sizes.values()) - self._sizes.get(key, 0) + size
            if total > MAX_BYTES:
                raise CommandError("too_large", f"all values would have {total} bytes, and may have {MAX_BYTES}")
            self._values[key] = value
            self._sizes[key] = size
        self.changed()

    def retain(self, topic: str) -> None:
        """The broker keeps something under ``topic``.

        Raises:
            CommandError: there are too many such topics.
        """
        if topic not in self.retained:
            if len(self.retained) >= MAX_RETAINED:
                raise CommandError("too_large", f"{MAX_RETAINED} topics are retained: clear one, with an empty payload")
            self.retained.add(topic)
            self.changed()

    def cleared(self, topic: str) -> None:
        """The broker keeps nothing under ``topic`` any more."""
        if topic in self.retained:
            self.retained.remove(topic)
            self.changed()

    def changed(self) -> None:
        """Something was changed: write it soon."""
        self._changed.set()

    async def run(self) -> None:
        """Write what changed, until cancelled; what is left then is for :meth:`save`."""
        while True:
            await self._changed.wait()
            try:
                await asyncio.to_thread(self._file.write, self._take())
            except StorageError as error:
                log.error("%s", error)
                self._changed.set()
            await asyncio.sleep(WRITE_EVERY)

    def save(self) -> None:
        """Write what is not written yet; blocks."""
        if self._changed.is_set():
            try:
                self._file.write(self._take())
            except StorageError as error:
                log.error("%s", error)

    def _take(self) -> dict[str, Any]:
        self._changed.clear()
        return {
            "values": dict(self._values),
            "retained": sorted(self.retained),
            "announced": dict(self.announced),
        }


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
