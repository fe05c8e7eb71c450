"""The file: numbers without gaps, copies refused, and what happens when the disk does not play along."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipc_bridge.errors import JournalDamagedError, StorageError
from ipc_bridge.journal import database, store, unsaved
from ipc_bridge.journal.database import JournalDatabase
from ipc_bridge.journal.entry import Appended, Entry, Received, dump_event, load_event
from ipc_bridge.journal.store import JournalStore
from ipc_bridge.models import Event, Transport
from tests.bridge.samples import NOW, SN, StoppedClock, face_event, motion_event, other_event

DAY = 86_400.0


class Book:
    """A store with its clock, that can be closed and opened again."""

    def __init__(self, directory: Path, keep_seconds: float = 30 * DAY, keep_bytes: int = 10_000_000) -> None:
        self.path = directory / "journal.sqlite"
        self.clock = StoppedClock()
        self._limits = (keep_seconds, keep_bytes)
        self.store = self.open()

    def open(self) -> JournalStore:
        self.store = JournalStore(self.path, self.clock, *self._limits)
        self.store.open()
        return self.store

    def append(self, *events: Event, **cursors: int) -> Appended:
        return self.store.append([Received(event, self.clock.mono) for event in events], cursors)

    def crash(self) -> None:
        """Come back without having said goodbye."""
        assert self.store._db is not None
        self.store._db.close()
        self.open()

    def statement(self, text: str) -> None:
        """What makes SQLite behave as if the disk were full or read-only."""
        assert self.store._db is not None
        assert self.store._db._db is not None
        self.store._db._db.execute(text).fetchall()

    def fill_the_disk(self) -> None:
        self.statement("PRAGMA max_page_count = 1")

    def empty_the_disk(self) -> None:
        self.statement("PRAGMA max_page_count = 1000000")
        self.clock.go_on(store.RETRY_SECONDS)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    book = Book(tmp_path)
    yield book
    book.store.close({})


def numbers(appended: Appended | list[Entry]) -> list[tuple[str, int]]:
    entries = appended.entries if isinstance(appended, Appended) else appended
    return [(entry.event.sn, entry.seq) for entry in entries]


# Numbers.


def test_events_are_numbered_by_camera_without_a_gap(book: Book) -> None:
    appended = book.append(*(motion_event(number, sn) for number, sn in ((9, "A"), (8, "B"), (7, "A"), (9, "B"))))
    assert numbers(appended) == [("A", 1), ("B", 1), ("A", 2), ("B", 2)]
    assert [entry.position for entry in appended.entries] == [1, 2, 3, 4]
    assert {(entry.epoch, entry.received_mono, entry.boot) for entry in appended.entries} == {
        (int(NOW), 1000.0, "boot")
    }
    assert appended.is_saved


@pytest.mark.parametrize("event", [face_event(), motion_event(), other_event(depth=[{"a": None}])])
def test_what_is_read_is_what_was_appended(book: Book, event: Event) -> None:
    (entry,) = book.append(event).entries
    assert book.store.read(0, 10) == [entry]
    assert entry.event == event


def test_copies_get_no_number(book: Book) -> None:
    assert numbers(book.append(motion_event(1), motion_event(1), face_event(1))) == [(SN, 1), (SN, 2)]
    assert book.append(motion_event(1)) == Appended([], is_saved=True)
    book.crash()
    assert numbers(book.append(face_event(1), motion_event(2))) == [(SN, 3)]


def test_numbers_go_on_after_a_crash_and_after_a_clean_end(book: Book) -> None:
    book.append(motion_event(1, "A"), motion_event(2, "A"), motion_event(1, "B"))
    book.crash()
    assert numbers(book.append(motion_event(3, "A"))) == [("A", 3)]
    book.store.close({})
    book.open()
    (entry,) = book.append(motion_event(2, "B")).entries
    assert (entry.seq, entry.position, entry.epoch) == (2, 5, int(NOW))


def test_cursors_are_saved_with_events(book: Book) -> None:
    assert book.store.cursor("mqtt") is None
    book.append(motion_event(1), motion_event(2), mqtt=1)
    book.crash()
    assert book.store.cursor("mqtt") == 1
    book.store.tend({"mqtt": 2, "plugin": 1})
    book.crash()
    assert (book.store.cursor("mqtt"), book.store.cursor("plugin")) == (2, 1)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(["crash", "close", "expire"]),
            st.lists(st.tuples(st.sampled_from("AB"), st.integers(1, 12)), min_size=1, max_size=6),
        ),
        max_size=12,
    )
)
def test_whatever_happens_each_event_has_one_number_and_none_is_missing(
    steps: list[str | list[tuple[str, int]]],
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        book = Book(Path(directory))
        seen: dict[str, list[str]] = {"A": [], "B": []}
        for step in steps:
            if isinstance(step, list):
                for entry in book.append(*(motion_event(number, sn) for sn, number in step)).entries:
                    seen[entry.event.sn].append(entry.event.uid)
                    assert entry.seq == len(seen[entry.event.sn])
            elif step == "crash":
                book.crash()
            elif step == "expire":
                book.store.tend({}, expire=True)
            else:
                book.store.close({})
                book.open()
        kept: dict[str, list[str]] = {"A": [], "B": []}
        for entry in book.store.read(0, 1000):
            kept[entry.event.sn].append(entry.event.uid)
        assert kept == seen
        assert all(count == 1 for uids in seen.values() for count in Counter(uids).values())
        book.store.close({})


# What is kept.


def test_what_is_too_old_goes_and_its_numbers_do_not(tmp_path: Path) -> None:
    book = Book(tmp_path, keep_seconds=DAY)
    book.append(motion_event(1), motion_event(2), motion_event(1, "B"), mqtt=3)
    book.clock.go_on(DAY + 1)
    book.append(motion_event(3, received_at=book.clock.now))
    book.store.tend({}, expire=True)
    assert numbers(book.store.read(0, 10)) == [(SN, 3)]
    book.crash()
    assert numbers(book.append(motion_event(4), motion_event(2, "B"))) == [(SN, 4), ("B", 2)]
    assert book.store.figures().expired == 0
    book.store.close({})


def test_what_is_too_much_goes_oldest_first(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    book = Book(tmp_path, keep_bytes=500_000)
    events = 4_000
    for first in range(1, events, 500):
        book.append(*(motion_event(number) for number in range(first, first + 500)), mqtt=10)
        book.store.tend({}, expire=True)
    assert book.store.figures().size <= 500_000
    kept = book.store.read(0, events)
    assert [entry.seq for entry in kept] == list(range(kept[0].seq, events + 1))
    assert book.store.figures().expired == events - len(kept) - 10
    assert caplog.text.count("Events that nobody took in time are deleted") == 1
    assert book.path.stat().st_size < 2_000_000
    book.store.close({})


def test_the_last_numbers_are_written_down_from_time_to_time(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "SUMMARY_EVERY", 3)
    for number in range(1, 8):
        book.append(motion_event(number))
    with closing(sqlite3.connect(book.path)) as db:
        assert db.execute("SELECT summary FROM journal").fetchone() == (6,)
    book.crash()
    assert numbers(book.append(motion_event(8))) == [(SN, 8)]


# The disk.


def test_a_full_disk_is_survived_in_memory_under_another_epoch(book: Book, caplog: pytest.LogCaptureFixture) -> None:
    book.append(motion_event(1), motion_event(2))
    book.fill_the_disk()
    big = other_event(3, padding="x" * 5_000)
    appended = book.append(big)
    assert not appended.is_saved
    (entry,) = appended.entries
    assert (entry.seq, entry.position, entry.epoch) == (1, 3, int(NOW) + 1)
    assert "database or disk is full" in str(book.store.problem)
    assert "events are kept in memory, up to 10000" in caplog.text
    # A copy of what is on the disk, and of what is not yet, is one all the same.
    assert book.append(motion_event(1), big) == Appended([], is_saved=False)
    assert [one.position for one in book.store.read(1, 10)] == [2, 3]

    book.empty_the_disk()
    after = book.append(motion_event(4))
    assert after.is_saved
    assert numbers(after) == [(SN, 2)]
    assert book.store.problem is None
    assert "The journal can be written again: 2 events are saved" in caplog.text
    book.crash()
    assert [(one.epoch - int(NOW), one.seq) for one in book.store.read(0, 10)] == [(0, 1), (0, 2), (1, 1), (1, 2)]
    assert numbers(book.append(motion_event(5))) == [(SN, 3)]


def test_no_number_is_given_twice_where_the_memory_is_lost(book: Book) -> None:
    book.append(motion_event(1))
    book.statement("PRAGMA query_only = 1")
    given = {(entry.epoch, entry.seq) for entry in book.append(motion_event(2), motion_event(3)).entries}
    assert "readonly" in str(book.store.problem)
    book.crash()
    assert given.isdisjoint({(entry.epoch, entry.seq) for entry in book.append(motion_event(4)).entries})


def test_writing_is_tried_again_without_events_too(book: Book) -> None:
    book.statement("PRAGMA query_only = 1")
    book.append(motion_event(1))
    assert not book.store.tend({})
    book.statement("PRAGMA query_only = 0")
    assert not book.store.tend({}), "not all the time"
    book.clock.go_on(store.RETRY_SECONDS)
    assert book.store.tend({})


@pytest.mark.parametrize("ends_in_order", [True, False])
def test_a_journal_on_a_disk_that_became_read_only_is_read_and_later_written_again(
    book: Book, monkeypatch: pytest.MonkeyPatch, *, ends_in_order: bool
) -> None:
    def refuse(_database: JournalDatabase) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    book.append(motion_event(1), motion_event(2), mqtt=1)
    with monkeypatch.context() as disk, contextlib.ExitStack() as stack:
        disk.setattr(JournalDatabase, "_open", refuse)
        if not ends_in_order:
            # Whoever is not the last to close the file leaves what lies beside it.
            other = stack.enter_context(closing(sqlite3.connect(book.path)))
            other.execute("SELECT count(*) FROM event").fetchone()
        book.crash()
        assert book.path.with_name("journal.sqlite-wal").exists() is not ends_in_order
        assert "can be read, but not written" in str(book.store.problem)
        assert book.store.cursor("mqtt") == 1
        assert [entry.seq for entry in book.store.read(1, 10)] == [2]
        # What was known before is known still.
        appended = book.append(motion_event(2), motion_event(3))
        assert not appended.is_saved
        assert [entry.event.event_id for entry in appended.entries] == [3]
        book.clock.go_on(store.RETRY_SECONDS)
        assert not book.store.tend({"mqtt": 2})
    book.clock.go_on(store.RETRY_SECONDS)
    assert book.store.tend({})
    assert book.store.problem is None
    book.crash()
    assert [entry.event.event_id for entry in book.store.read(book.store.cursor("mqtt") or 0, 10)] == [3]


def test_what_waits_in_memory_is_bounded_and_the_loss_is_told(
    book: Book, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(unsaved, "MAX_UNSAVED", 3)
    book.statement("PRAGMA query_only = 1")
    book.append(*(motion_event(number) for number in range(1, 6)))
    assert [entry.seq for entry in book.store.read(0, 10)] == [3, 4, 5]
    assert (book.store.figures().unsaved, book.store.figures().given_up) == (3, 2)
    assert caplog.text.count("the oldest are given up") == 1
    book.store.close({})
    assert "3 events could not be written to the journal and are given up" in caplog.text


def test_what_waits_is_written_at_the_end(book: Book) -> None:
    book.statement("PRAGMA query_only = 1")
    book.append(motion_event(1))
    book.statement("PRAGMA query_only = 0")
    book.store.close({})
    book.open()
    assert len(book.store.read(0, 10)) == 1


def test_a_disk_that_takes_nothing_to_the_end_is_told_of_at_the_end(
    book: Book, caplog: pytest.LogCaptureFixture
) -> None:
    book.append(motion_event(1))
    book.statement("PRAGMA query_only = 1")
    book.append(mqtt=1)
    book.store.close({})
    assert "The journal could not be written to the end: " in caplog.text


def test_a_directory_that_is_not_there_yet(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    directory = tmp_path / "later"
    book = Book(directory)
    assert book.append(motion_event(1)).entries[0].position > 1_000_000_000_000, "above all that the file may hold"
    assert "cannot be used" in caplog.text
    directory.mkdir()
    book.clock.go_on(store.RETRY_SECONDS)
    assert book.store.tend({})
    book.crash()
    assert numbers(book.store.read(0, 10)) == [(SN, 1)]
    assert numbers(book.append(motion_event(2))) == [(SN, 2)]
    book.store.close({})


# Damage.


def test_no_database_at_all_is_moved_aside(book: Book, caplog: pytest.LogCaptureFixture) -> None:
    book.append(motion_event(1))
    book.store.close({})
    rubbish = b"This is no database, whatever it was before. " * 100
    book.path.write_bytes(rubbish)
    book.open()
    assert book.append(motion_event(2)).is_saved
    assert book.path.with_suffix(".damaged").read_bytes() == rubbish
    assert "is damaged (file is not a database): it is kept as journal.damaged, and begun again" in caplog.text


@pytest.mark.parametrize("reading", [True, False])
def test_damage_that_shows_later_loses_no_new_event(book: Book, *, reading: bool) -> None:
    book.append(*(motion_event(number) for number in range(1, 200)), mqtt=150)
    book.store.close({})
    content = bytearray(book.path.read_bytes())
    content[2048:] = b"\xff" * (len(content) - 2048)
    book.path.write_bytes(content)
    book.clock.go_on(1)
    book.open()
    if reading:
        assert book.store.read(150, 10) == []
    (entry,) = book.append(motion_event(1000)).entries
    assert entry.seq == 1
    assert entry.epoch > int(NOW)
    assert book.path.with_suffix(".damaged").exists()
    assert book.store.read(0, 10) == [entry]
    # Cursors go on where they were, which is before what is new.
    book.append(motion_event(1001), mqtt=entry.position)
    book.crash()
    assert book.store.cursor("mqtt") == entry.position


def test_an_event_that_is_no_event_is_damage(book: Book) -> None:
    book.append(motion_event(1))
    book.statement("UPDATE event SET body = '{}'")
    assert book.store.read(0, 10) == []
    assert book.path.with_suffix(".damaged").exists()


def test_what_can_be_read_of_a_damaged_file_goes_on_its_way(book: Book, caplog: pytest.LogCaptureFixture) -> None:
    book.append(*(motion_event(number) for number in range(1, 301)), mqtt=100)
    book.store.close({})
    content = bytearray(book.path.read_bytes())
    middle = len(content) // 2 // database.PAGE_SIZE * database.PAGE_SIZE
    content[middle : middle + 4 * database.PAGE_SIZE] = b"\xff" * (4 * database.PAGE_SIZE)
    book.path.write_bytes(content)
    book.open()
    kept = book.store.read(100, 1_000)
    assert 150 < len(kept) < 200
    assert kept[-1].seq == 300
    assert {entry.epoch for entry in kept} == {int(NOW)}
    assert f"{len(kept)} events that nobody had taken yet are taken over" in caplog.text
    (entry,) = book.append(motion_event(301)).entries
    assert (entry.position, entry.seq) == (301, 1)


def test_nothing_of_an_earlier_damaged_file_is_taken_for_a_part_of_this_one(book: Book) -> None:
    book.append(motion_event(1), motion_event(2), mqtt=1)
    wal = book.path.with_name("journal.sqlite-wal").read_bytes()
    book.append(motion_event(3))
    book.statement("PRAGMA user_version = 99")
    book.store.close({})
    book.path.with_name("journal.damaged-wal").write_bytes(wal)
    book.open()
    assert [entry.seq for entry in book.store.read(0, 10)] == [2, 3]


def test_what_cannot_be_taken_over_for_want_of_a_disk_is_later(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_database: JournalDatabase) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    book.append(*(motion_event(number) for number in range(1, 5)), mqtt=1)
    book.statement("UPDATE event SET body = '{}' WHERE seq = 3")
    with monkeypatch.context() as disk:
        disk.setattr(JournalDatabase, "_open", refuse)
        assert book.store.read(1, 10) == []
        assert "the journal cannot be begun again" in str(book.store.problem)
        (entry,) = book.append(motion_event(5)).entries
        assert book.store.read(4, 10) == [entry]
    book.clock.go_on(store.RETRY_SECONDS)
    assert book.store.tend({"mqtt": entry.position})
    assert [one.event.event_id for one in book.store.read(entry.position, 10)] == [2, 4]


def test_a_file_that_cannot_be_moved_aside(book: Book, caplog: pytest.LogCaptureFixture) -> None:
    book.store.close({})
    book.path.write_bytes(b"no database" * 500)
    book.path.with_suffix(".damaged").mkdir()
    (book.path.with_suffix(".damaged") / "full").touch()
    book.open()
    assert not book.append(motion_event(1)).is_saved
    assert "the journal cannot be begun again" in caplog.text


# Versions.


def test_a_file_of_an_older_version_is_taken_over(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    book.append(motion_event(1))
    book.store.close({})
    monkeypatch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, "ALTER TABLE event ADD COLUMN note TEXT;"))
    with closing(sqlite3.connect(book.path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
    JournalDatabase(book.path).close()
    with closing(sqlite3.connect(book.path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (2,)
        assert db.execute("SELECT seq, note FROM event").fetchall() == [(1, None)]


def test_a_file_of_a_newer_version_is_moved_aside(book: Book, caplog: pytest.LogCaptureFixture) -> None:
    book.statement("PRAGMA user_version = 99")
    book.store.close({})
    book.open()
    assert book.append(motion_event(1)).is_saved
    assert "it is of version 99, and this program knows 1" in caplog.text


def test_a_closed_file_says_so(tmp_path: Path) -> None:
    file = JournalDatabase(tmp_path / "journal.sqlite")
    file.close()
    with pytest.raises(StorageError, match="is closed"):
        file.read(0, 1)


def test_what_a_newer_version_adds_to_an_event_is_passed_over() -> None:
    event = face_event()
    text = dump_event(event).replace('{"uid"', '{"mood":"good","uid"', 1)
    assert load_event("face", text) == event
    with pytest.raises(JournalDamagedError):
        load_event("smoke", text)


def test_what_an_older_version_did_not_write_has_its_default() -> None:
    event = face_event(1)
    body = orjson.loads(dump_event(event))
    del body["shop"], body["visitor"]
    assert load_event("face", orjson.dumps(body).decode()) == event
    del body["face_id"]
    with pytest.raises(JournalDamagedError):
        load_event("face", orjson.dumps(body).decode())


def test_the_clouds_events_are_counted_beside_the_cameras(book: Book) -> None:
    """Who listens to the camera alone sees no gap."""
    events = [face_event(1), replace(face_event(2), shop="7", transport=Transport.CLOUD, event_id=None), face_event(3)]
    assert [entry.seq for entry in book.append(*events).entries] == [1, 1, 2]
    book.crash()
    more = [replace(face_event(4), shop="7"), replace(face_event(5), shop="8"), face_event(6)]
    assert [entry.seq for entry in book.append(*more).entries] == [2, 1, 3]
    assert [entry.event for entry in book.store.read(0, 10)] == [*events, *more]
