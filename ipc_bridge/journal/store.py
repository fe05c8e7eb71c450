"""Numbers events and writes them down; goes on in memory where the disk is full or read-only.

Blocks; everything here is called from one thread. What is numbered in memory has an epoch of its own, so that no
number is given twice, whatever of it never reaches the disk.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ipc_bridge.clock import Clock
from ipc_bridge.errors import JournalDamagedError, StorageError
from ipc_bridge.journal.database import JournalDatabase, Numbers, salvage
from ipc_bridge.journal.entry import Entry
from ipc_bridge.models import Event

log = logging.getLogger(__name__)

FILE_NAME = "journal.sqlite"
MAX_UNSAVED = 10_000
"""Events in memory while they cannot be written: 15 MB."""
RETRY_SECONDS = 5.0
"""Between two tries to write on a disk that is full."""
SUMMARY_EVERY = 5_000
"""Events after which the last numbers are written down: so many are looked through at the next start."""
MAX_SALVAGED = 20_000
"""Events taken over from a damaged file: 30 MB in memory for a moment."""
MAX_CHUNKS = 40
"""Chunks deleted in one go: the next event must not wait for a month's worth."""


@dataclass(frozen=True, slots=True)
class Received:
    """An event that is to be numbered; ``mono`` is when it was received."""

    event: Event
    mono: float


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of some events.

    ``entries`` are the new ones in order; the rest were copies. ``is_saved`` says that all are on the disk,
    and all before them.
    """

    entries: list[Entry]
    is_saved: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """What is told of the journal.

    ``size`` in bytes; events that are not saved yet, that were given up for want of a disk, and that were deleted
    before every sink had them.
    """

    position: int
    size: int
    unsaved: int
    given_up: int
    expired: int


class JournalStore:
    """The journal's file, or the memory in its place.

    Args:
        path: the file.
        clock: stamps epochs.
        keep_seconds: age after which events are deleted.
        keep_bytes: size from which on the oldest are deleted.
    """

    def __init__(self, path: Path, clock: Clock, keep_seconds: float, keep_bytes: int) -> None:
        self.problem: str | None = None
        """Why nothing can be written now."""
        self._path = path
        self._clock = clock
        self._keep_seconds = keep_seconds
        self._keep_bytes = keep_bytes
        self._db: JournalDatabase | None = None
        self._epoch = 0
        self._position = 0
        self._seq: Counter[str] = Counter()
        self._cursors: dict[str, int] = {}
        self._unsaved: deque[Entry] = deque()
        self._unsaved_uids: set[str] = set()
        self._retry_at = 0.0
        self._summary = 0
        self._given_up = 0
        self._expired = 0

    # What the journal calls.

    def open(self) -> None:
        """Open the file; what is damaged is moved aside, and what cannot be written is done without."""
        try:
            self._db = JournalDatabase(self._path)
            numbers = self._db.numbers()
            self._cursors = self._db.cursors()
            self._epoch, self._position, self._seq = numbers.epoch, numbers.position, Counter(numbers.seq)
            self._summary = self._position
            if self._epoch == 0:
                self._begin()
                self._write(self._db, (), {}, summarize=True)
            if self._db.is_read_only:
                self._go_on_in_memory(StorageError(f"the journal {self._path} can be read, but not written"))
        except JournalDamagedError as error:
            self._set_aside(error)
        except StorageError as error:
            # Above every position that the file can hold, should it be there after all.
            self._position = max(self._position, int(self._clock.time() * 1000))
            self._go_on_in_memory(error)

    def append(self, received: Sequence[Received], cursors: Mapping[str, int]) -> Appended:
        """Number events and write them down, with the sinks' ``cursors``, in one transaction."""
        self._cursors.update(cursors)
        try:
            return self._append(received, cursors)
        except JournalDamagedError as error:
            self._set_aside(error)
        # What was in the file is lost to us; these events are not.
        return self._append(received, cursors)

    def read(self, after: int, limit: int) -> list[Entry]:
        """The next entries behind position ``after``, those included that are not saved yet."""
        try:
            entries = self._read(after, limit)
        except JournalDamagedError as error:
            self._set_aside(error)
            entries = self._read(after, limit)
        known = entries[-1].position if entries else after
        unsaved = [entry for entry in self._unsaved if entry.position > known]
        return (entries + unsaved)[:limit]

    def cursor(self, sink: str) -> int | None:
        """The position up to which ``sink`` is done; None for one that is new."""
        return self._cursors.get(sink)

    def forget_sinks(self, is_forgotten: Callable[[str], bool]) -> None:
        """Forget where sinks stood; a disk that cannot be written keeps them until the next start."""
        gone = [sink for sink in self._cursors if is_forgotten(sink)]
        for sink in gone:
            del self._cursors[sink]
        if gone and self._db is not None and self.problem is None:
            with suppress(StorageError), self._db.transaction():
                self._db.delete_cursors(gone)

    def newest_faces(self) -> dict[str, float]:
        """The time of each camera's newest face, as far as it is known."""
        with suppress(StorageError):
            if self._db is not None:
                return self._db.newest_faces()
        return {}

    def tend(self, cursors: Mapping[str, int], *, expire: bool = False) -> bool:
        """Save ``cursors``, try again to write, delete what is too old or too much; whether all is saved."""
        self._cursors.update(cursors)
        try:
            if self._db is None or self.problem is not None:
                return self._save_unsaved()
            if cursors:
                self._write(self._db, (), cursors)
            if expire:
                self._expire(self._db)
        except JournalDamagedError as error:
            self._set_aside(error)
        except StorageError as error:
            self._go_on_in_memory(error)
        return self.problem is None

    def figures(self) -> Figures:
        """What is told of the journal."""
        size = self._db.size() if self._db is not None else 0
        return Figures(self._position, size, len(self._unsaved), self._given_up, self._expired)

    def close(self, cursors: Mapping[str, int]) -> None:
        """Write what can be written and close the file."""
        self._retry_at = 0.0
        if self.tend(cursors) and self._db is not None:
            try:
                self._write(self._db, (), {}, summarize=True)
            except StorageError as error:
                log.error("%s", error)
        if self._unsaved:
            log.error(
                "%d events could not be written to the journal and are given up: %s", len(self._unsaved), self.problem
            )
        if self._db is not None:
            self._db.close()

    def _read(self, after: int, limit: int) -> list[Entry]:
        try:
            return self._db.read(after, limit) if self._db is not None else []
        except JournalDamagedError:
            raise
        except StorageError as error:
            self._go_on_in_memory(error)
            return []

    # Appending.

    def _append(self, received: Sequence[Received], cursors: Mapping[str, int]) -> Appended:
        fresh = self._without_copies(received)
        if self.problem is None and self._db is not None:
            if not fresh and not cursors:
                return Appended([], is_saved=True)
            position = self._position
            entries = self._number(fresh)
            try:
                self._write(self._db, entries, cursors, summarize=self._position - self._summary >= SUMMARY_EVERY)
            except JournalDamagedError:
                raise
            except StorageError as error:
                self._position = position
                self._go_on_in_memory(error)
            else:
                return Appended(entries, is_saved=True)
        entries = self._number(fresh)
        self._keep_unsaved(entries)
        return Appended(entries, is_saved=self._save_unsaved())

    def _without_copies(self, received: Sequence[Received]) -> list[Received]:
        known = set(self._copies_in_file(received))
        fresh = []
        for one in received:
            uid = one.event.uid
            if uid not in known and uid not in self._unsaved_uids:
                known.add(uid)
                fresh.append(one)
        return fresh

    def _copies_in_file(self, received: Sequence[Received]) -> list[str]:
        try:
            if self._db is not None:
                return self._db.copies([(one.event.time, one.event.uid) for one in received])
        except JournalDamagedError:
            raise
        except StorageError as error:
            self._go_on_in_memory(error)
        return []

    def _number(self, received: Sequence[Received]) -> list[Entry]:
        entries = []
        for one in received:
            self._position += 1
            self._seq[one.event.source] += 1
            entries.append(
                Entry(self._position, self._seq[one.event.source], self._epoch, one.event, one.mono, self._clock.boot)
            )
        return entries

    def _begin(self) -> None:
        """Begin an epoch."""
        self._epoch = max(int(self._clock.time()), self._epoch + 1)
        self._seq.clear()

    def _write(
        self, db: JournalDatabase, entries: Sequence[Entry], cursors: Mapping[str, int], *, summarize: bool = False
    ) -> None:
        with db.transaction():
            db.insert(entries)
            db.write_cursors(cursors)
            if summarize:
                db.write_numbers(Numbers(self._epoch, self._position, self._seq))
        if summarize:
            self._summary = self._position

    def _expire(self, db: JournalDatabase) -> None:
        """Delete the oldest, while they are too old or the file is too big."""
        oldest_to_keep = self._clock.time() - self._keep_seconds
        for _chunk in range(MAX_CHUNKS):
            too_big = db.size() > self._keep_bytes
            with db.transaction():
                # With them may go the last of a camera's numbers.
                db.write_numbers(Numbers(self._epoch, self._position, self._seq))
                deleted, lost = db.delete_oldest(None if too_big else oldest_to_keep)
            self._summary = self._position
            if lost and not self._expired:
                log.error(
                    "Events that nobody took in time are deleted from the journal: look at journal.keep_days, "
                    "journal.keep_megabytes, and at what is behind: the broker, or a plugin"
                )
            self._expired += lost
            if not deleted:
                return

    # Going on without the disk, and coming back.

    def _go_on_in_memory(self, error: StorageError) -> None:
        if self.problem is None:
            log.error("%s; events are kept in memory, up to %d, until it can be", error, MAX_UNSAVED)
            self._begin()
        self.problem = str(error)
        self._retry_at = self._clock.monotonic() + RETRY_SECONDS

    def _keep_unsaved(self, entries: Sequence[Entry]) -> None:
        self._unsaved.extend(entries)
        self._unsaved_uids.update(entry.event.uid for entry in entries)
        while len(self._unsaved) > MAX_UNSAVED:
            self._unsaved_uids.discard(self._unsaved.popleft().event.uid)
            if self._given_up == 0:
                log.error("More than %d events wait for the disk: the oldest are given up", MAX_UNSAVED)
            self._given_up += 1

    def _save_unsaved(self) -> bool:
        if self._clock.monotonic() < self._retry_at:
            return False
        try:
            if self._db is not None and self._db.is_read_only:
                self._db.close()
                self._db = None
            if self._db is None:
                self._db = JournalDatabase(self._path)
            self._write(self._db, self._unsaved, self._cursors, summarize=True)
        except JournalDamagedError as error:
            self._set_aside(error)
            return False
        except StorageError as error:
            self._go_on_in_memory(error)
            return False
        log.warning("The journal can be written again: %d events are saved", len(self._unsaved))
        self._unsaved.clear()
        self._unsaved_uids.clear()
        self.problem = None
        return True

    def _set_aside(self, error: JournalDamagedError) -> None:
        """Begin again beside a damaged file, which is kept for whoever can read it."""
        aside = self._path.with_suffix(".damaged")
        log.error("The journal %s is damaged (%s): it is kept as %s, and begun again", self._path, error, aside.name)
        if self._db is not None:
            self._db.close()
            self._db = None
        # Positions go on: whoever is in the middle of the old file is not led astray.
        self._begin()
        try:
            for suffix in ("", "-wal", "-shm"):
                part = self._path.with_name(self._path.name + suffix)
                if part.exists():
                    part.replace(aside.with_name(aside.name + suffix))
            self._db = JournalDatabase(self._path)
            # What no sink has had yet goes on its way, under its old numbers.
            rescued = salvage(aside, min(self._cursors.values(), default=0), MAX_SALVAGED)
            self._position = max([self._position, *(entry.position for entry in rescued)])
            self._epoch = max([self._epoch, *(entry.epoch + 1 for entry in rescued)])
            self._write(self._db, rescued, self._cursors, summarize=True)
            log.warning("%d events that nobody had taken yet are taken over from %s", len(rescued), aside.name)
        except (OSError, StorageError) as problem:
            self._go_on_in_memory(StorageError(f"the journal cannot be begun again: {problem}"))
