"""The bridge as a plugin sees it, in the plugin's own loop."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any

from ipc_bridge.hooks.peer import describe, place
from ipc_bridge.hooks.rate import LOG_RATE, Rate
from ipc_bridge.hooks.subjects import AnyEvent, Camera, Do, read_event
from ipc_bridge.hooks.values import dumps, rfc3339

MAX_STARTED = 32


class PluginBridge:
    """See :class:`~ipc_bridge.hooks.api.Bridge`.

    Args:
        name: the plugin's.
        base: what topics of plugins begin with.
        settings: its own.
        do: has the bridge do something.
        failed: told why something failed that nobody waits for.
    """

    def __init__(
        self, name: str, base: str, settings: Mapping[str, Any], do: Do, failed: Callable[[str], None]
    ) -> None:
        self.name = name
        self.settings = settings
        self.log = logging.getLogger(f"ipc_bridge.plugin.{name}")
        self.log.filters = [_Throttle()]
        self._base = base
        self._started: set[asyncio.Task[Any]] = set()
        self._do = do
        self._failed = failed

    def topic(self, leaf: str, plugin: str | None = None) -> str:
        """See :class:`~ipc_bridge.hooks.api.Bridge`."""
        return f"{self._base}{plugin or self.name}/{leaf}"

    async def publish(self, topic: str, payload: Any = b"", *, retain: bool = False) -> None:
        """See :class:`~ipc_bridge.hooks.api.Bridge`."""
        content: dict[str, str] = {}
        if isinstance(payload, bytes | bytearray | memoryview):
            content["base64"] = base64.b64encode(payload).decode()
        else:
            content["text"] = payload if isinstance(payload, str) else dumps(payload).decode()
        await self._do("publish", {"topic": topic, "retain": retain, **content})

    async def cameras(self) -> list[Camera]:
        """See :class:`~ipc_bridge.hooks.api.Bridge`."""
        return [Camera.read(values, self._do) for values in await self._do("cameras", {})]

    async def camera(self, sn: str) -> Camera:
        """See :class:`~ipc_bridge.hooks.api.Bridge`."""
        return Camera.read(await self._do("camera", {"sn": sn}), self._do)

    async def events(self, sn: str | None = None, *, since: datetime | None = None, limit: int = 100) -> list[AnyEvent]:
        """See :class:`~ipc_bridge.hooks.api.Bridge`."""
        begin = None if since is None else rfc3339(since)
        found = await self._do("events", {"sn": sn, "since": begin, "limit": limit})
        return [read_event(values) for values in found]

    async def picture(self, event: AnyEvent) -> bytes | None:
        """See :class:`~ipc_bridge.hooks.api.Bridge`."""
        found = await self._do("picture", {"uid": event.uid, "received_at": rfc3339(event.received_at)})
        return None if found is None else base64.b64decode(found["base64"])

    async def remember(self, key: str, value: Any) -> None:
        """See :class:`~ipc_bridge.hooks.api.Bridge`."""
        await self._do("remember", {"key": key, "value": value})

    async def recall(self, key: str, default: Any = None) -> Any:
        """See :class:`~ipc_bridge.hooks.api.Bridge`."""
        value = await self._do("recall", {"key": key})
        return default if value is None else value

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """See :class:`~ipc_bridge.hooks.api.Bridge`."""
        if len(self._started) >= MAX_STARTED:
            work.close()
            raise RuntimeError(f"{MAX_STARTED} tasks that bridge.start began are running: let some of them end")
        task = asyncio.get_running_loop().create_task(work)
        self._started.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._started.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(f"what bridge.start began failed: {describe(error)}{place(error)}")


class _Throttle(logging.Filter):
    def __init__(self) -> None:
        super().__init__()
        self._rate = Rate(*LOG_RATE)

    def filter(self, _record: logging.LogRecord) -> bool:
        return self._rate.try_take()
