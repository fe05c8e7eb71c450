"""The load: simulated cameras in a process of their own, and what happens in front of them.

Every event carries its number and the moment of its sending on the clock that all processes of a
machine share, so that whoever gets it at the other end can tell how long it took.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import itertools
import random
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any

import uvloop

from ipc_bridge.simulator import FACE_MODEL, CameraSettings, FleetSettings, SimulatedCamera
from ipc_bridge.simulator.addresses import face_path, sign_address
from ipc_bridge.simulator.fleet import camera_settings
from ipc_bridge.simulator.portraits import JPEG
from ipc_bridge.wire.packet import FACE_EVENT

APP_ID, SECRET_KEY = "benchmark-app", "benchmark-secret"
REMEMBERED = 200_000
"""Events that a camera keeps until they are acknowledged: more than are ever under way."""
WINDOW = 1_000
"""Events between cameras and subscriber while saturated: never none, and never so many that somebody must drop."""
CHUNK = 20
"""Events that a camera sends at once in a flood."""
TICK = 0.001
"""Seconds between two looks at what is due."""
PICTURE = "face"
"""The name of the picture on each camera."""
WAIT = 60.0
"""Seconds that anything may take."""


@dataclass(frozen=True, slots=True)
class Cameras:
    """How many there are and where: camera ``i`` is at ``first_address`` + ``i``.

    ``picture`` is the size in bytes of the picture that they have of each face; 0: they have none.
    """

    count: int
    first_address: str
    api_port: int
    channel_port: int
    picture: int = 0

    def settings(self) -> list[CameraSettings]:
        """Each camera's; all of them recognise faces."""
        common = CameraSettings(
            app_id=APP_ID,
            secret_key=SECRET_KEY,
            api_port=self.api_port,
            channel_port=self.channel_port,
            discovery_port=None,
            remember_events=REMEMBERED,
        )
        fleet = FleetSettings(self.count, self.first_address, common)
        return [replace(camera_settings(fleet, number), model=FACE_MODEL) for number in range(self.count)]


@dataclass(frozen=True, slots=True)
class AwaitSubscribers:
    """Wait until every camera has a subscriber; the answer's ``moment`` is when."""


@dataclass(frozen=True, slots=True)
class Paced:
    """Send ``rate`` events a second over all cameras, at moments as random as visitors are."""

    rate: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Saturated:
    """Send as much as arrives at the other end, with :data:`WINDOW` events under way."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Flood:
    """Send ``count`` events as fast as they are read."""

    count: int


@dataclass(frozen=True, slots=True)
class AwaitAcknowledged:
    """Wait until every event is acknowledged, or ``seconds`` have passed."""

    seconds: float


Command = AwaitSubscribers | Paced | Saturated | Flood | AwaitAcknowledged


@dataclass(frozen=True, slots=True)
class Done:
    """The answer to a command: when it was done on the monotonic clock, and counts since the start."""

    moment: float
    sent: int
    unacknowledged: int


class Load:
    """The cameras and what they are told to do.

    Args:
        cameras: which.
        received: how many of the current measurement's events arrived at the subscriber.
    """

    def __init__(self, cameras: Cameras, received: ctypes.c_longlong) -> None:
        self._cameras = [SimulatedCamera(settings) for settings in cameras.settings()]
        for camera in self._cameras if cameras.picture else ():
            camera.library.portraits.put(PICTURE, JPEG.ljust(cameras.picture, b"\0"))
        self._turn = itertools.cycle(self._cameras)
        self._received = received
        self._sent = 0
        self._chance = random.Random(1)
        self._obey: dict[type[Any], Callable[[Any], Coroutine[Any, Any, None]]] = {
            AwaitSubscribers: self._await_subscribers,
            Paced: self._paced,
            Saturated: self._saturated,
            Flood: self._flood,
            AwaitAcknowledged: self._await_acknowledged,
        }

    async def run(self, control: Connection) -> None:
        """Obey until ``control`` ends."""
        for camera in self._cameras:
            await camera.start()
        control.send(self._done())
        with contextlib.suppress(EOFError):
            while True:
                command: Command = await asyncio.to_thread(control.recv)
                await self._obey[type(command)](command)
                control.send(self._done())
        for camera in self._cameras:
            await camera.stop()

    def _done(self) -> Done:
        sent = sum(camera.sent_count for camera in self._cameras)
        return Done(time.monotonic(), sent, sent - sum(camera.acknowledged_count for camera in self._cameras))

    async def _await_subscribers(self, _command: AwaitSubscribers) -> None:
        try:
            for camera in self._cameras:
                await camera.wait_for_subscriber(timeout=WAIT)
        except TimeoutError:
            subscribed = sum(camera.subscribers > 0 for camera in self._cameras)
            sys.exit(f"after {WAIT:g} s only {subscribed} of {len(self._cameras)} cameras were subscribed")

    async def _paced(self, command: Paced) -> None:
        due = time.monotonic()
        end = due + command.seconds
        while due < end:
            while due <= time.monotonic():
                self._emit(self._chance.choice(self._cameras))
                due += self._chance.expovariate(command.rate)
            await asyncio.sleep(max(due - time.monotonic(), TICK))

    async def _saturated(self, command: Saturated) -> None:
        end = time.monotonic() + command.seconds
        begun_at = self._sent
        while time.monotonic() < end:
            for _ in range(WINDOW - (self._sent - begun_at - self._received.value)):
                self._emit(next(self._turn))
            await asyncio.sleep(TICK)

    async def _flood(self, command: Flood) -> None:
        for _ in range(0, command.count, CHUNK * len(self._cameras)):
            for camera in self._cameras:
                for _ in range(CHUNK):
                    self._emit(camera)
            for camera in self._cameras:
                await camera.drained(WAIT)
            await asyncio.sleep(0)

    async def _await_acknowledged(self, command: AwaitAcknowledged) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(command.seconds):
                for camera in self._cameras:
                    await camera.wait_for_all_acknowledged(None)

    def _emit(self, camera: SimulatedCamera) -> None:
        self._sent += 1
        camera.emit(
            {
                "event_type": FACE_EVENT,
                "sn": camera.sn,
                "report_time": int(time.time()),
                "group_name": "vip",
                "faceid": "00000001",
                "cloud_faceid": "8798700000001",
                "age": 10,
                "age_range": 2,
                "gender": 2,
                "arrive_times": 4,
                "pic_url": sign_address(f"https://{camera.host}", SECRET_KEY, face_path(PICTURE), time.time()),
                "vip_level": "1",
                "hobby": "tennis",
                "sent": f"{self._sent} {time.monotonic_ns()}",
            }
        )


def main(cameras: Cameras, received: ctypes.c_longlong, control: Connection) -> None:
    """Run the load until ``control`` ends."""
    uvloop.run(Load(cameras, received).run(control))
