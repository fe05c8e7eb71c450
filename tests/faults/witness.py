"""What one camera knows: every event that it sent, when it happened, and whether the bridge took it over."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from ipc_bridge.simulator import FACE_MODEL, MOTION_MODEL, SimulatedCamera
from ipc_bridge.wire.packet import FACE_EVENT
from tests.e2e.harness import PATIENCE, eventually

CHUNK = 100
"""Events that happen at once in a flood: no more than a reader's buffers take."""
MOTION_EVERY = 5
"""One of so many events of a face camera is motion."""
_TICK = 0.01


class Witness:
    """Lets events happen in front of a simulated camera and keeps its book, over its reboots, too.

    Args:
        camera: it; started.
    """

    def __init__(self, camera: SimulatedCamera) -> None:
        assert camera.settings.model in (FACE_MODEL, MOTION_MODEL)
        self.camera = camera
        self.happened: dict[str, float] = {}
        """When each event happened, on the monotonic clock, by its uid."""
        self._acknowledged: set[str] = set()
        self._count = 0
        self._reported = 0

    @property
    def acknowledged(self) -> set[str]:
        """The uids of the events that the camera saw acknowledged."""
        self._harvest()
        return self._acknowledged

    @property
    def all_acknowledged(self) -> bool:
        """Whether no event waits for its acknowledgement."""
        return not self.camera.unacknowledged

    def event(self, *, age: float = 0.0, event_id: int | None = None) -> str:
        """Let something happen, every :data:`MOTION_EVERY` times motion, else a face; return its uid.

        Args:
            age: seconds ago; whole ones by what the camera reports.
            event_id: another than the next one.
        """
        self._count += 1
        reported = int(time.time() - age)
        self._reported = max(reported, self._reported)
        given: dict[str, Any] = {} if event_id is None else {"event_id": event_id}
        if event_id is not None:
            # The camera keeps its book by id: what is in it would be overwritten.
            self._harvest()
        if self._count % MOTION_EVERY and self.camera.settings.model == FACE_MODEL:
            number = self.camera.emit_face(report_time=reported, **given)
            uid = f"{self.camera.sn}:face:{number}:{reported}"
        else:
            number = self.camera.emit_motion(report_time=reported, detect_type=1, **given)
            uid = f"{self.camera.sn}:motion:{number}:{reported}"
        self.happened[uid] = time.monotonic() - age
        return uid

    async def events(self, count: int, rate: float, together: int = 1) -> None:
        """Let ``count`` events happen, ``rate`` a second, so many of them ``together``."""
        begin = time.monotonic()
        for number in range(count):
            while time.monotonic() < begin + (number - number % together) / rate:  # noqa: ASYNC110 - a load, not a wait
                await asyncio.sleep(_TICK)
            self.event()

    async def flood(self, count: int) -> None:
        """Let ``count`` events happen as fast as the bridge reads."""
        for start in range(0, count, CHUNK):
            for _ in range(min(CHUNK, count - start)):
                self.event()
            await self.camera.drained()
            await asyncio.sleep(0)

    async def reboot(self, seconds: float) -> None:
        """Reboot the camera: ids begin again, and what was not acknowledged is gone."""
        self._harvest()
        await self.camera.reboot(seconds)

    async def heartbeat(self) -> None:
        """Return when the bridge has sent one more."""
        before = self.camera.heartbeats
        await self.camera.wait_until(lambda: self.camera.heartbeats > before)

    async def connected_again(self) -> None:
        """Return when the bridge has begun one more session."""
        before = self.camera.connects
        await self.camera.wait_until(lambda: self.camera.connects > before, PATIENCE)

    async def next_second(self) -> None:
        """Return when what happens next has another time than what happened last."""
        await eventually(lambda: int(time.time()) > self._reported, "the next second")

    def again(self, uid: str) -> None:
        """Send an event that happened before once more, as it was, in spite of its acknowledgement."""
        payload = next(payload for payload in self.camera.acknowledged.values() if _uid(payload) == uid)
        self.camera.emit(json.loads(payload))

    def _harvest(self) -> None:
        self._acknowledged.update(_uid(payload) for payload in self.camera.acknowledged.values())


def _uid(payload: bytes) -> str:
    event = json.loads(payload)
    kind = "face" if event["event_type"] == FACE_EVENT else "motion"
    return f"{event['sn']}:{kind}:{event['event_id']}:{event['report_time']}"
