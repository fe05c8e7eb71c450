"""One fake camera: everything a real one offers, and everything that can go wrong with it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Coroutine, Iterable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from ipc_bridge.errors import PayloadError
from ipc_bridge.simulator.book import SentEvent
from ipc_bridge.simulator.certificates import make_identity, server_context
from ipc_bridge.simulator.events import EventSource
from ipc_bridge.simulator.observed import ObservedCamera
from ipc_bridge.simulator.people import UNKNOWN
from ipc_bridge.simulator.posts import HUMAN, hook_payload
from ipc_bridge.simulator.settings import FACE_MODEL, CameraSettings
from ipc_bridge.simulator.statistics import Flow
from ipc_bridge.wire.packet import DETECT_EVENT
from ipc_bridge.wire.payload import decode_object, encode_object

_log = logging.getLogger(__name__)

_ANSWER_DELAY = 0.1
"""Seconds between the answer to a call and the reboot or move that it asked for."""
_T = TypeVar("_T")


class SimulatedCamera(ObservedCamera):
    """A camera on an address of this machine; use it as an async context manager, or start and stop it.

    ``library``, ``controls``, ``statistics``, ``card`` and ``hooks`` are what it holds, ``calls`` what was asked of
    it, ``faults`` what is wrong with it; the ``emit`` methods have it send events.

    Args:
        settings: what it is like.
    """

    def __init__(self, settings: CameraSettings | None = None) -> None:
        super().__init__(settings or CameraSettings())
        self._state.request_reboot = lambda: self._soon(self.reboot, self.settings.reboot_seconds)
        self._state.request_move = lambda host: self._soon(self.move, host)
        self._chance = random.Random(self.settings.sn if self.settings.seed is None else self.settings.seed)
        self._source = EventSource(self._state, self._chance)
        self._tasks: set[asyncio.Task[None]] = set()
        self._changing = asyncio.Lock()
        """Held while it starts, stops, reboots, moves."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen on every interface.

        Raises:
            OSError: an address or port cannot be had; nothing listens then.
        """
        async with self._changing:
            await self._listen()
            self._state.boot()

    async def stop(self) -> None:
        """Stop listening, cut every connection and end what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        async with self._changing:
            self.faults.speak()
            await self._close()
            self._state.halt()

    # What it sends.

    def emit_face(self, *, omit: Iterable[str] = (), **overrides: Any) -> int:
        """Recognise someone of the library and return the event's id.

        It is who ``faceid`` names, else anyone, of ``group_name`` where that is given; the arrival counts at once,
        however soon after the last one. An event with a ``faceid`` that the library does not have counts nowhere.
        The FM010 can do it, too, but nobody can subscribe to it.

        Args:
            omit: keys that the event lacks.
            **overrides: keys with another value than the library's, or of their own.

        Raises:
            NotSeenError: the SD card does not work.
        """
        event = self._source.face(overrides.get("faceid"), overrides.get("group_name"))
        return self.emit({**event, **overrides}, omit=omit)

    def emit_stranger(self) -> int:
        """Recognise someone who was never there before and return the event's id.

        Raises:
            NotSeenError: the SD card does not work.
        """
        return self.emit(self._source.stranger())

    def count_people(self, flow: Flow, number: int = 1, *, gender: int = UNKNOWN, age_range: int = 1) -> None:
        """Let people pass whom it counts but does not recognise; without a door line or a card it counts nobody."""
        self._state.count(flow, number, gender=gender, age_range=age_range)

    def emit_motion(self, *, omit: Iterable[str] = (), **overrides: Any) -> int:
        """Detect something (``detect_type`` 1 motion, 2 sound, 3 both) and return the event's id."""
        return self.emit({**self._source.motion(), **overrides}, omit=omit)

    def emit_human(self, **overrides: Any) -> int:
        """Detect a person and return the event's id. Only hooks are told: the channel has no number for it."""
        event_id = self._state.book.next_id()
        event = {"event_id": event_id, **self._source.motion(), "detect_type": HUMAN, **overrides}
        payload = encode_object(event)
        self._state.book.remember(event_id, SentEvent(DETECT_EVENT, payload))
        self._post(event_id, DETECT_EVENT, payload)
        return event_id

    def emit(self, event: Mapping[str, Any], *, omit: Iterable[str] = ()) -> int:
        """Send an event, as the channel words it, and return its id; ``event_id`` is the next one where none is named.

        Raises:
            FrameError: it is longer than a frame can be.
        """
        event_id: int = event["event_id"] if "event_id" in event else self._state.book.next_id()
        payload = {"event_id": event_id, **event}
        if self.faults.wrong_serial is not None:
            payload["sn"] = self.faults.wrong_serial
        for key in omit:
            payload.pop(key, None)
        self._publish(payload.get("event_id"), event.get("event_type"), encode_object(payload))
        if self.hooks:
            self._post(payload.get("event_id"), event.get("event_type"), hook_payload(payload))
        return event_id

    def raw(self, payload: bytes) -> None:
        """Send ``payload`` as an event to every subscriber and every hook, whatever it is.

        Raises:
            FrameError: it is longer than a frame can be.
        """
        event_id = None
        with contextlib.suppress(PayloadError):
            event_id = decode_object(payload).get("event_id")
        self._publish(event_id, None, payload)
        self._post(event_id, None, payload)

    def flood(self, count: int) -> None:
        """Emit ``count`` events at once; more than ``channel.MAX_BACKLOG`` bytes of them lose the client."""
        emit = self.emit_face if self.settings.model == FACE_MODEL else self.emit_motion
        for _ in range(count):
            emit()

    def _publish(self, event_id: object, topic: str | None, payload: bytes) -> None:
        # What has no proper id cannot be acknowledged.
        if type(event_id) is int:
            self._state.book.remember(event_id, SentEvent(topic, payload))
        self._channel.publish(topic, payload)
        self._state.changes.notify()

    def _post(self, event_id: object, topic: str | None, payload: bytes) -> None:
        for _ in range(2 if self.faults.duplicate else 1):
            self._poster.post(topic, event_id, payload)

    # What goes wrong with it.

    def clear_faults(self) -> None:
        """Switch every fault off; events that ``merge`` held back leave."""
        self.faults.clear()
        self._channel.flush()

    def drop(self, *, farewell: bool = False) -> None:
        """Close every channel connection now; with ``farewell`` DISCONNECT goes ahead."""
        self._channel.drop(farewell=farewell)

    def abort(self) -> None:
        """Reset every channel connection in the middle of a frame."""
        self._channel.abort()

    def rubbish(self, count: int = 64) -> None:
        """Send ``count`` bytes that are no frame to every channel client."""
        self._channel.rubbish(count, self._chance)

    async def reboot(self, seconds: float = 0.0) -> None:
        """Close everything, be away for ``seconds`` and come back; event ids begin again at 1."""
        async with self._changing:
            await self._close()
            self._state.halt()
            self._state.book.restart()
            await asyncio.sleep(seconds)
            await self._listen()
            self._state.boot()

    async def move(self, host: str) -> None:
        """Go to the address ``host``, on the same ports.

        Raises:
            OSError: the address cannot be had; it is back where it was.
        """
        async with self._changing:
            await self._close()
            before, self._state.host = self._state.host, host
            try:
                await self._listen()
            except OSError:
                self._state.host = before
                await self._listen()
                raise

    async def change_certificate(self) -> None:
        """Show a new certificate from now on; connections under the old one are cut."""
        async with self._changing:
            await self._close()
            self._state.identity = make_identity(f"SUNMI IPC {self.sn}")
            await self._listen()

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Let a fault that takes its time run until it is done or the camera stops."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    # The inside.

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("%s: %s", self.sn, error)
            self._state.changes.notify()

    async def _listen(self) -> None:
        try:
            await self._listen_everywhere()
        except OSError:
            await self._close()
            raise

    async def _listen_everywhere(self) -> None:
        context = server_context(self._state.identity, self.settings.client_authority, self.settings.newest_tls)
        self._state.api_port = await self._api.listen(self.host, self._state.api_port, context)
        self._channel_port = await self._channel.listen(self.host, self._channel_port, context)
        if self.settings.discovery_port is not None:
            await self._discovery.listen(self.host, self.settings.discovery_port, self.settings.discovery_broadcast)
        self._running = True
        self._state.changes.notify()

    async def _close(self) -> None:
        self._running = False
        self._discovery.close()
        self._channel.close()
        await self._poster.stop()
        await self._api.close()
        self._state.changes.notify()

    def _soon(self, work: Callable[[_T], Coroutine[Any, Any, None]], argument: _T) -> None:
        """Do ``work`` once the answer to the call that asked for it is on its way."""

        async def later() -> None:
            await asyncio.sleep(_ANSWER_DELAY)
            await work(argument)

        self.in_background(later())
