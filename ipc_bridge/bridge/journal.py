"""Every event once, numbered without a gap.

An event gets its ``seq`` and ``epoch`` here and nowhere else: what is not appended cannot be
published.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass

from ipc_bridge.clock import Clock
from ipc_bridge.models import Event

REMEMBERED_UIDS = 20_000
"""Copies are recognised among this many newest events: an hour of a busy site, 4 MB."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with its place in the journal.

    ``received_mono`` is when it was received, on the monotonic clock.
    """

    seq: int
    epoch: int
    event: Event
    received_mono: float


class MemoryJournal:
    """A journal that begins with the program.

    Args:
        clock: stamps the epoch.
    """

    def __init__(self, clock: Clock) -> None:
        self.epoch = int(clock.time())
        self._clock = clock
        self._last_seq: Counter[str] = Counter()
        self._uids: OrderedDict[str, None] = OrderedDict()

    def append(self, event: Event) -> Entry | None:
        """Number ``event``; None for a copy of one that is in already."""
        if event.uid in self._uids:
            self._uids.move_to_end(event.uid)
            return None
        self._uids[event.uid] = None
        if len(self._uids) > REMEMBERED_UIDS:
            self._uids.popitem(last=False)
        self._last_seq[event.sn] += 1
        return Entry(self._last_seq[event.sn], self.epoch, event, self._clock.monotonic())
