"""What becomes of a damaged file: it is kept beside the new one, and read as far as that can be done."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path

from ipc_bridge.errors import JournalDamagedError, StorageError
from ipc_bridge.journal.database import COLUMNS, explained, read_only, read_row
from ipc_bridge.journal.entry import Entry

_PARTS = ("", "-wal", "-shm")
"""What SQLite adds to a file's name."""


def aside_of(path: Path) -> Path:
    """Where the damaged file ``path`` is kept."""
    return path.with_suffix(".damaged")


def move_aside(path: Path) -> Path:
    """Move it there, in the place of an earlier one.

    Raises:
        OSError: it cannot be moved.
    """
    aside = aside_of(path)
    for part in _PARTS:
        # What lies beside an earlier one would be taken for a part of this one.
        aside.with_name(aside.name + part).unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            path.with_name(path.name + part).replace(aside.with_name(aside.name + part))
    return aside


def salvage(path: Path, after: int, limit: int) -> list[Entry]:
    """Its entries, oldest first: the newest ``limit`` of those behind ``after``."""
    found: dict[str, Entry] = {}
    # From both ends, as far as the damage lets us.
    for order in ("DESC", "ASC"):
        query = f"SELECT {COLUMNS} FROM event WHERE position > ? ORDER BY position {order} LIMIT ?"  # noqa: S608 - constants
        with suppress(StorageError), explained(path), closing(read_only(path)) as db:
            for row in db.execute(query, (after, limit - len(found))):
                with suppress(JournalDamagedError, TypeError):
                    entry = read_row(row)
                    found.setdefault(entry.event.uid, entry)
    return sorted(found.values(), key=lambda entry: entry.position)


def salvage_progress(path: Path) -> tuple[int, dict[str, int]]:
    """Its epoch, and how far each sink was; 0 and nothing where that cannot be read."""
    epoch, cursors = 0, {}
    with suppress(StorageError), explained(path), closing(read_only(path)) as db:
        cursors = dict(db.execute("SELECT name, position FROM sink"))
        (epoch,) = db.execute("SELECT max(epoch) FROM journal").fetchone()
    return epoch or 0, cursors
