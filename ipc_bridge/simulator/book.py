"""What a camera remembers of the events that it sent."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ipc_bridge.simulator.changes import Changes

_MAX_STRAY = 1000


@dataclass(frozen=True, slots=True)
class SentEvent:
    """An event as it was sent; ``topic`` is None where it has no known type."""

    topic: str | None
    payload: bytes


class EventBook:
    """Events by their id, until acknowledged and after.

    Args:
        limit: how many of each kind are kept; the oldest go first.
        changes: told about each acknowledgement.
    """

    def __init__(self, limit: int, changes: Changes) -> None:
        self._limit = limit
        self._changes = changes
        self._last_id = 0
        self._unacknowledged: OrderedDict[int, SentEvent] = OrderedDict()
        self._acknowledged: OrderedDict[int, bytes] = OrderedDict()
        self.sent_count = 0
        """Events sent since the camera was made."""
        self.acknowledged_count = 0
        """Of these, how many were acknowledged; each counts once."""
        self.repeated_count = 0
        """Acknowledgements of an event that had one already."""
        self.stray: deque[int] = deque(maxlen=_MAX_STRAY)
        """Ids that were acknowledged and never sent, newest last."""

    @property
    def unacknowledged(self) -> Mapping[int, SentEvent]:
        """Events without PUBACK, oldest first."""
        return self._unacknowledged

    @property
    def acknowledged(self) -> Mapping[int, bytes]:
        """Payloads of the events with PUBACK by their id, in the order of acknowledgement."""
        return self._acknowledged

    def next_id(self) -> int:
        """The id of the next event."""
        self._last_id += 1
        return self._last_id

    def remember(self, event_id: int, event: SentEvent) -> None:
        """Note an event that is being sent."""
        self.sent_count += 1
        self._unacknowledged[event_id] = event
        if len(self._unacknowledged) > self._limit:
            self._unacknowledged.popitem(last=False)

    def acknowledge(self, event_id: int) -> None:
        """PUBACK came."""
        event = self._unacknowledged.pop(event_id, None)
        if event is not None:
            self.acknowledged_count += 1
            self._acknowledged[event_id] = event.payload
            if len(self._acknowledged) > self._limit:
                self._acknowledged.popitem(last=False)
        elif event_id in self._acknowledged:
            self.repeated_count += 1
        else:
            self.stray.append(event_id)
        self._changes.notify()

    def pending(self, topics: set[str]) -> Iterator[bytes]:
        """The unacknowledged payloads of ``topics``, oldest first."""
        return (event.payload for event in self._unacknowledged.values() if event.topic in topics)

    def restart(self) -> None:
        """The camera rebooted: ids begin again at 1 and what it held in memory is gone; counts stay."""
        self._last_id = 0
        self._unacknowledged.clear()
        self._acknowledged.clear()
