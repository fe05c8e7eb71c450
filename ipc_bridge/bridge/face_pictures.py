"""Fetches the picture of each face from its camera, behind the event and only when there is nothing else to do."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ipc_bridge.bridge.camera import CameraRunner
from ipc_bridge.bridge.pictures import Pictures
from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.errors import DeviceError, RejectedFileError, UnreachableError
from ipc_bridge.journal.entry import Entry
from ipc_bridge.logs import Seldom
from ipc_bridge.models import FaceEvent
from ipc_bridge.mqtt.connection import Message
from ipc_bridge.mqtt.topics import Topics

log = logging.getLogger(__name__)

MAX_FETCHES = 2
"""Of one camera at a time: cameras are small."""
MAX_WAITING = 16
"""Of one camera: the older ones are given up, because the newest are who stands there now."""
RATE = 20.0
"""Fetches a second of all cameras in the long run: each takes the event loop a millisecond or two."""
BURST = 10
"""Fetches at once after a pause."""
QUIET = 0.02
"""Seconds without an event before a fetch: in a flood of events pictures wait,"""
PATIENCE = 0.5
"""but one is fetched after this time all the same."""


@dataclass(slots=True)
class _Stack:
    """One camera's faces whose pictures are not there yet; the newest goes first."""

    waiting: deque[tuple[Entry, str]] = field(default_factory=lambda: deque(maxlen=MAX_WAITING))
    running: int = 0


class FacePictures:
    """``camera/<sn>/face/image``. A picture that cannot be had is an ordinary miss: the event says all that matters.

    What is late is fetched and kept, but not published: whoever sees a picture appear takes it for news.

    Args:
        topics: the topic table.
        publisher: tells which faces were handed to the broker, and when it has nothing to do.
        pictures: where they go.
        camera_of: a camera's runner; None where there is none any more.
        is_late: whether an event is history.
        retain: ``mqtt.retain_images.faces``.
        is_enabled: ``pictures.enabled``; False: none is fetched.
    """

    def __init__(
        self,
        topics: Topics,
        publisher: Publisher,
        pictures: Pictures,
        camera_of: Callable[[str], CameraRunner | None],
        is_late: Callable[[Entry], bool],
        *,
        retain: bool,
        is_enabled: bool = True,
    ) -> None:
        self.counters: Counter[str] = Counter()
        """Faces by what became of their pictures: fetched, missed, refused, dropped."""
        self._topics = topics
        self._publisher = publisher
        self._pictures = pictures
        self._camera_of = camera_of
        self._is_late = is_late
        self._retain = retain
        self._loop = asyncio.get_running_loop()
        self._stacks: dict[str, _Stack] = {}
        self._newest: dict[str, float] = {}
        """The time of the face that each camera's newest picture shows."""
        self._tasks: asyncio.TaskGroup | None = None
        self._next_fetch = -math.inf
        self._last_fetch = -math.inf
        self._last_event = -math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._complaints = Seldom(self._loop.time)
        if is_enabled:
            publisher.on_handed(self._handed)

    async def run(self) -> None:
        """Fetch until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                await self._loop.create_future()
            finally:
                # From now on it takes no more.
                self._tasks = None

    def figures(self) -> dict[str, Any]:
        """For ``bridge/health``."""
        figures = {name: self.counters[name] for name in ("fetched", "missed", "refused", "dropped")}
        figures["dropped"] += self._publisher.dropped_pictures
        return figures

    def _handed(self, entry: Entry, _payload: bytes, _late: bool) -> None:
        """An event was handed to the broker: have the picture of a face come after it."""
        event = entry.event
        self._last_event = self._loop.time()
        if not isinstance(event, FaceEvent) or event.picture_url is None:
            return
        stack = self._stacks.setdefault(event.sn, _Stack())
        if len(stack.waiting) == MAX_WAITING:
            self.counters["dropped"] += 1
        stack.waiting.append((entry, event.picture_url))
        self._start_later()

    def _start_later(self) -> None:
        """Look soon whether a fetch may begin, once nothing is to be sent."""
        if self._timer is None:
            self._timer = self._loop.call_at(self._due(), self._publisher.when_idle, self._start)

    def _start(self) -> None:
        """Nothing is to be sent: fetch what may be fetched now."""
        self._timer = None
        while self._tasks is not None and (stack := self._next_stack()) is not None:
            now = self._loop.time()
            if self._due() > now:
                self._start_later()
                return
            self._last_fetch = now
            self._next_fetch = max(self._next_fetch, now - (BURST - 1) / RATE) + 1 / RATE
            stack.running += 1
            self._tasks.create_task(self._fetch(stack, *stack.waiting.pop()), name="picture")

    def _due(self) -> float:
        """When the next fetch may begin, by the loop's time."""
        return max(self._next_fetch, min(self._last_event + QUIET, self._last_fetch + PATIENCE))

    def _next_stack(self) -> _Stack | None:
        """The one with the newest face of all that may be fetched."""
        ready = (stack for stack in self._stacks.values() if stack.waiting and stack.running < MAX_FETCHES)
        return max(ready, key=lambda stack: stack.waiting[-1][0].position, default=None)

    async def _fetch(self, stack: _Stack, entry: Entry, url: str) -> None:
        sn = entry.event.sn
        try:
            await self._bring(entry, url)
        except RejectedFileError as error:
            self.counters["refused"] += 1
            self._complaints.warning(log, "The picture of a face on camera %s is refused: %s", sn, error)
        except DeviceError as error:
            self.counters["missed"] += 1
            log.debug("There is no picture of %s: %s", entry.event.uid, error)
        except Exception:
            log.exception("A bug in the bridge: the picture of %s is lost", entry.event.uid)
        finally:
            stack.running -= 1
            self._start_later()

    async def _bring(self, entry: Entry, url: str) -> None:
        event = entry.event
        # It is there already where the event was sent again.
        picture = await self._pictures.find(event.uid, event.received_at)
        if picture is None:
            camera = self._camera_of(event.sn)
            if camera is None or camera.api is None:
                raise UnreachableError(f"camera {event.sn} is not online")
            picture = await camera.api.fetch(url)
            self.counters["fetched"] += 1
        if self._is_wanted(entry):
            await self._publish(entry, picture)
        await self._pictures.keep(event.uid, event.received_at, picture)

    async def _publish(self, entry: Entry, picture: bytes) -> None:
        event = entry.event
        is_newest = event.time >= self._newest.get(event.sn, 0.0)
        if is_newest:
            self._newest[event.sn] = event.time
        message = Message(
            self._topics.camera(event.sn, "face/image"),
            b"",
            # What a broker keeps is the newest, whichever comes last.
            retain=self._retain and is_newest,
            user_properties=(("uid", event.uid),),
        )
        await self._pictures.publish(event.uid, message, picture, lambda: self._is_wanted(entry))

    def _is_wanted(self, entry: Entry) -> bool:
        return not self._is_late(entry) and self._camera_of(entry.event.sn) is not None
