"""What a disk damages of the write-ahead log is noticed, and what a kill leaves in it is no damage."""

from __future__ import annotations

import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipc_bridge.journal.database import PAGE_SIZE
from ipc_bridge.journal.wal import Tail, read_tail
from tests.bridge.samples import NOW, motion_event
from tests.journal.test_store import Book

FRAME = PAGE_SIZE + 24
INDEX_LEAF = 10
"""The first byte of such a page."""
EVENTS = 30


class Wreck:
    """A bridge's journal as a kill leaves it: all in the log, nothing in the file yet."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        living = directory / "living"
        living.mkdir(parents=True)
        book = Book(living)
        self.given: dict[tuple[int, int], str] = {}
        """Each number that was given, and whose it is."""
        for number in range(1, EVENTS + 1):
            (entry,) = book.append(motion_event(number), mqtt=number - 1).entries
            self.given[entry.epoch, entry.seq] = entry.event.uid
        self.state = self.copy_of(living, "state")
        book.store.close({})

    def copy_of(self, living: Path, name: str) -> Path:
        """The files of a process that is killed now."""
        state = self.directory / name
        state.mkdir()
        for file in living.iterdir():
            if not file.name.endswith("-shm"):
                shutil.copy(file, state)
        return state

    @property
    def wal(self) -> Path:
        return self.state / "journal.sqlite-wal"

    def frames(self) -> Iterator[tuple[int, int, bool]]:
        """Of each frame its number, its page's, and whether it ends a commit."""
        data = self.wal.read_bytes()
        for number in range(1, (len(data) - 32) // FRAME + 1):
            page, size = struct.unpack_from(">2I", data, self.place(number))
            yield number, page, size > 0

    def commits(self) -> list[int]:
        return [number for number, _page, is_commit in self.frames() if is_commit]

    def place(self, number: int) -> int:
        return 32 + (number - 1) * FRAME

    def content(self, number: int) -> bytes:
        return self.wal.read_bytes()[self.place(number) + 24 : self.place(number + 1)]

    def damage(self, position: int, data: bytes) -> None:
        with self.wal.open("r+b") as file:
            file.seek(position)
            file.write(data)

    def rewrite(self, number: int, page: bytes) -> None:
        """Put another page into a frame, with all checksums as if it had been written like that."""
        data = bytearray(self.wal.read_bytes())
        order = "<" if data[3] & 1 == 0 else ">"
        data[self.place(number) + 24 : self.place(number + 1)] = page
        one, other = struct.unpack_from(">2I", data, self.place(number) - FRAME + 16)
        for frame in range(number, (len(data) - 32) // FRAME + 1):
            begin, end = self.place(frame), self.place(frame + 1)
            words = struct.unpack(f"{order}{(PAGE_SIZE + 8) // 4}I", data[begin : begin + 8] + data[begin + 24 : end])
            for even, odd in zip(words[::2], words[1::2], strict=True):
                one = (one + even + other) % (1 << 32)
                other = (other + odd + one) % (1 << 32)
            struct.pack_into(">2I", data, begin + 16, one, other)
        self.wal.write_bytes(data)


@pytest.fixture
def wreck(tmp_path: Path) -> Wreck:
    return Wreck(tmp_path)


def opened(wreck: Wreck) -> Book:
    """The next start."""
    return Book(wreck.state)


def test_a_kill_alone_damages_nothing(wreck: Wreck, caplog: pytest.LogCaptureFixture) -> None:
    assert read_tail(wreck.wal) == Tail()
    book = opened(wreck)
    assert [entry.seq for entry in book.store.read(0, 100)] == list(range(1, EVENTS + 1))
    assert [(entry.epoch, entry.seq) for entry in book.append(motion_event(99)).entries] == [(int(NOW), EVENTS + 1)]
    assert book.store.damage is None
    assert not caplog.records
    book.store.close({})


def test_a_damaged_frame_is_told_of_and_no_number_is_given_twice(
    wreck: Wreck, caplog: pytest.LogCaptureFixture
) -> None:
    # Much of it is left behind what is written next.
    wreck.damage(wreck.place(wreck.commits()[10]) + 500, b"\xff")
    assert read_tail(wreck.wal).lost > 30
    book = opened(wreck)
    kept = [entry.seq for entry in book.store.read(0, 100)]
    assert kept == list(range(1, len(kept) + 1))
    assert 0 < len(kept) < EVENTS
    (entry,) = book.append(motion_event(EVENTS)).entries
    assert (entry.epoch, entry.seq) not in wreck.given
    assert book.store.damage == (
        f"the end of the journal {book.path} was damaged: what was written to it last may be lost"
    )
    assert "is damaged: what was written to it last may be lost" in caplog.text
    assert not book.path.with_suffix(".damaged").exists(), "what is left is whole"
    # It is told of once, and the epoch lasts.
    again = Book(wreck.copy_of(wreck.state, "killed again"))
    assert again.store.damage is None
    assert [(one.epoch, one.seq) for one in again.append(motion_event(99)).entries] == [(entry.epoch, 2)]
    again.store.close({})
    book.store.close({})


@pytest.mark.parametrize("what", ["magic", "salt", "checksum"])
def test_a_damaged_header_loses_all_and_is_told_of(wreck: Wreck, what: str) -> None:
    wreck.damage({"magic": 0, "salt": 17, "checksum": 25}[what], b"\xa5\x5a")
    book = opened(wreck)
    assert book.store.damage is not None
    (entry,) = book.append(motion_event(1)).entries
    assert (entry.epoch, entry.seq) not in wreck.given
    assert book.append(motion_event(2)).is_saved
    book.store.close({})


def test_where_what_is_left_does_not_fit_together_it_is_set_aside(wreck: Wreck) -> None:
    *_, last_but_one, last = wreck.commits()
    # An older page of the index counts again: nobody who reads events sees that.
    older, newer = [
        number
        for number, _page, _is_commit in wreck.frames()
        if number <= last_but_one and wreck.content(number)[0] == INDEX_LEAF and b":motion:" in wreck.content(number)
    ][-2:]
    wreck.rewrite(newer, wreck.content(older))
    wreck.damage(wreck.place(last) + 500, b"\xff")
    assert read_tail(wreck.wal).lost == last - last_but_one
    book = opened(wreck)
    assert book.path.with_suffix(".damaged").exists()
    assert "it is kept as journal.damaged" in str(book.store.damage)
    (entry,) = book.append(motion_event(99)).entries
    assert (entry.epoch, entry.seq) not in wreck.given
    book.store.close({})


def test_what_a_killed_process_had_not_finished_is_no_damage(wreck: Wreck, caplog: pytest.LogCaptureFixture) -> None:
    before = wreck.commits()[-1]
    living = wreck.state
    book = opened(wreck)
    book.append(*(motion_event(number) for number in range(100, 200)))
    wreck.state = wreck.copy_of(living, "killed")
    book.store.close({})
    last = wreck.commits()[-1]
    # In the middle of a frame, right before its last one.
    os.truncate(wreck.wal, wreck.place(last) + 100)
    assert read_tail(wreck.wal) == Tail(unfinished=last - before - 1)
    book = opened(wreck)
    assert book.store.damage is None
    # Nothing of it is left to be taken for damage at the start behind the next kill.
    assert [entry.seq for entry in book.append(motion_event(99)).entries] == [EVENTS + 1]
    assert read_tail(wreck.copy_of(wreck.state, "killed again") / "journal.sqlite-wal") == Tail()
    book.store.close({})
    assert "damaged" not in caplog.text


def test_nothing_is_written_before_its_commit(wreck: Wreck) -> None:
    living = wreck.directory / "flood"
    living.mkdir()
    book = Book(living)
    book.statement("PRAGMA cache_size = 2")
    before = (living / "journal.sqlite-wal").stat().st_size
    book.statement("BEGIN IMMEDIATE")
    for number in range(200):
        book.statement(f"INSERT INTO sink VALUES ('{number:0>400}', 1)")
    assert (living / "journal.sqlite-wal").stat().st_size == before, "else it is in no order that could be looked at"
    book.statement("ROLLBACK")
    book.store.close({})


def test_what_an_earlier_round_has_left_is_no_damage(wreck: Wreck) -> None:
    living = wreck.directory / "rounds"
    living.mkdir()
    book = Book(living)
    for number in range(1, 40):
        book.append(motion_event(number))
    book.statement("PRAGMA wal_checkpoint(RESTART)")
    book.append(motion_event(40))
    wal = wreck.copy_of(living, "killed") / "journal.sqlite-wal"
    assert wal.stat().st_size > 50 * FRAME
    assert read_tail(wal) == Tail()
    book.store.close({})
    # But where this round ends in rubbish it is, even where that looks like an earlier one's salt.
    wreck.state = wal.parent
    whole = wal.read_bytes()
    (salt,) = struct.unpack_from(">I", whole, 16)
    last = max(number for number, *_ in wreck.frames() if whole[wreck.place(number) + 8 :][:4] == whole[16:20])
    earlier = struct.pack(">I", (salt - 9) & 0xFFFFFFFF)
    for position, rubbish in ((8, bytes(100)), (8, earlier), (8, earlier + bytes(12))):
        wal.write_bytes(whole)
        wreck.damage(wreck.place(last) + position, rubbish)
        assert read_tail(wal).lost > 0
        wreck.damage(wreck.place(1) + position, rubbish)
        assert read_tail(wal).lost > 0


@pytest.mark.parametrize("size", [0, 20, 32])
def test_a_log_in_which_nothing_is_yet(tmp_path: Path, size: int) -> None:
    (tmp_path / "log").write_bytes(bytes(size))
    assert read_tail(tmp_path / "log") == Tail()


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1), st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from([512, 4096]).map(bytes)))
def test_whatever_is_damaged_and_where_no_number_is_given_twice_and_no_loss_is_silent(
    where: float, data: bytes
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        wreck = Wreck(Path(directory))
        before = wreck.wal.read_bytes()
        position = int(where * (len(before) - len(data)))
        wreck.damage(position, data)
        book = opened(wreck)
        kept = {(entry.epoch, entry.seq): entry.event.uid for entry in book.store.read(0, 100)}
        assert kept.items() <= wreck.given.items()
        assert len(kept) == EVENTS or book.store.damage is not None
        assert (book.store.damage is not None) is (before[position : position + len(data)] != data)
        for number in (100, 101):
            (entry,) = book.append(motion_event(number)).entries
            assert (entry.epoch, entry.seq) not in wreck.given
        book.store.close({})
