"""Gives events other positions, where a file comes into reach while sinks are beyond it already."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

OUT_OF_SIGHT = 2**52
"""Positions from here on are given while the file is out of reach: above all that it may hold."""

_LAST_IN_SIGHT = """
    SELECT max(position) FROM (
        SELECT max(position) AS position FROM event WHERE position < :limit
        UNION ALL SELECT max(position) FROM sink WHERE position < :limit
        UNION ALL SELECT max(summary) FROM journal WHERE summary < :limit)
"""
_BRING_INTO_SIGHT = tuple(
    f"UPDATE {table} SET {column} = {column} - :shift WHERE {column} >= :limit"  # noqa: S608 - constants
    for table, column in (("event", "position"), ("sink", "position"), ("journal", "summary"))
)


def bring_into_sight(db: sqlite3.Connection) -> None:
    """Move what has a position :data:`OUT_OF_SIGHT` close behind the rest, so that these can be given again.

    Nobody may hold such a position of this file meanwhile.
    """
    with _spilling(db):
        (last,) = db.execute(_LAST_IN_SIGHT, {"limit": OUT_OF_SIGHT}).fetchone()
        shift = OUT_OF_SIGHT - 1 - (last or 0)
        for statement in _BRING_INTO_SIGHT:
            db.execute(statement, {"limit": OUT_OF_SIGHT, "shift": shift})


def move_behind(db: sqlite3.Connection, after: int, position: int) -> int:
    """Move the events behind ``after`` to behind ``position``, the last that was given, in the same order.

    Returns:
        The last position that is given now.
    """
    with _spilling(db):
        db.execute("UPDATE event SET position = position + ? WHERE position > ?", (position - after, after))
        (last,) = db.execute("SELECT max(position) FROM event").fetchone()
    return max(position, last or 0)


@contextmanager
def _spilling(db: sqlite3.Connection) -> Iterator[None]:
    """For what may change the whole file: more than may be in memory."""
    db.execute("PRAGMA cache_spill = ON")
    try:
        yield
    finally:
        db.execute("PRAGMA cache_spill = OFF")
