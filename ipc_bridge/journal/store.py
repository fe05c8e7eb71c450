"""Numbers events and writes them down; goes on in memory where the disk is full, read-only, or out of reach.

Blocks; everything here is called from one thread. What is numbered in memory has an epoch of its own, so that no
number is given twice, whatever of it never reaches the disk. What sinks could not be given meanwhile, because it was
in a file that could not be read, they get once it can, behind what they have had by then.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ipc_bridge.clock import Clock
from ipc_bridge.errors import JournalDamagedError, StorageError
from ipc_bridge.journal.database import JournalDatabase, Numbers
from ipc_bridge.journal.entry import Appended, Entry, Figures, Received
from ipc_bridge.journal.positions import OUT_OF_SIGHT
from ipc_bridge.journal.salvage import aside_of, move_aside, salvage, salvage_progress
from ipc_bridge.journal.unsaved import MAX_UNSAVED, Unsaved

log = logging.getLogger(__name__)

FILE_NAME = "journal.sqlite"
RETRY_SECONDS = 5.0
"""Between two tries to write on a disk that is full."""
SUMMARY_EVERY = 5_000
"""Events after which the last numbers are written down: so many are looked through at the next start."""
MAX_SALVAGED = 20_000
"""Events taken over from a damaged file: 30 MB in memory for a moment."""
MAX_CHUNKS = 40
"""Chunks deleted in one go: the next event must not wait for a month's worth."""


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
        self.damage: str | None = None
        """What of the file was found to be damaged since the start."""
        self._path = path
        self._clock = clock
        self._keep_seconds = keep_seconds
        self._keep_bytes = keep_bytes
        self._db: JournalDatabase | None = None
        self._epoch = 0
        self._position = 0
        self._seq: Counter[str] = Counter()
        self._cursors: dict[str, int] = {}
        self._is_in_sight = False
        """Whether the numbers in the file are known; positions are :data:`OUT_OF_SIGHT` while they are not."""
        self._passed_over: int | None = None
        """Behind this position are events in the file that sinks could not be given when it was their turn."""
        self._aside: Path | None = None
        """A damaged file out of which nothing has been taken over yet."""
        self._unsaved = Unsaved()
        self._retry_at = 0.0
        self._summary = 0
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
            self._is_in_sight = True
            if self._db.is_read_only:
                self._go_on_in_memory(StorageError(f"the journal {self._path} can be read, but not written"))
            elif self._epoch == 0 or self._db.lost_frames:
                self._begin_behind(self._last_epoch(self._db))
                self._write(self._db, (), {}, summarize=True)
                self._db.forget_losses()
        except JournalDamagedError as error:
            self._set_aside(error)
        except StorageError as error:
            self._close_file()
            self._cursors, self._is_in_sight = {}, False
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
        """The position up to which ``sink`` is done; None for one that is new.

        Which are new is not known while the file is out of reach.
        """
        return self._cursors.get(sink) if self._is_in_sight else self._cursors.setdefault(sink, OUT_OF_SIGHT)

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
        return Figures(self._position, size, len(self._unsaved), self._unsaved.given_up, self._expired)

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
        elif self.problem is not None:
            log.error("The journal could not be written to the end: %s", self.problem)
        self._close_file()

    def _read(self, after: int, limit: int) -> list[Entry]:
        try:
            if self._db is not None:
                return self._db.read(after, limit)
        except JournalDamagedError:
            raise
        except StorageError as error:
            self._go_on_in_memory(error)
        if self._is_in_sight:
            # Sinks go on with what is in memory, and get this later.
            self._passed_over = after if self._passed_over is None else min(after, self._passed_over)
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
        self._unsaved.keep(entries)
        return Appended(entries, is_saved=self._save_unsaved())

    def _without_copies(self, received: Sequence[Received]) -> list[Received]:
        known = self._copies_in_file(received)
        fresh = []
        for one in received:
            uid = one.event.uid
            if uid not in known and uid not in self._unsaved:
                known.add(uid)
                fresh.append(one)
        return fresh

    def _copies_in_file(self, received: Sequence[Received]) -> set[str]:
        try:
            if self._db is not None:
                return self._db.copies(one.event for one in received)
        except JournalDamagedError:
            raise
        except StorageError as error:
            self._go_on_in_memory(error)
        return set()

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
        if not self._is_in_sight:
            self._position = max(self._position, OUT_OF_SIGHT)
        self.problem = str(error)
        self._retry_at = self._clock.monotonic() + RETRY_SECONDS

    def _save_unsaved(self) -> bool:
        if self._clock.monotonic() < self._retry_at:
            return False
        try:
            self._catch_up()
        except JournalDamagedError as error:
            self._set_aside(error)
        except StorageError as error:
            self._go_on_in_memory(error)
        return self.problem is None

    def _catch_up(self) -> None:
        """Write down what memory holds.

        What is in the file and could not be read in its turn moves behind it; what sinks have not had yet of a
        damaged one goes on its way, too.
        """
        db = self._writable_file()
        try:
            with db.transaction():
                position = self._position
                if db is not self._db:
                    self._begin_behind(self._last_epoch(db))
                if self._aside is not None:
                    position = self._take_over(db, self._aside)
                elif not self._is_in_sight:
                    db.bring_into_sight()
                    position = db.move_behind(self._first_not_done(db.cursors()), position)
                elif self._passed_over is not None:
                    position = db.move_behind(self._passed_over, position)
                db.insert(self._without_saved(db))
                db.write_cursors(self._cursors)
                db.write_numbers(Numbers(self._epoch, position, self._seq))
                cursors = db.cursors()
        except StorageError:
            if db is not self._db:
                db.close()
            raise
        db.forget_losses()
        self._db, self._cursors = db, cursors
        if position > self._position and self._aside is None:
            log.warning("Events in the journal that were out of reach go on their way, behind what has come meanwhile")
        if self.problem is not None:
            log.warning("The journal can be written again: %d events are saved", len(self._unsaved))
        self._unsaved.clear()
        self._position = self._summary = position
        self._is_in_sight, self._passed_over, self._aside, self.problem = True, None, None, None

    def _writable_file(self) -> JournalDatabase:
        if self._db is not None and self._db.is_read_only:
            # While somebody has it open like that, nobody of this process can write it.
            self._close_file()
        db = self._db or JournalDatabase(self._path)
        if db.is_read_only:
            if self._is_in_sight:
                self._db = db
            else:
                db.close()
            raise StorageError(f"the journal {self._path} can be read, but not written")
        return db

    def _without_saved(self, db: JournalDatabase) -> list[Entry]:
        """What memory holds and the file does not, where it could not be asked when they came.

        Of two numbers for one event the one stays that sinks have not had yet: nobody sees a gap.
        """
        events = [entry.event for entry in self._unsaved]
        db.delete_copies(events, up_to=self._first_not_done(self._cursors))
        saved = db.copies(events)
        return [entry for entry in self._unsaved if entry.event.uid not in saved]

    def _first_not_done(self, cursors: Mapping[str, int]) -> int:
        """Up to where, by ``cursors``, every sink is done; those of which nobody has asked do not count."""
        return min((cursors[sink] for sink in self._cursors or cursors if sink in cursors), default=0)

    def _last_epoch(self, db: JournalDatabase) -> int:
        """The newest that may have been begun in a file, what is lost of it included."""
        epoch = db.numbers().epoch
        if not db.lost_frames:
            return epoch
        if self.damage is None:
            self.damage = f"the end of the journal {self._path} was damaged: what was written to it last may be lost"
            log.error("The journal %s is damaged: what was written to it last may be lost", self._path)
        # Each lost part may have begun one, and the last of them in this second.
        return max(epoch + db.lost_frames, int(self._clock.time()))

    def _begin_behind(self, epoch: int) -> None:
        """Begin an epoch where the present one is not newer than ``epoch``."""
        if self._epoch <= epoch:
            self._epoch = epoch
            self._begin()

    def _set_aside(self, error: JournalDamagedError) -> None:
        """Begin again beside a damaged file, which is kept for whoever can read it."""
        name = aside_of(self._path).name
        self.damage = f"the journal {self._path} was damaged ({error}): it is kept as {name}, and begun again"
        log.error("The journal %s is damaged (%s): it is kept as %s, and begun again", self._path, error, name)
        self._close_file()
        # Positions go on: whoever is in the middle of the old file is not led astray.
        self._begin()
        try:
            self._aside = move_aside(self._path)
            self._catch_up()
        except (OSError, StorageError) as problem:
            self._go_on_in_memory(StorageError(f"the journal cannot be begun again: {problem}"))

    def _take_over(self, db: JournalDatabase, aside: Path) -> int:
        """Bring what some sink has not had out of a damaged file into ``db``; return the last position then."""
        epoch, cursors = salvage_progress(aside)
        after = self._first_not_done(self._cursors if self._is_in_sight else cursors)
        if self._passed_over is not None:
            after = min(after, self._passed_over)
        # Under its old numbers.
        rescued = salvage(aside, after, MAX_SALVAGED)
        self._begin_behind(max([epoch, *(entry.epoch for entry in rescued)]))
        if not self._is_in_sight or self._passed_over is not None:
            # Sinks are beyond them already, or know the same positions as others'.
            rescued = [replace(entry, position=self._position + place) for place, entry in enumerate(rescued, 1)]
        db.insert(rescued)
        log.warning("%d events that nobody had taken yet are taken over from %s", len(rescued), aside.name)
        return max([self._position, *(entry.position for entry in rescued)])

    def _close_file(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
