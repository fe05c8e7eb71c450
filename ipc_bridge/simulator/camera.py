"""One fake camera: everything a real one offers, and everything that can go wrong with it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Coroutine, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from ipc_bridge.errors import PayloadError
from ipc_bridge.simulator.api import ApiCall, ApiServer
from ipc_bridge.simulator.book import SentEvent
from ipc_bridge.simulator.certificates import make_identity, server_context
from ipc_bridge.simulator.channel import ChannelServer
from ipc_bridge.simulator.discovery import DiscoveryResponder
from ipc_bridge.simulator.events import EventSource
from ipc_bridge.simulator.faults import Faults
from ipc_bridge.simulator.settings import FACE_MODEL, CameraSettings
from ipc_bridge.simulator.state import CameraState
from ipc_bridge.wire.payload import decode_object, encode_object

_log = logging.getLogger(__name__)

_REBOOT_DELAY = 0.1
"""Seconds between the answer to ``device/reboot`` and the reboot."""


class SimulatedCamera:
    """A camera on an address of this machine; use it as an async context manager, or start and stop it.

    Args:
        settings: what it is like.
    """

    def __init__(self, settings: CameraSettings | None = None) -> None:
        self.settings = settings or CameraSettings()
        self._state = CameraState(self.settings)
        self._state.request_reboot = self._reboot_soon
        self._chance = random.Random(self.settings.sn if self.settings.seed is None else self.settings.seed)
        self._source = EventSource(self.settings.sn, self.settings.secret_key, self._chance)
        self._channel = ChannelServer(self._state)
        self._api = ApiServer(self._state)
        self._discovery = DiscoveryResponder(self._state)
        self._channel_port = self.settings.channel_port
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = False
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

    async def stop(self) -> None:
        """Stop listening, cut every connection and end what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        async with self._changing:
            self.faults.speak()
            await self._close()

    # What it is.

    @property
    def sn(self) -> str:
        """Its serial number."""
        return self.settings.sn

    @property
    def host(self) -> str:
        """Its address at the moment."""
        return self._state.host

    @property
    def channel_port(self) -> int:
        """The TCP port of its message channel."""
        return self._channel_port

    @property
    def api_port(self) -> int:
        """The TCP port of its API."""
        return self._state.api_port

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its certificate, 64 lower-case hex digits."""
        return self._state.identity.fingerprint

    @property
    def certificate(self) -> bytes:
        """Its certificate as PEM."""
        return self._state.identity.certificate

    @property
    def activated(self) -> bool:
        """Whether it was activated."""
        return self._state.activated

    @property
    def running(self) -> bool:
        """Whether it listens: false before the start, after the end and during a reboot."""
        return self._running

    # What happened to it.

    @property
    def clients(self) -> int:
        """Connections to its channel."""
        return len(self._channel.clients)

    @property
    def subscribers(self) -> int:
        """Connections to its channel that subscribed to something."""
        return len(self._channel.subscribers)

    @property
    def connects(self) -> int:
        """CONNECTs since it was made, accepted or refused; those in another dialect of the CRC are none."""
        return self._state.connects

    @property
    def heartbeats(self) -> int:
        """PINGREQs of the clients that are connected."""
        return sum(client.session.heartbeats for client in self._channel.clients)

    @property
    def unacknowledged(self) -> Mapping[int, SentEvent]:
        """Events without PUBACK by their id, oldest first; gone after a reboot."""
        return self._state.book.unacknowledged

    @property
    def acknowledged(self) -> Mapping[int, bytes]:
        """Payloads of the events with PUBACK by their id; gone after a reboot."""
        return self._state.book.acknowledged

    @property
    def sent_count(self) -> int:
        """Events emitted since it was made, with or without a subscriber."""
        return self._state.book.sent_count

    @property
    def acknowledged_count(self) -> int:
        """Events acknowledged since it was made; each counts once."""
        return self._state.book.acknowledged_count

    @property
    def repeated_acknowledgements(self) -> int:
        """Acknowledgements of an event that had one already."""
        return self._state.book.repeated_count

    @property
    def stray_acknowledgements(self) -> list[int]:
        """The last thousand ids that were acknowledged and never sent."""
        return list(self._state.book.stray)

    @property
    def calls(self) -> list[ApiCall]:
        """The last thousand API calls, newest last."""
        return list(self._api.calls)

    @property
    def discovery_answers(self) -> int:
        """Discovery requests that it answered."""
        return self._discovery.answered

    async def wait_until(self, condition: Callable[[], bool], timeout: float | None = 10.0) -> None:
        """Return once ``condition()`` holds; it is looked at whenever something happens to this camera.

        Raises:
            TimeoutError: it did not within ``timeout`` seconds.
        """
        await self._state.changes.wait_for(condition, timeout)

    async def wait_for_client(self, count: int = 1, timeout: float | None = 10.0) -> None:
        """Return once ``count`` clients are connected, TLS included."""
        await self.wait_until(lambda: self.clients >= count, timeout)

    async def wait_for_no_client(self, timeout: float | None = 10.0) -> None:
        """Return once no client is connected."""
        await self.wait_until(lambda: self.clients == 0, timeout)

    async def wait_for_subscriber(self, count: int = 1, timeout: float | None = 10.0) -> None:
        """Return once ``count`` clients are subscribed."""
        await self.wait_until(lambda: self.subscribers >= count, timeout)

    async def wait_for_acknowledged(self, count: int, timeout: float | None = 10.0) -> None:
        """Return once ``count`` events were acknowledged since the camera was made."""
        await self.wait_until(lambda: self.acknowledged_count >= count, timeout)

    async def wait_for_all_acknowledged(self, timeout: float | None = 10.0) -> None:
        """Return once no event waits for its acknowledgement."""
        await self.wait_until(lambda: not self.unacknowledged, timeout)

    async def drained(self, timeout: float | None = 10.0) -> None:
        """Return once every subscriber reads as fast as events are emitted: for load without end."""
        await self.wait_until(lambda: self._channel.backlog == 0, timeout)

    # What it sends.

    def emit_face(self, *, omit: Iterable[str] = (), **overrides: Any) -> int:
        """Recognise someone and return the event's id; the FM010 can, too, but nobody can subscribe to it.

        Args:
            omit: keys that the event lacks.
            **overrides: keys with another value than the sample's, or of their own.
        """
        return self.emit({**self._source.face(self._state.origin, self._state.now()), **overrides}, omit=omit)

    def emit_motion(self, *, omit: Iterable[str] = (), **overrides: Any) -> int:
        """Detect something (``detect_type`` 1 motion, 2 sound, 3 both) and return the event's id."""
        return self.emit({**self._source.motion(self._state.origin, self._state.now()), **overrides}, omit=omit)

    def emit(self, event: Mapping[str, Any], *, omit: Iterable[str] = ()) -> int:
        """Send an event and return its id; ``event_id`` is the next one where ``event`` names none.

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
        return event_id

    def raw(self, payload: bytes) -> None:
        """Send ``payload`` as an event to every subscriber, whatever it is.

        Raises:
            FrameError: it is longer than a frame can be.
        """
        event_id = None
        with contextlib.suppress(PayloadError):
            event_id = decode_object(payload).get("event_id")
        self._publish(event_id, None, payload)

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

    # What goes wrong with it.

    @property
    def faults(self) -> Faults:
        """The switches for what is wrong until it is switched off."""
        return self._state.faults

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
            self._state.book.restart()
            await asyncio.sleep(seconds)
            await self._listen()

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
        await self._api.close()
        self._state.changes.notify()

    def _reboot_soon(self) -> None:
        self.in_background(self._answer_then_reboot())

    async def _answer_then_reboot(self) -> None:
        await asyncio.sleep(_REBOOT_DELAY)
        await self.reboot(self.settings.reboot_seconds)
