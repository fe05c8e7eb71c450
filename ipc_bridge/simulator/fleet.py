"""Many cameras on one machine, and what happens in front of them."""

from __future__ import annotations

import asyncio
import dataclasses
import ipaddress
import random
import sys
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from ipc_bridge.simulator.camera import SimulatedCamera
from ipc_bridge.simulator.card import CardStatus
from ipc_bridge.simulator.certificates import make_identity
from ipc_bridge.simulator.people import STRANGER
from ipc_bridge.simulator.settings import FACE_MODEL, MOTION_MODEL, CameraSettings
from ipc_bridge.simulator.statistics import Flow

_TICK = 0.002
"""Seconds between two looks at what is due: a load of 10,000 events/s needs no more wake-ups."""
_MAX_LAG = 1.0
"""Seconds of events that are made up for after a hold-up; what is older never happened."""
_FACE_SHARE = 0.7
"""Of a face camera's events, how many are faces; the others are motion."""
_NEW_STRANGERS = 0.5
_DOORS = ("Front door", "Back door", "Till", "Stock room", "Office", "Car park", "Terrace", "Cellar")


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """A fleet: camera ``i`` is at ``first_address`` + ``i`` on the same ports.

    Where only one loopback address exists (everywhere but on Linux) all are at ``first_address``,
    with ports counted up instead.
    """

    cameras: int = 3
    first_address: str = "127.0.0.2"
    """Not 127.0.0.1: discovery answers to who asks from there would be caught by that camera."""
    camera: CameraSettings = field(default_factory=CameraSettings)
    """What they have in common; sn, model, host, name and mac are the fleet's to give."""
    certificate_each: bool = False
    """A key and a certificate for each camera instead of one for all; takes 0.1 s a camera."""
    many_addresses: bool = sys.platform.startswith("linux")


class Fleet:
    """Cameras that are started and stopped together.

    Args:
        settings: how many and what they are like.
        chance: when something happens and where.
    """

    def __init__(self, settings: FleetSettings, chance: random.Random | None = None) -> None:
        self._chance = chance or random.Random()
        self.cameras = [SimulatedCamera(camera_settings(settings, number)) for number in range(settings.cameras)]
        self._by_serial = {camera.sn: camera for camera in self.cameras}

    def __getitem__(self, sn: str) -> SimulatedCamera:
        return self._by_serial[sn]

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start all cameras.

        Raises:
            OSError: one of their addresses cannot be had; none listens then.
        """
        try:
            for camera in self.cameras:
                await camera.start()
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop all cameras."""
        await asyncio.gather(*(camera.stop() for camera in self.cameras))

    async def play(self, events_every: float) -> None:
        """Let something happen in front of each camera every ``events_every`` seconds on average, for ever.

        The moments are as random as visitors are.
        """
        loop = asyncio.get_running_loop()
        rate = len(self.cameras) / events_every
        due = loop.time() + self._chance.expovariate(rate)
        while True:
            now = loop.time()
            due = max(due, now - _MAX_LAG)
            while due <= now:
                self._happen(self._chance.choice(self.cameras))
                due += self._chance.expovariate(rate)
            await asyncio.sleep(max(due - now, _TICK))

    def _happen(self, camera: SimulatedCamera) -> None:
        if not camera.running:
            return
        sees_faces = camera.settings.model == FACE_MODEL and camera.card is CardStatus.WORKING
        if sees_faces and self._chance.random() < _FACE_SHARE:
            self._recognise(camera)
        else:
            camera.emit_motion()
            # Who moves and shows no face goes out, or goes by.
            camera.count_people(self._chance.choice((Flow.OUT, Flow.PASS)))

    def _recognise(self, camera: SimulatedCamera) -> None:
        """Let someone come: each group as often as the others, and half of the strangers for the first time."""
        group = self._chance.choice(tuple(camera.library.groups.values()))
        if group.name == STRANGER and self._chance.random() < _NEW_STRANGERS:
            camera.emit_stranger()
        elif group.faces:
            camera.emit_face(faceid=self._chance.choice(tuple(group.faces)))
        else:
            camera.emit_face()


def camera_settings(fleet: FleetSettings, number: int) -> CameraSettings:
    """Return the settings of the fleet's camera ``number``, counted from 0; every third is an FM010."""
    common = fleet.camera
    model = MOTION_MODEL if number % 3 == 1 else FACE_MODEL
    sn = f"{'SS' if model == MOTION_MODEL else 'FS'}101D8BS{101 + number:05d}"
    address = ipaddress.IPv4Address(fleet.first_address)
    return dataclasses.replace(
        common,
        sn=sn,
        model=model,
        name=_DOORS[number] if number < len(_DOORS) else f"Camera {number + 1}",
        # The second of the bits that mark a MAC address says that it is nobody's property.
        mac="02:00:" + ":".join(f"{byte:02X}" for byte in (number + 1).to_bytes(4)),
        host=str(address + number if fleet.many_addresses else address),
        api_port=_port(fleet, common.api_port, number),
        channel_port=_port(fleet, common.channel_port, number),
        discovery_port=None if common.discovery_port is None else _port(fleet, common.discovery_port, number),
        identity=make_identity(f"SUNMI IPC {sn}") if fleet.certificate_each else common.identity,
        seed=None if common.seed is None else common.seed + number,
    )


def _port(fleet: FleetSettings, first: int, number: int) -> int:
    return first if fleet.many_addresses or first == 0 else first + number
