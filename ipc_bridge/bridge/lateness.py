"""When an event is history, and how a camera's wrong clock is told from an old event."""

from __future__ import annotations

import logging
import math
from collections import deque

from ipc_bridge.clock import Clock
from ipc_bridge.journal.entry import Entry

log = logging.getLogger(__name__)

AGREEMENT = 5.0
"""Seconds by which offsets may differ and still be one clock's."""
PERIODS_TO_AGREE = 3
"""Heartbeat periods in a row whose events must agree: a burst of old events falls into one."""
NOTEWORTHY = 5.0
"""A clock that is off by less is right."""


class CameraClock:
    """How far one camera's clock is ahead of the bridge's, in seconds.

    An event that comes on a channel whose heartbeats are answered is news, unless the camera kept
    it back. Old events come with different offsets or in one burst; a wrong clock is the same offset
    period after period, or the one that the camera's API shows in its answers.
    """

    def __init__(self, sn: str) -> None:
        self.offset = 0.0
        """0 while nothing is known against the clock."""
        self._is_known = False
        self._sn = sn
        self._samples: deque[float] = deque(maxlen=PERIODS_TO_AGREE)
        self._sampled_this_period = True
        self.measured_offset: float | None = None
        """What the camera's API showed, where it was asked."""

    def channel_opened(self) -> None:
        """A new channel: what comes before its first heartbeat may have waited in the camera."""
        self._sampled_this_period = True

    def heartbeat_answered(self) -> None:
        """The camera is there and up to date: the next event is fresh."""
        self._sampled_this_period = False

    def measured(self, offset: float) -> None:
        """The camera's API showed its time."""
        self.measured_offset = offset

    def observe(self, time: float, received_at: float) -> None:
        """An event came; both in Unix seconds, ``time`` by the camera's clock."""
        offset = time - received_at
        if self.measured_offset is not None and _agree(offset, self.measured_offset):
            # Not the event's own: part of that may be how long the camera kept it.
            self._set(self.measured_offset)
            return
        if self._sampled_this_period:
            return
        self._sampled_this_period = True
        self._samples.append(offset)
        if len(self._samples) == PERIODS_TO_AGREE and _agree(*self._samples):
            self._set(sum(self._samples) / PERIODS_TO_AGREE)

    def bridge_stepped(self, seconds: float) -> None:
        """The bridge's own clock was set, by so much: what was known against it holds no more, but by so much less."""
        if self._is_known:
            self._set(self.offset - seconds)
        if self.measured_offset is not None:
            self.measured_offset -= seconds
        self._samples.clear()

    def _set(self, offset: float) -> None:
        self._is_known = True
        offset = offset if abs(offset) > NOTEWORTHY else 0.0
        if not _agree(offset, self.offset):
            if offset:
                log.warning(
                    "The clock of camera %s is %.0f s %s: its events are not late for that; set its time",
                    self._sn,
                    abs(offset),
                    "ahead" if offset > 0 else "behind",
                )
            else:
                log.info("The clock of camera %s is right again", self._sn)
            self.offset = offset


class Lateness:
    """The rule by which events are history, with each camera's clock.

    Args:
        max_age: ``events.max_age`` in seconds.
        clock: the bridge's own.
    """

    def __init__(self, max_age: float, clock: Clock) -> None:
        self._max_age = max_age
        self._clock = clock
        self._cameras: dict[str, CameraClock] = {}
        self._wall_ahead = clock.time() - clock.monotonic()

    def camera(self, sn: str) -> CameraClock:
        """The clock of one camera."""
        if sn not in self._cameras:
            self._cameras[sn] = CameraClock(sn)
        return self._cameras[sn]

    def observe(self, entry: Entry) -> None:
        """Learn from an event that has just come."""
        ahead = self._clock.time() - self._clock.monotonic()
        step, self._wall_ahead = ahead - self._wall_ahead, ahead
        if abs(step) > NOTEWORTHY:
            log.warning("The clock of this machine was set by %.0f s", step)
            for camera in self._cameras.values():
                camera.bridge_stepped(step)
        self.camera(entry.event.source).observe(entry.event.time, entry.event.received_at)

    def is_late(self, entry: Entry) -> bool:
        """Whether ``entry``, handed over now, is history."""
        event = entry.event
        waited = self._waited(entry)
        age_when_received = event.received_at - (event.time - self.camera(event.source).offset)
        return waited > self._max_age or age_when_received + waited > self._max_age

    def _waited(self, entry: Entry) -> float:
        """Seconds since ``entry`` was received."""
        now = self._clock.monotonic()
        if entry.boot == self._clock.boot:
            return now - entry.received_mono
        # From before this machine's start. Its clock may be behind, as on a Pi that has not asked for the time yet:
        # then nobody knows how long that is ago, and what is not known to be news is history.
        ago = self._clock.time() - entry.event.received_at
        return max(ago, now) if ago >= 0 else math.inf


def _agree(*offsets: float) -> bool:
    return max(offsets) - min(offsets) <= AGREEMENT
