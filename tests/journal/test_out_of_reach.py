"""A file that cannot be opened or read for a while: nothing in it is passed over, no number is given twice."""

from __future__ import annotations

import contextlib
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipc_bridge.errors import StorageError
from ipc_bridge.journal import store
from ipc_bridge.journal.database import JournalDatabase
from ipc_bridge.journal.entry import Entry
from ipc_bridge.journal.positions import OUT_OF_SIGHT
from tests.bridge.samples import NOW, motion_event
from tests.journal.test_store import Book


class Reader:
    """A book with one sink, which goes through it as a feed does."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "state"
        self.directory.mkdir()
        self.book = Book(self.directory)
        self.had: list[Entry] = []
        """All that the sink was given, over all starts."""
        self.safe: set[str] = set()
        """The uids of which a camera was told that they are."""
        self._waiting: list[str] = []
        self.start()

    def start(self) -> None:
        self._waiting.clear()
        cursor = self.book.store.cursor("mqtt")
        if cursor is None:
            cursor = 0
            self.book.store.tend({"mqtt": cursor})
        self.position = cursor

    def append(self, *numbers: int) -> list[Entry]:
        events = [motion_event(number) for number in numbers]
        appended = self.book.append(*events)
        self._waiting += [event.uid for event in events]
        if appended.is_saved:
            self._told()
        return appended.entries

    def read(self, limit: int = 1000) -> list[Entry]:
        """Take the next entries, and be done with them."""
        entries = self.book.store.read(self.position, limit)
        self.had += entries
        self.position = entries[-1].position if entries else max(self.position, self.book.store.figures().position)
        return entries

    def tend(self) -> None:
        self.book.clock.go_on(store.RETRY_SECONDS)
        if self.book.store.tend({"mqtt": self.position}):
            self._told()

    def crash(self) -> None:
        self.book.store._close_file()
        self.book.clock.go_on(1)
        self.book.open()
        self.start()

    def hide(self) -> None:
        """Something else is where the directory was."""
        self.directory.rename(self.directory.with_name("hidden"))
        self.directory.touch()

    def reveal(self) -> None:
        if self.directory.is_file():
            self.directory.unlink()
            self.directory.with_name("hidden").rename(self.directory)

    @property
    def is_set_aside(self) -> bool:
        return self.book.path.with_suffix(".damaged").exists()

    def seqs(self) -> dict[int, list[int]]:
        """What the sink saw of each epoch, each number once."""
        seen: defaultdict[int, dict[int, None]] = defaultdict(dict)
        for entry in self.had:
            seen[entry.epoch][entry.seq] = None
        return {epoch: list(numbers) for epoch, numbers in seen.items()}

    def _told(self) -> None:
        self.safe.update(self._waiting)
        self._waiting.clear()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    yield reader
    reader.reveal()
    reader.book.store.close({})


def numbers_of(entries: list[Entry]) -> list[int]:
    return [entry.event.event_id or 0 for entry in entries]


def test_what_is_in_a_file_that_can_be_opened_later_goes_on_its_way(
    reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    first = reader.append(1, 2, 3, 4, 5)
    assert numbers_of(reader.read(2)) == [1, 2]
    reader.tend()
    reader.hide()
    reader.crash()
    assert reader.position == OUT_OF_SIGHT, "above all that the file may hold"
    fresh = reader.append(6, 7)
    assert reader.read() == fresh
    assert [entry.seq for entry in fresh] == [1, 2]
    assert fresh[0].epoch > first[0].epoch
    reader.reveal()
    reader.tend()
    assert reader.book.store.problem is None
    assert [(entry.event, entry.epoch, entry.seq) for entry in reader.read()] == [
        (entry.event, entry.epoch, entry.seq) for entry in first[2:]
    ]
    assert "out of reach go on their way" in caplog.text
    # Nothing is left, numbers go on, and all are known at the next start.
    reader.tend()
    assert [entry.seq for entry in reader.append(8)] == [3]
    reader.crash()
    assert numbers_of(reader.read()) == [8]
    assert reader.append(*range(1, 9)) == []
    assert not reader.is_set_aside


def test_copies_of_what_was_out_of_reach_are_no_damage(reader: Reader, caplog: pytest.LogCaptureFixture) -> None:
    reader.append(1, 2, 3)
    reader.read(2)
    reader.tend()
    reader.hide()
    reader.crash()
    assert numbers_of(reader.append(1, 3, 4)) == [1, 3, 4], "nobody can know"
    reader.read()
    reader.reveal()
    reader.tend()
    assert not reader.is_set_aside
    assert "damaged" not in caplog.text
    assert numbers_of(reader.read()) == [3], "under its first number, which nobody had yet"
    assert sorted(numbers_of(reader.book.store.read(0, 10))) == [1, 2, 3, 4]
    assert reader.append(1, 2, 3, 4) == []
    assert {epoch: sorted(seqs) for epoch, seqs in reader.seqs().items()} == {
        epoch: list(range(1, len(seqs) + 1)) for epoch, seqs in reader.seqs().items()
    }


def test_a_copy_of_what_was_done_with_leaves_no_gap_where_nobody_has_had_it_yet(reader: Reader) -> None:
    reader.append(1, 2)
    reader.read()
    reader.tend()
    reader.hide()
    reader.crash()
    again = reader.append(1, 3)
    reader.reveal()
    reader.tend()
    assert reader.read() == again
    assert numbers_of(reader.book.store.read(0, 10)) == [2, 1, 3]


def test_how_far_a_sink_was_that_is_gone_does_not_count(reader: Reader) -> None:
    reader.book.append(*(motion_event(number) for number in range(1, 6)), mqtt=4, gone=1)
    reader.hide()
    reader.crash()
    reader.reveal()
    reader.book.clock.go_on(store.RETRY_SECONDS)
    assert reader.book.store.tend({})
    assert numbers_of(reader.read()) == [5]
    assert reader.book.store.cursor("gone") == 1


def test_it_may_be_out_of_reach_again_before_and_after(reader: Reader) -> None:
    reader.append(1, 2)
    for number in (3, 5, 7):
        reader.hide()
        reader.crash()
        reader.append(number)
        reader.read()
        reader.reveal()
        reader.tend()
        reader.append(number + 1)
        assert max(entry.position for entry in reader.book.store.read(0, 100)) < OUT_OF_SIGHT + 10
    reader.read()
    assert {entry.event.event_id for entry in reader.had} == set(range(1, 9))
    assert sorted(numbers_of(reader.book.store.read(0, 100))) == list(range(1, 9))


def test_a_clock_that_is_behind_gives_no_number_twice(reader: Reader) -> None:
    reader.append(1, 2)
    reader.read()
    reader.tend()
    reader.hide()
    reader.book.store._close_file()
    reader.book.clock.now = int(NOW) - 1
    reader.book.open()
    reader.start()
    reader.append(3)
    reader.reveal()
    reader.tend()
    # And once more in memory, in another epoch.
    reader.book.clock.now = int(NOW) - 1
    reader.book.statement("PRAGMA query_only = 1")
    reader.append(4)
    reader.read()
    reader.book.statement("PRAGMA query_only = 0")
    given = [(entry.epoch, entry.seq) for entry in reader.had]
    assert len(set(given)) == len(given) == 4


def test_a_file_that_is_damaged_when_it_can_be_opened_is_rescued_behind_what_came_meanwhile(reader: Reader) -> None:
    reader.append(*range(1, 301))
    reader.read(100)
    reader.tend()
    reader.book.store.close({"mqtt": reader.position})
    content = bytearray(reader.book.path.read_bytes())
    middle = len(content) // 2 // 1024 * 1024
    content[middle : middle + 4096] = b"\xff" * 4096
    reader.book.path.write_bytes(content)
    reader.book.open()
    # It is found to be damaged behind its first pages.
    reader.hide()
    reader.crash()
    reader.append(301)
    reader.read()
    reader.reveal()
    for _ in range(3):
        reader.tend()
    rescued = numbers_of(reader.read())
    assert reader.is_set_aside
    assert 150 < len(rescued) < 200
    assert rescued == sorted(rescued)
    assert min(rescued) > 100
    assert rescued[-1] == 300
    assert reader.book.store.problem is None
    assert {entry.event.event_id for entry in reader.book.store.read(0, 1000)} == {*rescued, 301}


def test_what_cannot_be_read_for_a_moment_is_not_passed_over(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> list[Entry]:
        raise StorageError("disk I/O error")

    first = reader.append(1, 2, 3, 4)
    reader.read(1)
    with monkeypatch.context() as disk:
        disk.setattr(JournalDatabase, "read", fail)
        disk.setattr(JournalDatabase, "copies", fail)
        assert reader.read() == []
        # A copy of what was done with, one of what was not, and something new.
        (one, three, fresh) = reader.append(1, 3, 5)
        assert reader.read() == [one, three, fresh]
        assert fresh.epoch > first[0].epoch
    reader.tend()
    assert reader.book.store.problem is None
    assert [(entry.epoch, entry.seq) for entry in reader.read()] == [(entry.epoch, entry.seq) for entry in first[1:]]
    assert not reader.is_set_aside


def test_a_number_or_uid_that_is_there_already_is_no_damage(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    reader.append(1)
    with monkeypatch.context() as blind:
        blind.setattr(JournalDatabase, "copies", lambda *_: set())
        reader.append(1, 2)
        assert "does not take new events: UNIQUE constraint failed" in str(reader.book.store.problem)
    reader.tend()
    assert reader.book.store.problem is None
    assert not reader.is_set_aside
    assert numbers_of(reader.book.store.read(0, 10)) == [1, 2]
    assert reader.safe == {motion_event(number).uid for number in (1, 2)}


def test_it_is_where_the_file_itself_is_at_odds(reader: Reader) -> None:
    reader.append(1, 2)
    reader.book.statement("PRAGMA writable_schema = 1")
    reader.book.statement("UPDATE sqlite_master SET sql = replace(sql, '(time, uid)', '(uid)') WHERE type = 'index'")
    reader.crash()
    reader.book.store._position = 0
    assert numbers_of(reader.append(3)) == [3]
    assert reader.is_set_aside
    assert reader.book.store.problem is None
    assert {entry.event.event_id for entry in reader.book.store.read(0, 10)} == {1, 2, 3}


Step = tuple[str, int]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["append", "append", "read", "read", "tend", "crash", "close", "hide", "reveal", "blind"]),
            st.integers(1, 6),
        ),
        max_size=40,
    )
)
def test_whatever_is_out_of_reach_and_when_nothing_is_lost_and_no_number_given_twice(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        reader = Reader(Path(directory))
        newest = 0
        with contextlib.ExitStack() as blind:
            for step, count in [*steps, ("reveal", 1), ("tend", 1), ("tend", 1), ("read", 1000)]:
                match step:
                    case "append":
                        newest += count
                        reader.append(*range(newest - count + 1, newest + 1))
                    case "read":
                        reader.read(count)
                    case "tend":
                        reader.tend()
                    case "hide" if reader.directory.is_dir():
                        # SQLite goes on with what it has open: only the next start has no file.
                        reader.hide()
                        reader.crash()
                    case "reveal":
                        blind.close()
                        reader.reveal()
                    case "blind":
                        patch = blind.enter_context(pytest.MonkeyPatch.context())
                        patch.setattr(JournalDatabase, "read", _fails)
                    case "close":
                        reader.book.store.close({"mqtt": reader.position})
                        reader.crash()
                    case "crash":
                        reader.crash()
            reader.book.store.close({})
        _judge(reader)


def _judge(reader: Reader) -> None:
    assert not reader.is_set_aside
    assert reader.safe <= {entry.event.uid for entry in reader.had}
    owners: dict[tuple[int, int], str] = {}
    first: dict[str, Entry] = {}
    for entry in reader.had:
        assert owners.setdefault((entry.epoch, entry.seq), entry.event.uid) == entry.event.uid
        known = first.setdefault(entry.event.uid, entry)
        assert (known.epoch, known.seq) == (entry.epoch, entry.seq)
    for seqs in reader.seqs().values():
        assert seqs == list(range(1, len(seqs) + 1))


def _fails(*_: object) -> list[Entry]:
    raise StorageError("disk I/O error")
