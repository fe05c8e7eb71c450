"""People whom one camera has counted today: read from it again and again, from midnight to midnight."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

from ipc_bridge.bridge.messages import rfc3339
from ipc_bridge.bridge.registry import KnownCamera
from ipc_bridge.bridge.state import JITTER, UNSUPPORTED, Pace
from ipc_bridge.device.api import CameraApi
from ipc_bridge.device.people_flow import DAY, DIRECTIONS, Slot, by_age, by_gender, count_people
from ipc_bridge.errors import DeviceError, RefusedError
from ipc_bridge.logs import Once

log = logging.getLogger(__name__)

MIDNIGHT_SPREAD = 5.0
"""Seconds after midnight within which all cameras are asked."""


class PeopleFlow:
    """One camera's counts.

    Args:
        known: the camera's record; it remembers what the camera cannot count.
        pace: how often it is read.
        now: tells the Unix time by the camera's clock. Its day is that of this machine's time zone: it tells none.
        changed: called when a count has changed.
        lacks: called when the camera turned out not to count something.
        uniform: draws a number between two others; tests give their own.
    """

    def __init__(
        self,
        known: KnownCamera,
        pace: Pace,
        now: Callable[[], float],
        changed: Callable[[], None],
        lacks: Callable[[], None],
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.counts: dict[str, Any] | None = None
        """``camera/<sn>/flow``; None before the first reading."""
        self._known = known
        self._pace = pace
        self._now = now
        self._changed = changed
        self._lacks = lacks
        self._uniform = uniform
        self._midnight: int | None = None
        """When the day began that was read last."""
        self._complaints = Once()

    @property
    def is_counted(self) -> bool | None:
        """Whether the camera counts people; None while nobody knows."""
        if all(self._is_unsupported(direction) for direction in DIRECTIONS):
            return False
        return True if self.counts is not None else None

    async def run(self, api: CameraApi) -> None:
        """Read now, every interval, and at midnight; until cancelled, or until it turns out that there is nothing."""
        while self.is_counted is not False:
            try:
                await self.read(api)
            except DeviceError as error:
                self._complaints.warning(log, "all", "Camera %s does not tell its counts: %s", self._known.sn, error)
            else:
                self._complaints.forget("all")
            await asyncio.sleep(self._until_next())

    async def read(self, api: CameraApi) -> None:
        """Read today's counts; and once more yesterday's, where the last reading was before midnight.

        Raises:
            DeviceError: the camera does not tell them.
        """
        now = self._now()
        midnight, yesterday = midnight_before(now), midnight_before(now, days=1)
        before, self._midnight = self._midnight, midnight
        if before == yesterday:
            await self._count(api, yesterday, midnight)
        await self._count(api, midnight, int(now) + 1)

    async def _count(self, api: CameraApi, begin: int, end: int) -> None:
        people = {direction: await self._ask(api, direction, begin, end) for direction in DIRECTIONS}
        if all(slots is None for slots in people.values()):
            return
        inflow = people["in"]
        counts = {
            **{direction: _total(slots) for direction, slots in people.items()},
            "by_age": None if inflow is None else by_age(inflow),
            "by_gender": None if inflow is None else by_gender(inflow),
            "since": rfc3339(begin),
        }
        if counts != self.counts:
            self.counts = counts
            self._changed()

    async def _ask(self, api: CameraApi, direction: str, begin: int, end: int) -> list[Slot] | None:
        """What the camera counted; None where it cannot."""
        if self._is_unsupported(direction):
            return None
        try:
            async with self._pace.turns:
                return await count_people(api, direction, begin, end, DAY)
        except RefusedError as error:
            if error.code not in UNSUPPORTED:
                raise
            self._known.unsupported.append(DIRECTIONS[direction].path)
            log.info("Camera %s does not count people (%s): %s", self._known.sn, direction, error)
            self._lacks()
            return None

    def _is_unsupported(self, direction: str) -> bool:
        return DIRECTIONS[direction].path in self._known.unsupported

    def _until_next(self) -> float:
        now = self._now()
        to_midnight = midnight_before(now, days=-1) - now + self._uniform(0, MIDNIGHT_SPREAD)
        return min(self._pace.flow_interval * self._uniform(1 - JITTER, 1 + JITTER), to_midnight)


def midnight_before(unix_seconds: float, days: int = 0) -> int:
    """The Unix second at which that day began in this machine's time zone, or so many days earlier."""
    day = datetime.fromtimestamp(unix_seconds).astimezone().date() - timedelta(days=days)
    return int(datetime.combine(day, time()).timestamp())


def _total(slots: list[Slot] | None) -> int | None:
    return None if slots is None else sum(slot.total for slot in slots)
