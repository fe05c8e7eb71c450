"""Runs the journal's events through a plugin, without a bridge: what it asks for is told, and not done."""

from __future__ import annotations

import asyncio
import base64
import tempfile
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from ipc_bridge.bridge.messages import event_payload
from ipc_bridge.bridge.plugins.loading import VISIT, Places, load, new_host
from ipc_bridge.bridge.plugins.plan import read_plan
from ipc_bridge.bridge.visits import Visits
from ipc_bridge.clock import Clock
from ipc_bridge.config import Config
from ipc_bridge.errors import CommandError, PluginError
from ipc_bridge.hooks.host import Host, Serve
from ipc_bridge.journal.entry import Entry
from ipc_bridge.journal.history import MAX_LIMIT, Query, read_events
from ipc_bridge.journal.store import FILE_NAME
from ipc_bridge.models import FaceEvent
from ipc_bridge.mqtt.topics import Topics
from ipc_bridge.pictures.store import PictureStore

NOT_DONE = ("publish", "call", "set", "press")
"""What is told only."""

Tell = Callable[[Entry | None, str, Mapping[str, Any]], None]
"""Hears what the plugin asks for, or what failed, with the event that it was about."""


class Replay(Serve):
    """One run of one plugin.

    Args:
        config: the whole configuration.
        clock: the bridge's.
        tell: hears what comes of it.
    """

    def __init__(self, config: Config, clock: Clock, tell: Tell) -> None:
        self.counters: Counter[str] = Counter()
        """Events, operations by their names, and failures."""
        self._config = config
        self._journal = config.storage.directory / FILE_NAME
        self._pictures = PictureStore(config.storage.directory / "pictures", clock, 0, 0)
        self._tell = tell
        self._entry: Entry | None = None
        self._seen: deque[Entry] = deque(maxlen=MAX_LIMIT)
        self._values: dict[str, Any] = {}
        self._visits = Visits()

    async def run(self, name: str, since: float) -> None:
        """Replay what the bridge received since that Unix time; the plugin remembers nothing of before.

        Raises:
            PluginError: the plugin cannot be loaded, or does not start.
            StorageError: the journal cannot be read.
        """
        plan = read_plan(name, self._config.plugins.enabled.get(name, {}))
        topics = Topics(self._config.mqtt.base_topic, self._config.homeassistant.discovery_prefix)
        with tempfile.TemporaryDirectory(prefix="ipc-bridge-") as folder:
            places = Places(self._config.plugins.directory, topics.plugins, Path(folder) / "plugin.sock")
            host = new_host(plan, places, self, [])
            try:
                description = await load(host, plan, places)
                if "startup" in description.hooks:
                    await host.call("startup", {})
                async for entry in self._entries(since):
                    self._entry = entry
                    self.counters["events"] += 1
                    self._seen.append(entry)
                    late = self._is_late(entry)
                    for hook in description.hooks_for(entry.event.kind, late=late):
                        if hook != VISIT or self._is_visit(entry):
                            await self._call(host, hook, entry, late=late)
                self._entry = None
                if "shutdown" in description.hooks:
                    await host.call("shutdown", {})
            finally:
                await host.stop()

    async def do(self, operation: str, arguments: dict[str, Any]) -> Any:
        """See :class:`~ipc_bridge.hooks.host.Serve`."""
        if operation in NOT_DONE:
            self.counters[operation] += 1
            self._tell(self._entry, operation, arguments)
            return None if operation == "publish" else {}
        match operation, arguments:
            case "remember", {"key": str(key), "value": value}:
                self._values[key] = value
                return None
            case "recall", {"key": str(key)}:
                return self._values.get(key)
            case "camera", {"sn": str(sn)}:
                return self._camera(sn, sn)
            case "cameras", _:
                return [self._camera(camera.sn, camera.name or camera.sn) for camera in self._config.cameras]
            case "picture", {"uid": str(uid), "received_at": str(when)}:
                return await asyncio.to_thread(self._picture, uid, datetime.fromisoformat(when).timestamp())
            case "events", {"sn": sn, "since": since, "limit": int(limit)}:
                return self._events(sn, since, limit)
        raise CommandError("invalid", f"the bridge has no operation {operation}")

    def failed(self, reason: str) -> None:
        """See :class:`~ipc_bridge.hooks.host.Serve`."""
        self.counters["failures"] += 1
        self._tell(self._entry, "failure", {"reason": reason})

    async def _entries(self, since: float) -> AsyncIterator[Entry]:
        query = Query(since=since, limit=MAX_LIMIT, after=0)
        while page := await asyncio.to_thread(read_events, self._journal, query):
            for entry in page:
                yield entry
            query = Query(since=since, limit=MAX_LIMIT, after=page[-1].position)

    async def _call(self, host: Host, hook: str, entry: Entry, *, late: bool) -> None:
        event = entry.event
        camera = self._camera(event.sn, event.camera)
        try:
            await host.call(hook, {"camera": camera, "event": orjson.Fragment(event_payload(entry, late=late))})
        except PluginError as error:
            self.failed(f"{hook}: {error}")
            if host.gone.done():
                raise

    def _events(self, sn: str | None, since: str | None, limit: int) -> list[Any]:
        """What the plugin would find in the journal, of what was replayed so far."""
        begin = 0.0 if since is None else datetime.fromisoformat(since).timestamp()
        found = [one for one in self._seen if sn in (None, one.event.sn) and one.event.received_at >= begin]
        chosen = found[-limit:] if since is None else found[:limit]
        return [orjson.Fragment(event_payload(one, late=self._is_late(one))) for one in chosen]

    def _is_late(self, entry: Entry) -> bool:
        """Whether it was history when it came."""
        return entry.event.received_at - entry.event.time > self._config.events.max_age

    def _is_visit(self, entry: Entry) -> bool:
        return isinstance(entry.event, FaceEvent) and self._visits.is_new(entry.event)

    def _picture(self, uid: str, came_at: float) -> dict[str, str] | None:
        picture = self._pictures.get(uid, came_at)
        return None if picture is None else {"base64": base64.b64encode(picture).decode()}

    def _camera(self, sn: str, name: str) -> dict[str, Any]:
        """What an event tells of its camera, which is all that is known here."""
        unknown: dict[str, Any] = dict.fromkeys(("model", "host", "firmware", "reason"))
        return {"sn": sn, "name": name, **unknown, "status": "online", "state": {}}
