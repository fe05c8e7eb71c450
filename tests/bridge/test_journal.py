"""Every event once, numbered without a gap."""

from __future__ import annotations

import pytest

from ipc_bridge.bridge import journal
from ipc_bridge.bridge.journal import MemoryJournal
from tests.bridge.samples import NOW, StoppedClock, face_event, motion_event


def test_events_are_numbered_by_camera_without_a_gap() -> None:
    clock = StoppedClock()
    book = MemoryJournal(clock)
    clock.go_on(7)
    entries = [book.append(motion_event(number, sn)) for number, sn in ((9, "A"), (8, "B"), (7, "A"), (9, "B"))]
    assert [(one.event.sn, one.seq) for one in entries if one] == [("A", 1), ("B", 1), ("A", 2), ("B", 2)]
    assert {(one.epoch, one.received_mono) for one in entries if one} == {(int(NOW), 1007.0)}


def test_a_copy_gets_no_number() -> None:
    book = MemoryJournal(StoppedClock())
    assert book.append(motion_event(1))
    assert book.append(motion_event(1)) is None
    assert book.append(face_event(1))
    second = book.append(motion_event(2))
    assert second is not None
    assert second.seq == 3


def test_only_the_newest_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "REMEMBERED_UIDS", 3)
    book = MemoryJournal(StoppedClock())
    for number in (1, 2, 3):
        book.append(motion_event(number))
    assert book.append(motion_event(1)) is None  # seen again: remembered longer
    assert book.append(motion_event(4))
    assert book.append(motion_event(1)) is None
    assert book.append(motion_event(2)), "the oldest was forgotten"
