"""The store of pictures: what is kept, for how long, and what happens when the disk is no good."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipc_bridge.errors import StorageError
from ipc_bridge.pictures.store import PictureStore
from ipc_bridge.simulator.portraits import JPEG, portrait
from tests.bridge.samples import NOW, StoppedClock

DAY = 86_400.0
UID = "FS101D8BS00106:face:2:1593029283"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


class Cupboard:
    """A store with a clock."""

    def __init__(self, directory: Path, keep_days: float = 30, keep_bytes: int = 10**9) -> None:
        self.clock = StoppedClock()
        self.directory = directory / "pictures"
        self.keep_days = keep_days
        self.keep_bytes = keep_bytes
        self.store = self.reopened()

    def reopened(self) -> PictureStore:
        self.store = PictureStore(self.directory, self.clock, self.keep_days * DAY, self.keep_bytes)
        self.store.open()
        return self.store

    def put(self, number: int, size: int = 100) -> None:
        """Keep a picture of now."""
        self.store.put(f"SN:face:{number}:1", self.clock.now, JPEG.ljust(size, b"\0"))

    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self.directory)) for path in self.directory.rglob("*") if path.is_file())

    def check(self) -> None:
        """What it says of itself is what is there."""
        paths = [self.directory / name for name in self.files()]
        assert (self.store.pictures, self.store.size) == (len(paths), sum(path.stat().st_size for path in paths))


@pytest.fixture
def cupboard(tmp_path: Path) -> Cupboard:
    return Cupboard(tmp_path)


def test_a_picture_lies_under_its_day_and_uid_for_this_user_only(cupboard: Cupboard) -> None:
    cupboard.store.put(UID, NOW, JPEG)
    cupboard.store.put("SN:snapshot:1", NOW, PNG)
    assert cupboard.files() == ["2020-06-24/FS101D8BS00106_face_2_1593029283.jpg", "2020-06-24/SN_snapshot_1.png"]
    for path in (cupboard.directory, *cupboard.directory.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0
    assert cupboard.store.get(UID, NOW) == JPEG
    assert cupboard.store.get("SN:snapshot:1", NOW) == PNG
    assert cupboard.store.get("SN:face:3:1593029283", NOW) is None
    assert cupboard.store.get(UID, NOW - DAY) is None
    cupboard.check()
    assert cupboard.reopened().get(UID, NOW) == JPEG
    cupboard.check()


def test_no_uid_leaves_the_directory(cupboard: Cupboard) -> None:
    cupboard.store.put("../../etc/passwd", NOW, JPEG)
    assert cupboard.files() == ["2020-06-24/.._.._etc_passwd.jpg"]
    assert cupboard.store.get("../../etc/passwd", NOW) == JPEG


def test_one_that_is_there_already_stays(cupboard: Cupboard) -> None:
    cupboard.store.put(UID, NOW, JPEG)
    cupboard.store.put(UID, NOW, portrait("another"))
    assert cupboard.store.get(UID, NOW) == JPEG
    cupboard.check()


def test_age(tmp_path: Path) -> None:
    cupboard = Cupboard(tmp_path, keep_days=1.5)
    for number in range(4):
        cupboard.put(number)
        cupboard.clock.go_on(DAY / 2)
    # The fourth is half a day old, the first two days.
    cupboard.store.expire()
    assert cupboard.files() == [
        "2020-06-25/SN_face_1_1.jpg",
        "2020-06-25/SN_face_2_1.jpg",
        "2020-06-26/SN_face_3_1.jpg",
    ]
    cupboard.clock.go_on(1)
    cupboard.store.expire()
    assert cupboard.files() == ["2020-06-25/SN_face_2_1.jpg", "2020-06-26/SN_face_3_1.jpg"]
    cupboard.check()
    cupboard.clock.go_on(10 * DAY)
    cupboard.reopened()
    assert list(cupboard.directory.iterdir()) == []
    assert (cupboard.store.pictures, cupboard.store.size) == (0, 0)


@given(sizes=st.lists(st.integers(100, 3000), min_size=1, max_size=60), pauses=st.integers(0, 20_000))
@settings(max_examples=40, deadline=None)
def test_a_full_store_stays_within_its_limit_and_keeps_the_newest(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], pauses: int
) -> None:
    limit = 10_000
    cupboard = Cupboard(tmp_path_factory.mktemp("store"), keep_bytes=limit)
    for number, size in enumerate(sizes):
        cupboard.put(number, size)
        cupboard.clock.go_on(1 + pauses)
        cupboard.check()
        assert cupboard.store.size <= limit
    kept = sorted(int(Path(name).stem.split("_")[2]) for name in cupboard.files())
    assert kept == list(range(len(sizes) - len(kept), len(sizes)))
    # No more is deleted than has to be, but for a little room.
    lost = sizes[: len(sizes) - len(kept)]
    assert not lost or sum(sizes[len(lost) - 1 :]) > 0.95 * limit - max(sizes)


def test_a_smaller_limit_holds_from_the_next_start(tmp_path: Path) -> None:
    cupboard = Cupboard(tmp_path)
    for number in range(10):
        cupboard.put(number, 1000)
        cupboard.clock.go_on(DAY)
    cupboard.keep_bytes = 4000
    cupboard.reopened()
    assert [Path(name).stem for name in cupboard.files()] == [f"SN_face_{number}_1" for number in (7, 8, 9)]
    cupboard.check()


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    cupboard = Cupboard(tmp_path, keep_days=1)
    cupboard.put(1)
    (cupboard.directory / "notes").mkdir()
    (cupboard.directory / "notes" / "1.jpg").write_bytes(JPEG)
    (cupboard.directory / "2020-06-24" / "README").write_text("mine")
    cupboard.clock.go_on(3 * DAY)
    cupboard.reopened()
    assert cupboard.files() == ["2020-06-24/README", "notes/1.jpg"]
    assert cupboard.store.pictures == 0


def test_what_a_crash_left_unfinished_goes(cupboard: Cupboard) -> None:
    cupboard.put(1)
    (cupboard.directory / "2020-06-24" / "SN_face_2_1.jpg.new").write_bytes(b"half")
    cupboard.reopened()
    assert cupboard.files() == ["2020-06-24/SN_face_1_1.jpg"]
    cupboard.check()


def test_a_disk_that_takes_nothing(cupboard: Cupboard, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "utime", full)
        with pytest.raises(
            StorageError, match=r"cannot be written: No space left on device; look at storage.directory"
        ):
            cupboard.put(1)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(StorageError):
            cupboard.put(2)
    assert not cupboard.files()
    cupboard.put(1)
    cupboard.check()


def test_a_place_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = PictureStore(tmp_path / "file" / "pictures", StoppedClock(), DAY, 1000)
    uses: list[Callable[[], object]] = [
        store.open,
        lambda: store.put(UID, NOW, JPEG),
        lambda: store.get(UID, NOW),
    ]
    for use in uses:
        with pytest.raises(StorageError, match="Not a directory"):
            use()
