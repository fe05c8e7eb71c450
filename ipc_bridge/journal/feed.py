"""One sink's way through the journal, in order: from memory while it keeps up, from the file when it is behind."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

from ipc_bridge.journal.entry import Entry
from ipc_bridge.journal.journal import Journal

log = logging.getLogger(__name__)

MAX_TAKEN = 1_000
"""Entries that a sink has and is not done with: 1.5 MB. The rest waits on the disk."""


class Feed:
    """Hands every entry to one sink, and remembers how far it has got.

    Args:
        journal: the journal.
        sink: the sink's name, for ever.
        take: called with each entry, in order; the sink says :meth:`done` for each.
        limit: entries that it may have at a time.
        skip: ``all``: begin with what comes from now on; ``new``: a sink that is new does, others go on where they
            stood; ``nothing``: a sink that is new begins with the oldest entry.
    """

    def __init__(
        self,
        journal: Journal,
        sink: str,
        take: Callable[[Entry], None],
        limit: int = MAX_TAKEN,
        skip: Literal["nothing", "new", "all"] = "nothing",
    ) -> None:
        self._journal = journal
        self._sink = sink
        self._take = take
        self._limit = limit
        self._skip = skip
        self._position = 0
        """Up to here entries were handed over."""
        self._taken: OrderedDict[int, bool] = OrderedDict()
        """Positions that were handed over, in order, and whether the sink is done with them."""
        self._is_behind = True
        self._has_begun = False
        self._may_read = asyncio.Event()
        journal.listen(self._appended, self._look)

    async def begin(self) -> None:
        """Find where to begin; what is appended from now on is not skipped."""
        cursor = await self._journal.cursor(self._sink)
        if cursor is None or self._skip == "all":
            cursor = 0 if self._skip == "nothing" else self._journal.last_position
            # At once: a crash before the next commit must not skip what comes until then.
            await self._journal.save_cursor(self._sink, cursor)
        self._position = cursor
        self._has_begun = True
        self._look()

    async def run(self) -> None:
        """Begin, unless that is done, and read from the file whenever the sink is behind, until cancelled."""
        if not self._has_begun:
            await self.begin()
        while True:
            await self._may_read.wait()
            newest, wanted = self._journal.last_position, self._limit - len(self._taken)
            entries = await self._journal.read(self._position, wanted)
            for entry in entries:
                self._hand_over(entry)
            if len(entries) < wanted:
                # There is no more: positions may have holes, where a damaged file was moved aside.
                self._position = max(self._position, newest)
            self._look()

    def close(self) -> None:
        """The sink takes nothing more; what it is not done with waits for the next feed of this name."""
        self._journal.stop_listening(self._appended, self._look)

    def done(self, position: int) -> None:
        """The sink is done with the entry at ``position``."""
        self._taken[position] = True
        moved = 0
        for first, is_done in list(self._taken.items()):
            if not is_done:
                break
            moved = first
            del self._taken[first]
        if moved:
            self._journal.move_cursor(self._sink, moved)
        if self._is_behind:
            self._look()

    @property
    def depth(self) -> int:
        """Entries that the sink is not done with."""
        return len(self._taken) + max(0, self._journal.last_position - self._position)

    def _appended(self, entry: Entry) -> None:
        if self._is_behind or len(self._taken) >= self._limit:
            self._is_behind = True
            self._look()
        elif entry.position > self._position:
            self._hand_over(entry)

    def _hand_over(self, entry: Entry) -> None:
        self._position = entry.position
        self._taken[entry.position] = False
        self._take(entry)

    def _look(self) -> None:
        """Read on where the sink is behind and has room for half a load: few large reads, not many small ones."""
        self._is_behind = self._position < self._journal.last_position
        if self._is_behind and len(self._taken) <= self._limit // 2:
            self._may_read.set()
        else:
            self._may_read.clear()
