"""Strangers who have come so often that their camera calls them regulars now."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.journal.entry import Entry
from ipc_bridge.journal.journal import Journal
from ipc_bridge.models import FaceEvent

MAX_STRANGERS = 20_000
"""Ids that are remembered: 4 MB. Who was seen longest ago is forgotten first."""
MAX_RECALLED = 5_000
"""Events that are read again at the start: a tenth of a second."""

_NOBODY = "0"
_Key = tuple[str, str, str]


class Regulars:
    """Compares each face with the strangers that its camera saw before.

    A camera's own id of a face may change with its group, the vendor's does not, but is not there without the vendor's
    cloud: either is enough.

    Args:
        publisher: tells which events were handed to the broker.
        became: called with the event that shows it, and whether that is late.
    """

    def __init__(self, publisher: Publisher, became: Callable[[FaceEvent, bool], None]) -> None:
        self._became = became
        self._strangers: OrderedDict[_Key, tuple[_Key, ...]] = OrderedDict()
        publisher.on_handed(self._handed)

    async def recall(self, journal: Journal, sink: str) -> None:
        """Remember the last strangers that ``sink`` is done with."""
        done = await journal.cursor(sink) or 0
        for entry in await journal.read(max(0, done - MAX_RECALLED), MAX_RECALLED):
            if entry.position <= done and isinstance(entry.event, FaceEvent):
                self._is_new_regular(entry.event)

    def _handed(self, entry: Entry, _payload: bytes, late: bool) -> None:
        if isinstance(entry.event, FaceEvent) and self._is_new_regular(entry.event):
            self._became(entry.event, late)

    def _is_new_regular(self, event: FaceEvent) -> bool:
        ids = {"camera": event.face_id, "cloud": event.cloud_face_id}
        keys = tuple(
            (event.sn, whose, number) for whose, number in ids.items() if number is not None and number != _NOBODY
        )
        known = [key for key in keys if key in self._strangers]
        for key in known:
            # By all ids that the stranger had, so that nobody becomes a regular twice.
            for same in self._strangers.get(key, ()):
                self._strangers.pop(same, None)
        if event.event_type == "stranger":
            self._strangers.update(dict.fromkeys(keys, keys))
            while len(self._strangers) > MAX_STRANGERS:
                self._strangers.popitem(last=False)
        return bool(known) and event.event_type == "regular"
