"""Events on their way to the broker: every camera's in order, and all cameras in turn."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ipc_bridge.journal.entry import Entry


@dataclass(slots=True)
class _Lane:
    """The events of one source: in order, each until the broker has it."""

    waiting: deque[Entry] = field(default_factory=deque)
    sent: dict[int, Entry] = field(default_factory=dict)
    held: bool = False
    queued: bool = False


class Lanes:
    """A lane for each camera, and each shop of the cloud; whose turn it is gives its next event.

    How many there are at most is the feed's business: it hands over no more than it may.
    """

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._turns: deque[str] = deque()

    def append(self, entry: Entry) -> None:
        """Put ``entry`` behind the earlier ones of its source."""
        source = entry.event.source
        lane = self._lane(source)
        lane.waiting.append(entry)
        self._queue(source, lane)

    def next(self) -> Entry | None:
        """Take the next event, which counts as sent from now on; None where nothing may go."""
        while self._turns:
            source = self._turns.popleft()
            lane = self._lanes[source]
            lane.queued = False
            if lane.waiting and not lane.held:
                entry = lane.waiting.popleft()
                lane.sent[entry.position] = entry
                self._queue(source, lane)
                return entry
        return None

    @property
    def has_next(self) -> bool:
        """Whether an event may be waiting for its turn."""
        return bool(self._turns)

    def done(self, entry: Entry) -> None:
        """The broker has taken or refused ``entry``, or it is not to have it."""
        del self._lanes[entry.event.source].sent[entry.position]

    def hold(self, source: str) -> None:
        """Keep a source's events back until :meth:`release`."""
        self._lane(source).held = True

    def release(self, source: str) -> None:
        """Let a source's events go."""
        lane = self._lane(source)
        lane.held = False
        self._queue(source, lane)

    def send_again(self) -> None:
        """The connection is gone: what is not done waits again, in its order."""
        for source, lane in self._lanes.items():
            lane.waiting.extendleft(reversed(lane.sent.values()))
            lane.sent.clear()
            self._queue(source, lane)

    def _lane(self, source: str) -> _Lane:
        return self._lanes.setdefault(source, _Lane())

    def _queue(self, source: str, lane: _Lane) -> None:
        if lane.waiting and not lane.held and not lane.queued:
            lane.queued = True
            self._turns.append(source)
