"""Strangers who become regulars: told once, by either id, and across restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ipc_bridge.bridge import regulars as module
from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.bridge.regulars import Regulars
from ipc_bridge.journal.journal import Journal
from ipc_bridge.journal.store import FILE_NAME, JournalStore
from ipc_bridge.models import FaceEvent
from tests.bridge.rig import TOPICS
from tests.bridge.samples import SN, StoppedClock, entry, face_event, motion_event


class Watch:
    """What is told of faces that were handed to the broker."""

    def __init__(self) -> None:
        self.told: list[tuple[int | None, bool]] = []
        publisher = Publisher(TOPICS, lambda _entry: False, drop_late=False)
        self.regulars = Regulars(publisher, lambda event, late: self.told.append((event.event_id, late)))
        (self.hand,) = publisher._listeners
        self._number = 0

    def see(self, group: str | None, *, late: bool = False, **ids: Any) -> int:
        self._number += 1
        self.hand(entry(face(self._number, group, **ids)), b"", late)
        return self._number


def face(number: int, group: str | None, **ids: Any) -> FaceEvent:
    return face_event(number, **{"group": group, "face_id": "7", "cloud_face_id": None, "sn": SN, **ids})


async def test_a_stranger_becomes_a_regular_once() -> None:
    watch = Watch()
    for _ in range(3):
        watch.see("stranger")
    first = watch.see("regular", late=True)
    watch.see("regular")
    assert watch.told == [(first, True)]
    # Somebody may be made a stranger again.
    watch.see(None)
    second = watch.see("regular")
    assert watch.told == [(first, True), (second, False)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"face_id": "1", "cloud_face_id": "9"}, {"face_id": "2", "cloud_face_id": "9"}),
        ({"face_id": "1", "cloud_face_id": None}, {"face_id": "1", "cloud_face_id": "9"}),
        ({"face_id": "1", "cloud_face_id": "8"}, {"face_id": "1", "cloud_face_id": "9"}),
    ],
)
async def test_either_id_is_enough(before: dict[str, Any], after: dict[str, Any]) -> None:
    watch = Watch()
    watch.see("stranger", **before)
    number = watch.see("regular", **after)
    watch.see("regular", **before)
    assert watch.told == [(number, False)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"face_id": "1"}, {"face_id": "2"}),
        ({"sn": "A"}, {"sn": "B"}),
        # The camera's number is not the vendor's.
        ({"face_id": "1", "cloud_face_id": None}, {"face_id": "2", "cloud_face_id": "1"}),
        ({"face_id": None, "cloud_face_id": "0"}, {"face_id": None, "cloud_face_id": "0"}),
        ({"face_id": None}, {"face_id": None}),
    ],
)
async def test_somebody_else_is_somebody_else(before: dict[str, Any], after: dict[str, Any]) -> None:
    watch = Watch()
    watch.see("stranger", **before)
    watch.see("regular", **after)
    assert watch.told == []


async def test_who_is_made_a_member_was_no_stranger_that_becomes_a_regular() -> None:
    watch = Watch()
    watch.see("stranger")
    watch.see("vip")
    watch.see("regular")
    watch.hand(entry(motion_event(50)), b"", False)
    assert watch.told == []


async def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_STRANGERS", 3)
    watch = Watch()
    for number in ("1", "2", "3", "1", "4"):
        watch.see("stranger", face_id=number)
    # The second was seen longest ago.
    for number in ("2", "3", "1", "4"):
        watch.see("regular", face_id=number)
    assert [number for number, _late in watch.told] == [7, 8, 9]


@asynccontextmanager
async def journal_in(directory: Path) -> AsyncIterator[Journal]:
    clock = StoppedClock()
    journal = Journal(JournalStore(directory / FILE_NAME, clock, 1e9, 10_000_000), clock)
    await journal.open()
    try:
        yield journal
    finally:
        await journal.close()


async def test_strangers_are_remembered_across_restarts(tmp_path: Path) -> None:
    async with journal_in(tmp_path) as journal:
        for number, group in enumerate(("stranger", "stranger", "regular"), 1):
            safe = asyncio.Event()
            journal.append(face(number, group, face_id="1" if number != 2 else "2"), safe.set)
            await safe.wait()
        # The broker has had two: what it is given again tells the rest.
        journal.move_cursor("mqtt", 2)
    async with journal_in(tmp_path) as journal:
        watch = Watch()
        await watch.regulars.recall(journal, "mqtt")
        for one in await journal.read(2, 10):
            watch.hand(one, b"", False)
        assert watch.told == [(3, False)]
        watch.see("regular", face_id="2")
        assert len(watch.told) == 2
