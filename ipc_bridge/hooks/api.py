"""What a plugin may do: all of it. Whatever else it finds in the bridge may change without a word."""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Mapping
from datetime import datetime
from typing import Any, Protocol

from ipc_bridge.hooks.subjects import AnyEvent, Camera


class Bridge(Protocol):
    """The bridge as its plugins see it. What is awaited may raise ``CommandError``, whose ``kind`` says why."""

    @property
    def name(self) -> str:
        """The plugin's own name."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """The plugin's settings, as its ``config_schema`` returned them."""

    @property
    def log(self) -> logging.Logger:
        """Where the plugin logs."""

    def topic(self, leaf: str, plugin: str | None = None) -> str:
        """A topic of the plugin's own, ``ipc_bridge/plugin/NAME/leaf``, or of another one."""

    async def publish(self, topic: str, payload: Any = b"", *, retain: bool = False) -> None:
        """Publish a message with QoS 1; returns once the broker has it.

        Args:
            topic: not under ``ipc_bridge/bridge``, ``/camera``, ``/shop``, Home Assistant's discovery, or another
                plugin's, but for its requests (``ipc_bridge/plugin/NAME/request/VERB``).
            payload: text, bytes, or what can be JSON; times become RFC 3339.
            retain: whether the broker keeps it; an empty payload clears what it keeps.
        """

    async def cameras(self) -> list[Camera]:
        """All cameras as they are now."""

    async def camera(self, sn: str) -> Camera:
        """One camera as it is now."""

    async def events(self, sn: str | None = None, *, since: datetime | None = None, limit: int = 100) -> list[AnyEvent]:
        """Read the journal.

        Args:
            sn: one camera's; None for all.
            since: received then or later; None for the newest.
            limit: at most so many, and at most 1,000.

        Returns:
            Events, oldest first.
        """

    async def picture(self, event: AnyEvent) -> bytes | None:
        """The picture of a face, JPEG or PNG; waits for it, at most 5 s. None where there is none."""

    async def remember(self, key: str, value: Any) -> None:
        """Keep a small JSON value under ``key``, restarts included; None forgets it. 256 keys, 64 kB in all."""

    async def recall(self, key: str, default: Any = None) -> Any:
        """What was remembered under ``key``."""

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run ``work`` beside the hooks until it ends or the plugin does; at most 32 at a time.

        Raises:
            RuntimeError: there are as many already.
        """
