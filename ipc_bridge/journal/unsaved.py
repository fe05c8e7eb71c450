"""Entries that wait in memory for a disk that takes nothing: a bounded number of them."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence

from ipc_bridge.journal.entry import Entry

log = logging.getLogger(__name__)

MAX_UNSAVED = 10_000
"""Events in memory while they cannot be written: 15 MB."""


class Unsaved:
    """They, in order. Where they are too many the oldest are given up: no camera has been told that they are safe."""

    def __init__(self) -> None:
        self.given_up = 0
        """Since the start."""
        self._entries: deque[Entry] = deque()
        self._uids: set[str] = set()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __contains__(self, uid: str) -> bool:
        return uid in self._uids

    def keep(self, entries: Sequence[Entry]) -> None:
        """Add ``entries``, which are newer than all that are here."""
        self._entries.extend(entries)
        self._uids.update(entry.event.uid for entry in entries)
        while len(self._entries) > MAX_UNSAVED:
            self._uids.discard(self._entries.popleft().event.uid)
            if self.given_up == 0:
                log.error("More than %d events wait for the disk: the oldest are given up", MAX_UNSAVED)
            self.given_up += 1

    def clear(self) -> None:
        """They are on the disk."""
        self._entries.clear()
        self._uids.clear()
