"""The journal's face for the event loop: many appends, one commit.

While a commit is under way, what comes gathers for the next one. Sinks get an event as soon as it has its number,
the camera its acknowledgement once the event is on the disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from ipc_bridge.clock import Clock
from ipc_bridge.journal.entry import Appended, Entry, Figures, Received
from ipc_bridge.journal.store import JournalStore
from ipc_bridge.journal.unsaved import MAX_UNSAVED
from ipc_bridge.models import Event

log = logging.getLogger(__name__)

MAX_WAITING = 5_000
"""Events that wait for the disk; from there on cameras are not read any more."""
MAX_BATCH = 1_000
"""Events in one commit: on a slow card a second's worth."""
SAVE_CURSORS_AFTER = 100
"""Deliveries after which a cursor is saved: so many are repeated at most after a crash, and consumers
remember a few hundred."""
TEND_SECONDS = 2.0
"""Between two looks at cursors that no commit took along."""
EXPIRE_SECONDS = 60.0
"""Between two looks for what is too old."""

Listener = Callable[[Entry], None]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Waiting:
    received: Received
    on_safe: Callable[[], None]


class Journal:
    """Every event once, numbered, and safe.

    Args:
        store: the file, which nobody else uses.
        clock: stamps the receipt.
    """

    def __init__(self, store: JournalStore, clock: Clock) -> None:
        self.counters: Counter[str] = Counter()
        """Events: new, duplicate."""
        self.last_position = 0
        """Of the newest entry that sinks have been told of."""
        self._store = store
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, "journal")
        self._waiting: deque[_Waiting] = deque()
        # What is given up in the end is not acknowledged.
        self._unsafe: deque[tuple[int, Callable[[], None]]] = deque(maxlen=MAX_UNSAVED)
        """Who waits for a disk that cannot be written, with the number of the batch."""
        self._batches = 0
        self._writing = False
        self._broken: asyncio.Future[None] = self._loop.create_future()
        self._idle = asyncio.Event()
        self._listeners: list[Listener] = []
        self._finders: list[Callable[[], None]] = []
        self._on_room: list[Callable[[], None]] = []
        self._unsaved_cursors: dict[str, int] = {}
        self._deliveries = 0
        self._figures = Figures(0, 0, 0, 0, 0)

    async def open(self) -> None:
        """Open the file, before anything else."""
        await self._run(self._store.open)
        self._figures = await self._run(self._store.figures)
        self.last_position = self._figures.position

    async def run(self) -> None:
        """Save cursors that no commit takes along and delete what is too old, until cancelled."""
        expire_at = 0.0
        while True:
            await asyncio.wait([self._broken], timeout=TEND_SECONDS)
            if self._broken.done():
                return self._broken.result()
            expire = self._loop.time() >= expire_at
            if expire:
                expire_at = self._loop.time() + EXPIRE_SECONDS
            batch = self._batches
            # Figures are some seconds old, which spares every reader a turn of the journal's thread.
            if await self._run(partial(self._store.tend, self._take_cursors(), expire=expire)):
                self._safe(batch)
            self._figures = await self._run(self._store.figures)
            if self._figures.position > self.last_position:
                # What could not be read in its turn has moved behind the rest.
                self.last_position = self._figures.position
                for find in tuple(self._finders):
                    find()

    async def close(self) -> None:
        """Commit what waits, and close the file."""
        self._idle.clear()
        if not self._writing:
            self._write_next()
        idle = asyncio.ensure_future(self._idle.wait())
        ends: list[asyncio.Future[Any]] = [self._broken, idle]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()
        await self._run(partial(self._store.close, self._take_cursors()))
        self._thread.shutdown(wait=False)

    # Events in.

    def listen(self, listener: Listener, find: Callable[[], None] | None = None) -> None:
        """Have ``listener`` told of each new entry, in order; ``find``, that there are some that nobody was told of."""
        self._listeners.append(listener)
        if find is not None:
            self._finders.append(find)

    def stop_listening(self, listener: Listener, find: Callable[[], None]) -> None:
        """Tell them nothing more."""
        self._listeners.remove(listener)
        self._finders.remove(find)

    def on_room(self, listener: Callable[[], None]) -> None:
        """Have ``listener`` called when the journal, having been full, is not any more."""
        self._on_room.append(listener)

    def append(self, event: Event, on_safe: Callable[[], None]) -> None:
        """Take ``event`` in; ``on_safe`` is called once it, or the event that it is a copy of, is on the disk."""
        self._waiting.append(_Waiting(Received(event, self._clock.monotonic()), on_safe))
        if not self._writing:
            self._write_next()

    @property
    def is_full(self) -> bool:
        """Whether more events wait than should."""
        return len(self._waiting) >= MAX_WAITING

    # Events out.

    async def read(self, after: int, limit: int) -> list[Entry]:
        """The next ``limit`` entries behind position ``after``."""
        return await self._run(partial(self._store.read, after, limit))

    async def cursor(self, sink: str) -> int | None:
        """The position up to which ``sink`` is done; None for a new one."""
        unsaved = self._unsaved_cursors.get(sink)
        return await self._run(partial(self._store.cursor, sink)) if unsaved is None else unsaved

    def move_cursor(self, sink: str, position: int) -> None:
        """``sink`` is done with all up to ``position``; saved with the next commit, or a little later."""
        self._unsaved_cursors[sink] = position
        self._deliveries += 1
        if self._deliveries >= SAVE_CURSORS_AFTER and not self._writing:
            self._write_next()

    async def save_cursor(self, sink: str, position: int) -> None:
        """``sink`` is done with all up to ``position``; return once that is saved, if it can be."""
        await self._run(partial(self._store.tend, {sink: position}))

    async def forget_sinks(self, is_forgotten: Callable[[str], bool]) -> None:
        """Forget where sinks stood that are no more, so that nothing is kept for them."""
        await self._run(partial(self._store.forget_sinks, is_forgotten))

    async def newest_faces(self) -> dict[str, float]:
        """The time of each camera's newest face."""
        return await self._run(self._store.newest_faces)

    @property
    def problem(self) -> str | None:
        """Why the journal cannot be written now."""
        return self._store.problem

    @property
    def damage(self) -> str | None:
        """What of the file was found to be damaged since the start."""
        return self._store.damage

    def figures(self) -> dict[str, Any]:
        """For ``bridge/health``: whether events are on the disk or in memory, and how many bytes they are."""
        figures = self._figures
        return {
            "state": "ok" if self.problem is None else "memory",
            "bytes": figures.size,
            "unsaved": figures.unsaved,
            "given_up": figures.given_up,
            "expired": figures.expired,
        }

    # The inside.

    def _write_next(self) -> None:
        """Commit what waits."""
        if not self._waiting and self._deliveries < SAVE_CURSORS_AFTER:
            self._idle.set()
            return
        was_full = self.is_full
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
        received = [waiting.received for waiting in batch]
        self._batches += 1
        self._writing = True
        future = self._loop.run_in_executor(self._thread, self._store.append, received, self._take_cursors())
        future.add_done_callback(partial(self._written, batch))
        if was_full and not self.is_full:
            for listener in self._on_room:
                listener()

    def _written(self, batch: list[_Waiting], done: asyncio.Future[Appended]) -> None:
        self._writing = False
        error = done.exception()
        if error is not None:
            # A bug: without a journal there is no bridge, and run() says so.
            if not self._broken.done():
                self._broken.set_exception(error)
            return
        appended = done.result()
        entries = appended.entries
        self.counters["new"] += len(entries)
        self.counters["duplicate"] += len(batch) - len(entries)
        if entries:
            self.last_position = entries[-1].position
        for entry in entries:
            for listener in tuple(self._listeners):
                listener(entry)
        self._unsafe.extend((self._batches, waiting.on_safe) for waiting in batch)
        if appended.is_saved:
            self._safe(self._batches)
        self._write_next()

    def _safe(self, batch: int) -> None:
        """All up to ``batch`` are on the disk."""
        while self._unsafe and self._unsafe[0][0] <= batch:
            self._unsafe.popleft()[1]()

    def _take_cursors(self) -> dict[str, int]:
        cursors, self._unsaved_cursors = self._unsaved_cursors, {}
        self._deliveries = 0
        return cursors

    async def _run(self, work: Callable[[], _T]) -> _T:
        # Done also where whoever waits for it is cancelled: the cursors that it has taken along are saved.
        return await asyncio.shield(self._loop.run_in_executor(self._thread, work))
