"""Reading a journal from beside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ipc_bridge.errors import StorageError
from ipc_bridge.journal.history import Query, read_events
from tests.bridge.samples import NOW, motion_event
from tests.journal.test_store import Book, numbers


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    book = Book(tmp_path)
    for number in range(1, 6):
        book.append(*(motion_event(number, sn, received_at=NOW + number) for sn in "AB"))
    yield book
    book.store.close({})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(limit=3), [("B", 4), ("A", 5), ("B", 5)]),
        (Query("A", limit=2), [("A", 4), ("A", 5)]),
        (Query("A", from_seq=2, limit=2), [("A", 2), ("A", 3)]),
        (Query("B", since=NOW + 4), [("B", 4), ("B", 5)]),
        (Query(after=8), [("A", 5), ("B", 5)]),
        (Query("C"), []),
    ],
)
def test_the_newest_or_the_next(book: Book, query: Query, expected: list[tuple[str, int]]) -> None:
    assert numbers(read_events(book.path, query)) == expected


def test_it_disturbs_nobody_who_writes(book: Book) -> None:
    before = read_events(book.path, Query())
    assert book.append(motion_event(6, "A")).is_saved
    assert len(read_events(book.path, Query())) == len(before) + 1


def test_no_journal_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"there is no journal .*; look at storage.directory"):
        read_events(tmp_path / "none.sqlite", Query())
    assert list(tmp_path.iterdir()) == []
