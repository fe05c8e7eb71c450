"""Reads a journal from beside, while a bridge may be writing it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ipc_bridge.errors import StorageError
from ipc_bridge.journal.database import COLUMNS, explained, read_only, read_row
from ipc_bridge.journal.entry import Entry

DEFAULT_LIMIT = 100
MAX_LIMIT = 1_000
"""Events in one answer: about 600 kB."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which events.

    Args:
        source: a camera's, by its serial, or a shop's; None for all.
        since: received at this Unix time or later.
        from_seq: this one of the source's numbers or later.
        after: behind this position.
        limit: how many, at most.

    Without a beginning the newest are meant, with one the next from there.
    """

    source: str | None = None
    since: float | None = None
    from_seq: int | None = None
    after: int | None = None
    limit: int = DEFAULT_LIMIT


def read_events(path: Path, query: Query) -> list[Entry]:
    """Return the events that ``query`` asks for, oldest first; blocks.

    Raises:
        StorageError: there is no journal, or it cannot be read.
    """
    if not path.exists():
        raise StorageError(f"there is no journal {path} yet; look at storage.directory")
    conditions = {
        "sn = ?": query.source,
        "received_at >= ?": query.since,
        "seq >= ?": query.from_seq,
        "position > ?": query.after,
    }
    given = {condition: value for condition, value in conditions.items() if value is not None}
    where = " AND ".join(given) or "1"
    begins = len(given) - ("sn = ?" in given)
    order = "ASC" if begins else "DESC"
    text = f"SELECT {COLUMNS} FROM event WHERE {where} ORDER BY position {order} LIMIT ?"  # noqa: S608 - constants
    with explained(path), closing(read_only(path)) as db:
        rows = db.execute(text, (*given.values(), query.limit)).fetchall()
    entries = [read_row(row) for row in rows]
    return entries if begins else entries[::-1]
