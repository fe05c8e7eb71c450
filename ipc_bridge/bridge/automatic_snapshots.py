"""Snapshots that nobody presses for: at intervals, and on motion, where a camera's configuration says so."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from ipc_bridge.bridge.camera import CameraRunner
from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.bridge.snapshots import Snapshots
from ipc_bridge.errors import BridgeError
from ipc_bridge.journal.entry import Entry
from ipc_bridge.logs import Once
from ipc_bridge.models import MotionEvent

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds between two looks for whose interval is over; none is shorter than that."""
AT_ONCE = 4
"""Snapshots under way at a time, of all cameras: each takes the event loop some milliseconds."""
MOTION_EVERY = 5.0
"""Seconds between two snapshots of a camera on motion: while something moves, it says so again and again."""


class AutomaticSnapshots:
    """Has :class:`~ipc_bridge.bridge.snapshots.Snapshots` taken.

    One on motion comes behind its event, and names it. One that cannot be had is not tried again.

    Args:
        snapshots: takes them.
        publisher: tells which events were handed to the broker, and when it has nothing to do.
        serials: the cameras that there are.
        camera_of: a camera's runner; None where there is none any more.
    """

    def __init__(
        self,
        snapshots: Snapshots,
        publisher: Publisher,
        serials: Callable[[], Iterable[str]],
        camera_of: Callable[[str], CameraRunner | None],
    ) -> None:
        self.counters: Counter[str] = Counter()
        """Snapshots: taken, missed."""
        self._snapshots = snapshots
        self._publisher = publisher
        self._serials = serials
        self._camera_of = camera_of
        self._loop = asyncio.get_running_loop()
        self._tasks: asyncio.TaskGroup | None = None
        self._under_way: set[str] = set()
        self._due: dict[str, float] = {}
        self._moved: dict[str, str] = {}
        """Cameras before which something moves, with the ``uid`` of the event, until it is their turn."""
        self._motion_due: dict[str, float] = {}
        self._complaints = Once()
        publisher.on_handed(self._handed)

    async def run(self) -> None:
        """Take snapshots until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                while True:
                    self._look()
                    await asyncio.sleep(LOOK_EVERY)
            finally:
                # From now on none is begun.
                self._tasks = None

    def figures(self) -> dict[str, Any]:
        """For ``bridge/health``."""
        return {name: self.counters[name] for name in ("taken", "missed")}

    def _look(self) -> None:
        now = self._loop.time()
        due = ((self._due.get(sn, -math.inf), sn) for sn in self._serials())
        # Who has waited longest comes first: there may be more of them than can be taken.
        for _at, sn in sorted(one for one in due if one[0] <= now):
            camera = self._camera_of(sn)
            interval = None if camera is None or camera.api is None else camera.config.snapshot_interval
            if interval is not None and self._begin(sn):
                self._due[sn] = now + interval

    def _handed(self, entry: Entry, _payload: bytes, late: bool) -> None:
        event = entry.event
        if late or not isinstance(event, MotionEvent) or not (event.motion or event.human):
            return
        camera = self._camera_of(event.sn)
        if camera is None or not camera.config.snapshot_on_motion:
            return
        if self._motion_due.get(event.sn, -math.inf) <= self._loop.time():
            self._moved[event.sn] = event.uid
            self._publisher.when_idle(self._take_of_motion)

    def _take_of_motion(self) -> None:
        for sn, uid in list(self._moved.items()):
            if self._begin(sn, uid):
                del self._moved[sn]
                self._motion_due[sn] = self._loop.time() + MOTION_EVERY

    def _begin(self, sn: str, uid: str | None = None) -> bool:
        """Take one; return whether there is room for it now."""
        if self._tasks is None or sn in self._under_way or len(self._under_way) >= AT_ONCE:
            return False
        self._under_way.add(sn)
        self._tasks.create_task(self._take(sn, uid), name="snapshot")
        return True

    async def _take(self, sn: str, uid: str | None) -> None:
        try:
            await self._snapshots.take(sn, uid)
        except BridgeError as error:
            self.counters["missed"] += 1
            self._complaints.warning(log, sn, "There is no snapshot of camera %s: %s", sn, error)
        except Exception:
            log.exception("A bug in the bridge: there is no snapshot of camera %s", sn)
        else:
            self.counters["taken"] += 1
            self._complaints.forget(sn)
        finally:
            self._under_way.discard(sn)
            if self._moved:
                self._publisher.when_idle(self._take_of_motion)
