"""The journal in the event loop: commits in groups, acknowledgements behind them, sinks in order."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from ipc_bridge.journal import journal as module
from ipc_bridge.journal import store as store_module
from ipc_bridge.journal.entry import Entry
from ipc_bridge.journal.feed import Feed
from ipc_bridge.journal.journal import Journal
from ipc_bridge.journal.store import JournalStore
from ipc_bridge.journal.unsaved import MAX_UNSAVED
from tests.bridge.samples import StoppedClock, motion_event
from tests.mqtt.broker import eventually


class Desk:
    """A journal with one sink that takes its time."""

    def __init__(self, directory: Path, limit: int = 10) -> None:
        self.clock = StoppedClock()
        self.store = JournalStore(directory / "journal.sqlite", self.clock, 86_400, 10_000_000)
        self.journal = Journal(self.store, self.clock)
        self.taken: list[Entry] = []
        self.safe: list[int] = []
        self.feed = Feed(self.journal, "sink", self.taken.append, limit)
        self.tasks: list[asyncio.Task[Any]] = []

    def append(self, *numbers: int) -> None:
        for number in numbers:
            self.journal.append(motion_event(number), lambda number=number: self.safe.append(number))  # type: ignore[misc]

    def seqs(self) -> list[int]:
        return [entry.seq for entry in self.taken]

    def done(self, *seqs: int) -> None:
        for entry in [entry for entry in self.taken if entry.seq in seqs]:
            self.feed.done(entry.position)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        await self.journal.open()
        await self.feed.begin()
        self.tasks = [asyncio.create_task(self.feed.run()), asyncio.create_task(self.journal.run())]
        try:
            yield
        finally:
            for task in self.tasks:
                task.cancel()
            await asyncio.wait(self.tasks)
            await self.journal.close()

    def when_committing(self, act: Callable[[], None]) -> None:
        """Have ``act`` called, in the journal's thread, at the next commit."""
        append = self.store.append

        def acting(*args: Any) -> Any:
            self.store.append = append  # type: ignore[method-assign]
            act()
            return append(*args)

        self.store.append = acting  # type: ignore[assignment, method-assign]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    async with desk.open():
        yield desk


async def test_an_event_is_safe_behind_its_commit_and_never_before(desk: Desk) -> None:
    seen: list[list[int]] = []
    desk.when_committing(lambda: seen.append(list(desk.safe)))
    desk.append(1)
    assert desk.safe == []
    await eventually(lambda: desk.safe == [1])
    assert seen == [[]]
    assert desk.seqs() == [1]


async def test_what_comes_during_a_commit_is_committed_together(desk: Desk) -> None:
    batches: list[int] = []
    append = desk.store.append

    def counting(received: Any, cursors: Any) -> Any:
        batches.append(len(received))
        return append(received, cursors)

    desk.store.append = counting  # type: ignore[method-assign]
    desk.append(*range(1, 8))
    await eventually(lambda: len(desk.safe) == 7)
    assert batches == [1, 6]
    assert desk.safe == list(range(1, 8))


async def test_a_copy_is_acknowledged_and_handed_to_nobody(desk: Desk) -> None:
    desk.append(1, 1, 2)
    await eventually(lambda: desk.safe == [1, 1, 2])
    assert desk.seqs() == [1, 2]
    assert desk.journal.counters == {"new": 2, "duplicate": 1}


async def test_a_sink_that_is_behind_reads_from_the_file_in_order(desk: Desk) -> None:
    desk.append(*range(1, 51))
    await eventually(lambda: len(desk.safe) == 50)
    assert desk.seqs() == list(range(1, 11)), "as many as it may have, and no more"
    assert desk.feed.depth == 50
    for seq in range(1, 51):
        await eventually(lambda seq=seq: seq in desk.seqs())  # type: ignore[misc]
        desk.done(seq)
    assert desk.seqs() == list(range(1, 51))
    assert desk.feed.depth == 0
    # From memory again.
    desk.append(51)
    await eventually(lambda: desk.seqs()[-1] == 51)


async def test_a_cursor_stands_before_the_first_that_is_not_done(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    async with desk.open():
        desk.append(*range(1, 6))
        await eventually(lambda: len(desk.taken) == 5)
        desk.done(1, 2, 4)
    again = Desk(tmp_path)
    async with again.open():
        await eventually(lambda: again.seqs() == [3, 4, 5])


async def test_a_cursor_is_saved_while_nothing_comes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TEND_SECONDS", 0.01)
    desk.append(1)
    await eventually(lambda: len(desk.taken) == 1)
    desk.done(1)
    await eventually(lambda: desk.store.cursor("sink") == 1)


async def test_a_cursor_is_saved_after_so_many_deliveries(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAVE_CURSORS_AFTER", 3)
    desk.append(1, 2, 3)
    await eventually(lambda: len(desk.safe) == 3)
    desk.done(1, 2)
    assert desk.store.cursor("sink") == 0
    desk.done(3)
    await eventually(lambda: desk.store.cursor("sink") == 3)


async def test_what_the_end_comes_in_the_middle_of_is_done(desk: Desk) -> None:
    released = threading.Event()
    # The thread has something else to do: what is asked of it meanwhile waits.
    desk.journal._thread.submit(released.wait, 10)
    saving = asyncio.create_task(desk.journal._run(lambda: desk.store.tend({"sink": 1})))
    await asyncio.wait([saving], timeout=0)
    saving.cancel()
    await asyncio.wait([saving])
    released.set()
    await eventually(lambda: desk.store.cursor("sink") == 1)


async def test_a_full_journal_says_so_and_says_when_it_has_room(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 5)
    room: list[bool] = []
    desk.journal.on_room(lambda: room.append(desk.journal.is_full))
    desk.append(*range(1, 5))
    full = [desk.journal.is_full]
    desk.append(5, 6, 7)
    assert [*full, desk.journal.is_full] == [False, True]
    await eventually(lambda: len(desk.safe) == 7)
    assert room == [False]


async def test_while_the_disk_is_full_sinks_get_events_and_cameras_no_acknowledgement(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TEND_SECONDS", 0.01)
    assert desk.store._db is not None
    connection = desk.store._db._db
    assert connection is not None
    connection.execute("PRAGMA query_only = 1")
    desk.append(1, 2)
    await eventually(lambda: desk.seqs() == [1, 2])
    assert desk.safe == []
    assert desk.journal.figures() | {"bytes": 0, "unsaved": 0} == {
        "state": "memory",
        "bytes": 0,
        "unsaved": 0,
        "given_up": 0,
        "expired": 0,
    }
    connection.execute("PRAGMA query_only = 0")
    desk.clock.go_on(store_module.RETRY_SECONDS)
    await eventually(lambda: desk.safe == [1, 2])
    assert desk.journal.problem is None


async def test_of_more_than_memory_holds_the_newest_are_saved_and_only_they_are_acknowledged(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "TEND_SECONDS", 0.01)
    assert desk.store._db is not None
    connection = desk.store._db._db
    assert connection is not None
    desk.append(1)
    await eventually(lambda: desk.safe == [1])
    connection.execute("PRAGMA query_only = 1")
    events = MAX_UNSAVED + 700

    def take(entry: Entry) -> None:
        desk.taken.append(entry)
        asyncio.get_running_loop().call_soon(desk.feed.done, entry.position)

    # A sink that keeps up has each of them, whatever becomes of the disk.
    desk.done(1)
    monkeypatch.setattr(desk.feed, "_take", take)
    for first in range(2, events + 1, module.MAX_BATCH):
        last = min(first + module.MAX_BATCH - 1, events)
        desk.append(*range(first, last + 1))
        await eventually(lambda last=last: len(desk.taken) == last)  # type: ignore[misc]
    await eventually(lambda: desk.journal.figures()["given_up"] == 699)
    assert desk.journal.figures()["unsaved"] == MAX_UNSAVED
    assert caplog.text.count("the oldest are given up") == 1
    assert desk.safe == [1]
    connection.execute("PRAGMA query_only = 0")
    desk.clock.go_on(store_module.RETRY_SECONDS)
    await eventually(lambda: desk.journal.problem is None and len(desk.safe) > 1)
    assert desk.safe == [1, *range(events - MAX_UNSAVED + 1, events + 1)]
    assert [entry.event.event_id for entry in desk.taken] == list(range(1, events + 1))
    assert len(desk.store.read(0, 20_000)) == MAX_UNSAVED + 1


async def test_a_sink_is_not_led_astray_by_a_file_that_is_begun_again(desk: Desk) -> None:
    desk.append(*range(1, 31))
    await eventually(lambda: len(desk.safe) == 30)
    assert desk.store._db is not None
    assert desk.store._db._db is not None
    desk.store._db._db.execute("UPDATE event SET body = 'rubbish' WHERE seq = 13")
    desk.done(*range(1, 11))
    desk.append(31)
    await eventually(lambda: len(desk.taken) == 20)
    desk.done(*range(11, 30))
    await eventually(lambda: desk.taken[-1].event.event_id == 31)
    assert [entry.event.event_id for entry in desk.taken] == [*range(1, 13), *range(14, 32)]


async def test_a_sink_gets_what_was_out_of_reach_without_anything_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TEND_SECONDS", 0.01)
    directory, hidden = tmp_path / "state", tmp_path / "hidden"
    directory.mkdir()
    before = Desk(directory)
    async with before.open():
        before.append(*range(1, 31))
        await eventually(lambda: len(before.safe) == 30 and len(before.taken) == 10)
        before.done(*range(1, 6))
    directory.rename(hidden)
    directory.touch()
    desk = Desk(directory)
    async with desk.open():
        desk.append(31, 32)
        await eventually(lambda: [entry.event.event_id for entry in desk.taken] == [31, 32])
        assert desk.feed.depth == 2
        directory.unlink()
        hidden.rename(directory)
        desk.clock.go_on(store_module.RETRY_SECONDS)
        for number in range(27):
            await eventually(lambda number=number: len(desk.taken) > number)  # type: ignore[misc]
            desk.feed.done(desk.taken[number].position)
        assert [entry.event.event_id for entry in desk.taken] == [31, 32, *range(6, 31)]
        assert desk.safe == [31, 32]
        assert desk.feed.depth == 0
    again = Desk(directory)
    async with again.open():
        again.append(33)
        await eventually(lambda: len(again.taken) == 1)
        assert again.taken[0].event.event_id == 33


async def test_a_bug_in_the_store_ends_the_bridge(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    def fail() -> None:
        raise ZeroDivisionError

    await desk.journal.open()
    desk.when_committing(fail)
    running = asyncio.create_task(desk.journal.run())
    desk.append(1)
    with pytest.raises(ZeroDivisionError):
        await running
    assert desk.safe == []
    await desk.journal.close()
