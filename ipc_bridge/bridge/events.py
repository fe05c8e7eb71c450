"""The way of an event: from a camera into the journal, and on to whoever wants it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from ipc_bridge.bridge.detections import Detections
from ipc_bridge.bridge.lateness import Lateness
from ipc_bridge.bridge.link import Acknowledge
from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.clock import Clock
from ipc_bridge.device.events import Origin, read_event
from ipc_bridge.errors import EventError
from ipc_bridge.journal.entry import Entry
from ipc_bridge.journal.journal import Journal
from ipc_bridge.logs import Once
from ipc_bridge.models import Event, FaceEvent, MotionEvent
from ipc_bridge.mqtt.topics import Topics

log = logging.getLogger(__name__)


class Filter(Protocol):
    """Who is asked about events before they are kept."""

    def wants(self, sn: str) -> bool:
        """Whether an event of this camera has to take this way."""

    def put(self, event: Event, then: Callable[[Event | None], None]) -> None:
        """Ask about ``event``; ``then`` gets what becomes of it, None where it is dropped; a camera's in order."""

    @property
    def is_full(self) -> bool:
        """Whether more events wait than should."""


class EventFlow:
    """Takes events in and follows them to the broker.

    Args:
        topics: the topic table.
        clock: stamps the receipt.
        lateness: learns of cameras' clocks.
        journal: what gives each event its number and keeps it.
        publisher: the broker's sink.
        detections: the switches that events turn on.
    """

    filter: Filter | None = None

    def __init__(
        self,
        topics: Topics,
        clock: Clock,
        lateness: Lateness,
        journal: Journal,
        publisher: Publisher,
        detections: Detections,
    ) -> None:
        self.counters: Counter[str] = Counter()
        """Events: received, unusable, filtered."""
        self._topics = topics
        self._clock = clock
        self._journal = journal
        self._publisher = publisher
        self._detections = detections
        self._last_face: dict[str, float] = {}
        self._forgotten: set[str] = set()
        self._complaints = Once()
        journal.listen(lateness.observe)
        publisher.on_handed(self._handed)

    def received(self, payload: bytes, origin: Origin, acknowledge: Acknowledge) -> None:
        """Take an event in.

        Args:
            payload: what the camera sent.
            origin: which camera, and how.
            acknowledge: called with the event's id once it is safe; at once where it is of no use, with None where
                it has no id that can be read.
        """
        received_at = self._clock.time()
        event_id, event = read_event(payload, origin, received_at)
        if isinstance(event, EventError):
            self.unusable(f"Camera {origin.sn}", event)
            acknowledge(event_id)
            return
        self.append(event, partial(acknowledge, event_id))

    def append(self, event: Event, on_safe: Callable[[], None]) -> None:
        """Take in an event that is decoded; ``on_safe`` is called once it is on the disk."""
        self.counters["received"] += 1
        if self.filter is not None and self.filter.wants(event.source):
            self.filter.put(event, partial(self._filtered, on_safe))
        else:
            self._journal.append(event, on_safe)

    def _filtered(self, on_safe: Callable[[], None], event: Event | None) -> None:
        if event is None:
            self.counters["filtered"] += 1
            on_safe()
        else:
            self._journal.append(event, on_safe)

    def unusable(self, whose: str, error: EventError) -> None:
        """Count an event that is of no use to anybody; ``whose`` it is, for the log."""
        self.counters["unusable"] += 1
        self._complaints.warning(
            log, f"{whose} {str(error)[:12]}", "%s sent an event that cannot be used: %s", whose, error
        )

    @property
    def is_full(self) -> bool:
        """Whether there is no room for events: cameras are to keep what they have."""
        return self._journal.is_full or (self.filter is not None and self.filter.is_full)

    def remember_faces(self, newest: Mapping[str, float]) -> None:
        """Which face each camera's retained one is, by its time."""
        self._last_face.update(newest)

    def forget(self, sn: str) -> None:
        """Nothing that is still on its way may bring a forgotten camera's topics back."""
        self._forgotten.add(sn)

    def remember(self, sn: str) -> None:
        """The camera is there again."""
        self._forgotten.discard(sn)

    def _handed(self, entry: Entry, payload: bytes, late: bool) -> None:
        event = entry.event
        # What the cloud tells of a camera is the shop's, and not the camera's own.
        if event.shop is not None or event.sn in self._forgotten:
            return
        if isinstance(event, MotionEvent) and not late:
            self._detections.found(event)
        if isinstance(event, FaceEvent) and event.time >= self._last_face.get(event.sn, 0):
            self._last_face[event.sn] = event.time
            self._publisher.show(self._topics.camera(event.sn, "face"), payload)
