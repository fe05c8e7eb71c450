"""An event with its place in the journal, and the form in which it lies there."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import orjson

from ipc_bridge.errors import JournalDamagedError
from ipc_bridge.models import Event, FaceEvent, MotionEvent, OtherEvent, Transport


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with its place.

    ``position`` counts all events, ``seq`` those of its source within ``epoch``, the Unix second at which the journal
    began. ``received_mono`` is when it was received, on the monotonic clock of the machine's start ``boot``.
    """

    position: int
    seq: int
    epoch: int
    event: Event
    received_mono: float
    boot: str


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


_KINDS: dict[str, type[Event]] = {kind.kind: kind for kind in (FaceEvent, MotionEvent, OtherEvent)}
_FIELDS = {kind: frozenset(item.name for item in fields(_KINDS[kind])) for kind in _KINDS}


def dump_event(event: Event) -> str:
    """The event as JSON, whole."""
    return orjson.dumps(event).decode()


def load_event(kind: str, body: str) -> Event:
    """The event that :func:`dump_event` wrote.

    Raises:
        JournalDamagedError: it did not write this.
    """
    try:
        values: dict[str, Any] = orjson.loads(body)
        values["transport"] = Transport(values["transport"])
        # What a newer version has written beside is of no use to this one; what an older one has not, has a default.
        return _KINDS[kind](**{name: values[name] for name in _FIELDS[kind] & values.keys()})
    except (ValueError, KeyError, TypeError) as error:
        raise JournalDamagedError(f"an event in it cannot be read: {error!r}") from error
