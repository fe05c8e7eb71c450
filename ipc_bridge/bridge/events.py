"""The way of an event: from a camera into the journal, and on to whoever wants it."""

from __future__ import annotations

import logging
from collections import Counter

from ipc_bridge.bridge.detections import Detections
from ipc_bridge.bridge.journal import Entry, MemoryJournal
from ipc_bridge.bridge.lateness import Lateness
from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.clock import Clock
from ipc_bridge.device.events import Origin, read_event
from ipc_bridge.errors import EventError
from ipc_bridge.logs import Once
from ipc_bridge.models import FaceEvent, MotionEvent
from ipc_bridge.mqtt.topics import Topics

log = logging.getLogger(__name__)


class EventFlow:
    """Takes events in and follows them to the broker.

    Args:
        topics: the topic table.
        clock: stamps the receipt.
        lateness: what is history.
        journal: what gives each event its number.
        publisher: the broker's sink.
        detections: the switches that events turn on.
    """

    def __init__(
        self,
        topics: Topics,
        clock: Clock,
        lateness: Lateness,
        journal: MemoryJournal,
        publisher: Publisher,
        detections: Detections,
    ) -> None:
        self.counters: Counter[str] = Counter()
        """Events: received, duplicate, unusable."""
        self._topics = topics
        self._clock = clock
        self._lateness = lateness
        self._journal = journal
        self._publisher = publisher
        self._detections = detections
        self._last_face: dict[str, float] = {}
        self._complaints = Once()
        publisher.on_handed(self._handed)

    def received(self, payload: bytes, origin: Origin) -> int | None:
        """Take an event in.

        Args:
            payload: what the camera sent.
            origin: which camera, and how.

        Returns:
            The id to acknowledge, now that the event is safe or of no use; None where it has none.
        """
        received_at = self._clock.time()
        event_id, event = read_event(payload, origin, received_at)
        if isinstance(event, EventError):
            self.counters["unusable"] += 1
            self._complaints.warning(
                log,
                f"{origin.sn} {str(event)[:12]}",
                "Camera %s sent an event that cannot be used: %s",
                origin.sn,
                event,
            )
            return event_id
        entry = self._journal.append(event)
        if entry is None:
            self.counters["duplicate"] += 1
            return event_id
        self.counters["received"] += 1
        self._lateness.camera(event.sn).observe(event.time, received_at)
        self._publisher.append(entry)
        return event_id

    def _handed(self, entry: Entry, payload: bytes, late: bool) -> None:
        event = entry.event
        if isinstance(event, MotionEvent) and not late:
            self._detections.found(event)
        if isinstance(event, FaceEvent) and event.time >= self._last_face.get(event.sn, 0):
            self._last_face[event.sn] = event.time
            self._publisher.show(self._topics.camera(event.sn, "face"), payload)
