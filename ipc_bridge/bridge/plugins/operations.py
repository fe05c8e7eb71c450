"""What a plugin may have the bridge do: one table, with a limit on each."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import orjson

from ipc_bridge.bridge.answers import judge
from ipc_bridge.bridge.lateness import Lateness
from ipc_bridge.bridge.messages import event_payload
from ipc_bridge.bridge.plugins.memory import PluginMemory
from ipc_bridge.bridge.publisher import Post, Publisher
from ipc_bridge.errors import BridgeError, CommandError
from ipc_bridge.hooks.host import Serve
from ipc_bridge.hooks.rate import Rate
from ipc_bridge.journal.history import MAX_LIMIT, Query, read_events
from ipc_bridge.models import is_serial
from ipc_bridge.mqtt.connection import Message
from ipc_bridge.mqtt.topics import Topics, is_name, matches

MAX_PAYLOAD = 1024 * 1024
"""Bytes of a plugin's message."""
MAX_KEY = 200
PICTURE_SECONDS = 5.0
"""That a plugin may wait for a picture: it comes behind its event, or not at all."""
_T = TypeVar("_T")

PUBLICATIONS = (50.0, 100)
CALLS = (5.0, 20)
READINGS = (20.0, 40)
VALUES = (100.0, 200)
"""How many a second, and at once after a pause, one plugin may have; more waits, until its deadline."""


class Cameras(Protocol):
    """Who knows the cameras."""

    def snapshots(self) -> list[dict[str, Any]]:
        """What is known of each, as plugins see it."""

    def snapshot(self, sn: str) -> dict[str, Any]:
        """What is known of one.

        Raises:
            CommandError: there is no such camera.
        """


class Pictures(Protocol):
    """Who has pictures."""

    async def expect(self, uid: str, came_at: float, seconds: float) -> bytes | None:
        """The picture of what came at that Unix time, once it is there."""


class Calls(Protocol):
    """Who carries out what is asked of cameras; see :class:`~ipc_bridge.bridge.commands.Commands`."""

    async def call(self, sn: str, params: Mapping[str, Any], *, path: str) -> dict[str, Any]:
        """Make a call of the camera's API."""

    async def set(self, sn: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Give properties new values."""

    async def press(self, sn: str, params: Mapping[str, Any], *, name: str) -> dict[str, Any]:
        """Press a button."""


@dataclass(frozen=True, slots=True)
class Means:
    """What operations work with.

    Args:
        topics: the topic table.
        publisher: the broker's.
        cameras: who knows them.
        commands: what can be asked of them.
        timeout: ``commands.timeout`` in seconds.
        journal: the journal's file.
        lateness: what is history.
        pictures: who has them.
    """

    topics: Topics
    publisher: Publisher
    cameras: Cameras
    commands: Calls
    timeout: float
    journal: Path
    lateness: Lateness
    pictures: Pictures


class Operations(Serve):
    """One plugin's.

    Args:
        name: the plugin's.
        means: what they work with.
        memory: what is kept of the plugin.
        failed: told why something failed that nobody waits for.
    """

    def __init__(self, name: str, means: Means, memory: PluginMemory, failed: Callable[[str], None]) -> None:
        self._name = name
        self._means = means
        self._memory = memory
        self._on_failed = failed
        publications, calls, readings, values = (Rate(*limit) for limit in (PUBLICATIONS, CALLS, READINGS, VALUES))
        self._table: dict[str, tuple[Rate, Callable[..., Awaitable[Any]]]] = {
            "publish": (publications, self._publish),
            "call": (calls, self._call),
            "set": (calls, self._set),
            "press": (calls, self._press),
            "cameras": (readings, self._cameras),
            "camera": (readings, self._camera),
            "events": (readings, self._events),
            "picture": (readings, self._picture),
            "remember": (values, self._remember),
            "recall": (values, self._recall),
        }
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}

    async def do(self, operation: str, arguments: dict[str, Any]) -> Any:
        """See :class:`~ipc_bridge.hooks.host.Serve`."""
        try:
            rate, carry_out = self._table[operation]
        except KeyError:
            raise CommandError("invalid", f"the bridge has no operation {operation}") from None
        await rate.wait()
        try:
            return await carry_out(**arguments)
        except BridgeError as error:
            raise judge(error) from error

    def failed(self, reason: str) -> None:
        """See :class:`~ipc_bridge.hooks.host.Serve`."""
        self._on_failed(reason)

    # MQTT.

    async def _publish(self, topic: str, *, retain: bool, text: str | None = None, base64: str | None = None) -> None:
        payload = _payload(text, base64)
        self._check_topic(topic)
        if len(payload) > MAX_PAYLOAD or not self._means.publisher.fits(topic, payload):
            raise CommandError(
                "too_large", f"{topic}: {len(payload)} bytes are more than a plugin or the broker may send"
            )
        if retain and topic.startswith(self._means.topics.plugin(self._name, "")):
            await self._retain(topic, payload)
            return
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        post = Post(Message(topic, payload, retain=retain), partial(_set, done))
        self._means.publisher.post(post)
        try:
            taken = await done
        finally:
            self._means.publisher.withdraw(post)
        if not taken:
            raise CommandError("forbidden", f"the broker refused a message on {topic}")

    async def _retain(self, topic: str, payload: bytes) -> None:
        """Have the broker keep it, and send it again when the broker may have forgotten it."""
        if payload:
            self._memory.retain(topic)
        else:
            self._memory.cleared(topic)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # The publisher remembers one listener a topic: all who wait hear from the last.
        self._waiting.setdefault(topic, []).append(done)
        self._means.publisher.retain(topic, payload, then=lambda: self._retained(topic))
        await done

    def _retained(self, topic: str) -> None:
        for done in self._waiting.pop(topic, ()):
            _set(done, None)

    def _check_topic(self, topic: str) -> None:
        """Raise where it is not for this plugin.

        Raises:
            CommandError: it is the bridge's or another plugin's.
        """
        if not is_name(topic):
            raise CommandError("invalid", f"{topic!r} is no topic to publish on")
        topics = self._means.topics
        own = topics.plugin(self._name, "")
        is_anothers = topic.startswith(topics.plugins) and not topic.startswith(own)
        if topics.is_ours(topic) or (is_anothers and not matches(topics.plugin("+", "request/+"), topic)):
            raise CommandError("forbidden", f"{topic} is not for plugins to publish on; {own}... is this one's")

    # Cameras.

    async def _cameras(self) -> list[dict[str, Any]]:
        return self._means.cameras.snapshots()

    async def _camera(self, sn: str) -> dict[str, Any]:
        return self._means.cameras.snapshot(sn)

    async def _call(self, sn: str, path: str, params: dict[str, Any]) -> Any:
        return await self._in_time(self._means.commands.call(sn, params, path=path))

    async def _set(self, sn: str, values: dict[str, Any]) -> Any:
        return await self._in_time(self._means.commands.set(sn, values))

    async def _press(self, sn: str, action: str) -> Any:
        return await self._in_time(self._means.commands.press(sn, {}, name=action))

    async def _in_time(self, work: Awaitable[Any]) -> Any:
        try:
            async with asyncio.timeout(self._means.timeout):
                return await work
        except TimeoutError:
            raise CommandError("timeout", f"not done within commands.timeout ({self._means.timeout:g} s)") from None

    # The journal, and values.

    async def _events(self, sn: str | None, since: str | None, limit: int) -> list[Any]:
        if (sn is not None and not is_serial(sn)) or isinstance(limit, bool) or not isinstance(limit, int):
            raise CommandError("invalid", "events takes a serial number and a whole number as its limit")
        query = Query(
            sn,
            since=None if since is None else datetime.fromisoformat(since).timestamp(),
            limit=max(1, min(limit, MAX_LIMIT)),
        )
        entries = await asyncio.to_thread(read_events, self._means.journal, query)
        is_late = self._means.lateness.is_late
        return [orjson.Fragment(event_payload(entry, late=is_late(entry))) for entry in entries]

    async def _picture(self, uid: str, received_at: str) -> dict[str, str] | None:
        came_at = datetime.fromisoformat(received_at).timestamp()
        picture = await self._means.pictures.expect(str(uid), came_at, PICTURE_SECONDS)
        return None if picture is None else {"base64": base64.b64encode(picture).decode()}

    async def _remember(self, key: str, value: Any) -> None:
        self._memory.remember(_key(key), value)

    async def _recall(self, key: str) -> Any:
        return self._memory.recall(_key(key))


def _key(key: object) -> str:
    if not isinstance(key, str) or len(key) > MAX_KEY:
        raise CommandError("invalid", f"a value is remembered under text of at most {MAX_KEY} characters")
    return key


def _set(done: asyncio.Future[_T], value: _T) -> None:
    if not done.done():
        done.set_result(value)


def _payload(text: str | None, encoded: str | None) -> bytes:
    if encoded is not None:
        return base64.b64decode(encoded)
    return (text or "").encode()
