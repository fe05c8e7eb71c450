"""The journal's file: SQLite in WAL mode, and every statement that it is asked. Blocks; used from one thread.

Written for SD cards: small pages, and as few of them for each commit as can be.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ipc_bridge.errors import JournalDamagedError, StorageError
from ipc_bridge.journal import positions
from ipc_bridge.journal.entry import Entry, dump_event, load_event
from ipc_bridge.journal.wal import Tail, read_tail
from ipc_bridge.models import Event

log = logging.getLogger(__name__)

CHUNK = 500
"""Events that are deleted at a time."""
BUSY_SECONDS = 5.0
"""How long a commit waits for somebody else who has the file locked, such as a backup."""
PAGE_SIZE = 1024
"""Bytes; a commit of one event writes three pages."""
CHECKPOINT_PAGES = 4_000
NEWEST_FACES = 5_000
"""Faces among which each camera's newest is looked for."""

MIGRATIONS = (
    """
    CREATE TABLE event (
        position INTEGER PRIMARY KEY,
        sn TEXT NOT NULL,
        seq INTEGER NOT NULL,
        epoch INTEGER NOT NULL,
        kind TEXT NOT NULL,
        uid TEXT NOT NULL,
        time REAL NOT NULL,
        received_at REAL NOT NULL,
        received_mono REAL NOT NULL,
        boot TEXT NOT NULL,
        body TEXT NOT NULL
    );
    -- The uid alone would do, but with the time in front new ones lie side by side: one page, not any page.
    CREATE UNIQUE INDEX event_uid ON event (time, uid);
    CREATE TABLE sink (name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE camera (sn TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE journal (epoch INTEGER NOT NULL, summary INTEGER NOT NULL);
    """,
)
"""What takes the file from each version to the next."""

COLUMNS = "position, seq, epoch, kind, received_mono, boot, body"
_COPIES = """
    SELECT json_extract(value, '$[1]') FROM json_each(?) WHERE EXISTS (
        SELECT 1 FROM event WHERE time = json_extract(value, '$[0]') AND uid = json_extract(value, '$[1]'))
"""
_DELETE_COPIES = """
    DELETE FROM event WHERE position IN (
        SELECT position FROM json_each(?) JOIN event
        ON time = json_extract(value, '$[0]') AND uid = json_extract(value, '$[1]') WHERE position <= ?)
"""
# One statement for many events: between two of them Python's lock changes hands, which takes longer than the work.
_INSERT = "INSERT INTO event SELECT {} FROM json_each(?)".format(  # noqa: S608 - constants
    ", ".join(f"json_extract(value, '$[{column}]')" for column in range(11))
)


@dataclass(frozen=True, slots=True)
class Numbers:
    """The last numbers that were given: ``position`` of all events, in ``epoch`` each camera's ``seq``.

    An epoch of 0 says that the file is new.
    """

    epoch: int
    position: int
    seq: dict[str, int]


class JournalDatabase:
    """One open file.

    Args:
        path: the file; made where there is none.

    Raises:
        StorageError: it cannot be opened; :class:`JournalDamagedError` where it is no journal of ours.
    """

    def __init__(self, path: Path) -> None:
        self.lost_frames = 0
        """Parts of what was written last that a crash and the disk have damaged: some of them may be events."""
        self.is_read_only = False
        """Whether it could be opened for reading alone: it stays so, whatever becomes of the disk."""
        self._path = path
        self._size = 0
        self._db: sqlite3.Connection | None = None
        try:
            with explained(path):
                self._open()
        except StorageError as error:
            self.close()
            if isinstance(error, JournalDamagedError) or not self._opens_for_reading():
                raise

    def _open(self) -> None:
        tail = self._read_tail()
        self._db = db = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        with suppress(OSError):
            self._path.chmod(0o600)
        db.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        db.execute("PRAGMA journal_mode = WAL")
        # Each commit is on the disk before the camera is told: that is what the journal is for.
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        db.execute(f"PRAGMA journal_size_limit = {CHECKPOINT_PAGES * PAGE_SIZE}")
        # What is not committed stays out of the log, so that a kill leaves it in order: see `wal`.
        db.execute("PRAGMA cache_spill = OFF")
        _migrate(db)
        self.lost_frames = tail.lost
        if tail.lost:
            # Of what is in the file already the newer part may be missing now.
            _check(db)
        elif tail.unfinished:
            self._empty_log()
        # SQLite opens what it may only read without a word, and even begins a transaction. This writes nothing.
        db.execute("DELETE FROM sink WHERE 0")

    def _read_tail(self) -> Tail:
        with suppress(OSError):
            return read_tail(self._path.with_name(f"{self._path.name}-wal"))
        return Tail()

    def _empty_log(self) -> None:
        """Leave nothing in the log that the next start could take for damage, unless the disk is full."""
        with suppress(StorageError), self._connection() as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _opens_for_reading(self) -> bool:
        """What is there can still be read, on a disk that became read-only."""
        # In WAL mode even a reader wants to write beside the file, unless it is told that nobody else does.
        is_alone = not self._path.with_name(f"{self._path.name}-wal").exists()
        with suppress(StorageError), explained(self._path):
            self._db = db = read_only(self._path, immutable=is_alone)
            db.execute("SELECT count(*) FROM journal")
            self.is_read_only = True
            return True
        self.close()
        return False

    def close(self) -> None:
        """Close the file; a connection that is closed raises :class:`StorageError` from then on."""
        if self._db is not None:
            try:
                self._db.close()
            except sqlite3.Error as error:
                log.debug("The journal closes with an error: %s", error)
            self._db = None

    def forget_losses(self) -> None:
        """All is done for what was lost; the next start is not to find it again."""
        if self.lost_frames:
            self.lost_frames = 0
            self._empty_log()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what is written inside.

        Raises:
            StorageError: it cannot be written; nothing of it is.
        """
        with self._connection() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

    # Reading.

    def numbers(self) -> Numbers:
        """The last numbers that were given."""
        with self._connection() as db:
            epoch, summary = db.execute("SELECT epoch, summary FROM journal").fetchone() or (0, 0)
            (last,) = db.execute("SELECT max(position) FROM event").fetchone()
            summarized = dict(db.execute("SELECT sn, seq FROM camera"))
            newer = "SELECT sn, max(seq) FROM event WHERE position > ? AND epoch = ? GROUP BY sn"
            seq = {**summarized, **dict(db.execute(newer, (summary, epoch)))}
        return Numbers(epoch, max(last or 0, summary, *self.cursors().values()), seq)

    def copies(self, events: Iterable[Event]) -> set[str]:
        """The uids of those of ``events`` that are in the file."""
        with self._connection() as db:
            return {uid for (uid,) in db.execute(_COPIES, (_keys(events),))}

    def read(self, after: int, limit: int) -> list[Entry]:
        """The next entries behind position ``after``."""
        query = f"SELECT {COLUMNS} FROM event WHERE position > ? ORDER BY position LIMIT ?"  # noqa: S608 - constant
        with self._connection() as db:
            return [read_row(row) for row in db.execute(query, (after, limit))]

    def cursors(self) -> dict[str, int]:
        """How far each sink is."""
        with self._connection() as db:
            return dict(db.execute("SELECT name, position FROM sink"))

    def newest_faces(self) -> dict[str, float]:
        """The time of each camera's newest face, among the newest of all."""
        newest: dict[str, float] = {}
        query = "SELECT sn, time FROM event WHERE kind = 'face' ORDER BY time DESC LIMIT ?"
        with self._connection() as db:
            for sn, time in db.execute(query, (NEWEST_FACES,)):
                newest.setdefault(sn, time)
        return newest

    def size(self) -> int:
        """Bytes in use; the file may be larger, but uses what is free in it first."""
        with suppress(StorageError), self._connection() as db:
            pages = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count")]
            self._size = (pages[0] - pages[1]) * PAGE_SIZE
        return self._size

    # Writing, inside a transaction.

    def insert(self, entries: Iterable[Entry]) -> None:
        """Add ``entries``."""
        rows = [
            (
                entry.position,
                entry.event.source,
                entry.seq,
                entry.epoch,
                entry.event.kind,
                entry.event.uid,
                entry.event.time,
                entry.event.received_at,
                entry.received_mono,
                entry.boot,
                dump_event(entry.event),
            )
            for entry in entries
        ]
        if rows:
            with self._connection() as db:
                try:
                    db.execute(_INSERT, (orjson.dumps(rows).decode(),))
                except sqlite3.IntegrityError as error:
                    # A number or uid that is there already says nothing against the file, unless its index is wrong.
                    _check(db)
                    raise StorageError(f"the journal {self._path} does not take new events: {error}") from error

    def delete_copies(self, events: Iterable[Event], up_to: int) -> None:
        """Delete those of ``events`` that are in the file at positions up to ``up_to``."""
        with self._connection() as db:
            db.execute(_DELETE_COPIES, (_keys(events), up_to))

    def bring_into_sight(self) -> None:
        """See :func:`~ipc_bridge.journal.positions.bring_into_sight`."""
        with self._connection() as db:
            positions.bring_into_sight(db)

    def move_behind(self, after: int, position: int) -> int:
        """See :func:`~ipc_bridge.journal.positions.move_behind`."""
        with self._connection() as db:
            return positions.move_behind(db, after, position)

    def write_cursors(self, cursors: Mapping[str, int]) -> None:
        """Move sinks on."""
        if cursors:
            with self._connection() as db:
                db.executemany("INSERT OR REPLACE INTO sink VALUES (?, ?)", cursors.items())

    def delete_cursors(self, sinks: Iterable[str]) -> None:
        """Forget how far sinks are."""
        with self._connection() as db:
            db.executemany("DELETE FROM sink WHERE name = ?", [(sink,) for sink in sinks])

    def write_numbers(self, numbers: Numbers) -> None:
        """Write down the last numbers, so that a start need not look for them among all events."""
        with self._connection() as db:
            db.execute("DELETE FROM camera")
            db.executemany("INSERT INTO camera VALUES (?, ?)", numbers.seq.items())
            db.execute("DELETE FROM journal")
            db.execute("INSERT INTO journal VALUES (?, ?)", (numbers.epoch, numbers.position))

    def delete_oldest(self, received_before: float | None) -> tuple[int, int]:
        """Delete the oldest chunk, or what of it was received before a Unix time.

        Returns:
            How many were deleted, and how many of them some sink was not done with.
        """
        behind = min(self.cursors().values(), default=None)
        with self._connection() as db:
            (first,) = db.execute("SELECT min(position) FROM event").fetchone()
            if first is None:
                return 0, 0
            condition, limits = "position < ?", [float(first + CHUNK)]
            if received_before is not None:
                condition, limits = f"{condition} AND received_at < ?", [*limits, received_before]
            lost = 0
            if behind is not None:
                count = f"SELECT count(*) FROM event WHERE {condition} AND position > ?"  # noqa: S608 - constant
                (lost,) = db.execute(count, (*limits, behind)).fetchone()
            return db.execute(f"DELETE FROM event WHERE {condition}", limits).rowcount, lost  # noqa: S608 - constant

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        if self._db is None:
            raise StorageError(f"the journal {self._path} is closed")
        with explained(self._path):
            yield self._db


def _migrate(db: sqlite3.Connection) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise JournalDamagedError(f"it is of version {version}, and this program knows {len(MIGRATIONS)}")
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        db.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")


def _keys(events: Iterable[Event]) -> str:
    """What copies are recognised by, for a statement."""
    return orjson.dumps([(event.time, event.uid) for event in events]).decode()


def _check(db: sqlite3.Connection) -> None:
    """Look through the whole file.

    Raises:
        JournalDamagedError: something is wrong with it.
    """
    (verdict,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise JournalDamagedError(verdict)


def read_row(row: Sequence[Any]) -> Entry:
    """An entry from a row of :data:`COLUMNS`.

    Raises:
        JournalDamagedError: it is none.
    """
    position, seq, epoch, kind, mono, boot, body = row
    return Entry(position, seq, epoch, load_event(kind, body), mono, boot)


def read_only(path: Path, *, immutable: bool = False) -> sqlite3.Connection:
    """A connection that leaves the file alone; errors are SQLite's, see :func:`explained`.

    Args:
        path: the file.
        immutable: nobody writes to it meanwhile, and all of it is in the one file.
    """
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if immutable else ''}", uri=True)


_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR) & 0xFF
        if code in _DAMAGED:
            raise JournalDamagedError(str(error)) from error
        raise StorageError(f"the journal {path} cannot be used: {error}") from error
