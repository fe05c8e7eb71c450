"""JSON files on a real disk: written whole, set aside when damaged, reported when they cannot be written."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from ipc_bridge.errors import ConfigError, StorageError
from ipc_bridge.storage import JsonFile, make_directory, only_user


@pytest.fixture
def file(tmp_path: Path) -> JsonFile:
    return JsonFile(tmp_path / "cameras.json")


@pytest.mark.parametrize("value", [{}, {"a": [1, None, {"b": "中文"}], "c": False}])
def test_what_is_written_is_read(file: JsonFile, value: dict[str, Any]) -> None:
    file.write({"old": 1})
    file.write(value)
    assert file.read() == value
    assert [path.name for path in file.path.parent.iterdir()] == ["cameras.json"]


def test_what_did_not_change_is_not_written(file: JsonFile) -> None:
    file.write({"a": 1, "b": 2})
    for one in (file, JsonFile(file.path)):
        assert one.read() == {"a": 1, "b": 2}
        before = file.path.stat()
        one.write({"b": 2, "a": 1})
        assert (file.path.stat().st_ino, file.path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_the_file_is_for_this_user_only(file: JsonFile) -> None:
    file.write({"a": 1})
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_no_file_is_an_empty_object(file: JsonFile, caplog: pytest.LogCaptureFixture) -> None:
    assert file.read() == {}
    assert not caplog.records


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1, 2]", b"null", b"7", b'"x"', b"\xff\xfe", b'{"a": NaN}', b"[" * 5000]
)
def test_a_damaged_file_is_set_aside(file: JsonFile, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    file.path.write_bytes(content)
    assert file.read() == {}
    assert not file.path.exists()
    assert file.path.with_suffix(".damaged").read_bytes() == content
    assert "cannot be read" in caplog.text
    assert "cameras.damaged" in caplog.text
    file.write({"a": 1})
    assert file.read() == {"a": 1}


def test_what_cannot_be_read_at_all_is_set_aside_too(file: JsonFile, caplog: pytest.LogCaptureFixture) -> None:
    file.path.mkdir()
    assert file.read() == {}
    assert file.path.with_suffix(".damaged").is_dir()
    assert "Is a directory" in caplog.text


def test_what_cannot_be_set_aside_stays(file: JsonFile, caplog: pytest.LogCaptureFixture) -> None:
    file.path.write_bytes(b"{")
    file.path.with_suffix(".damaged").mkdir()
    assert file.read() == {}
    assert file.path.read_bytes() == b"{"
    assert "cannot be moved either" in caplog.text


def test_a_disk_that_takes_nothing_is_an_error_and_the_old_file_stays(file: JsonFile) -> None:
    file.write({"a": 1})
    file.path.with_suffix(".new").mkdir()
    with pytest.raises(StorageError, match=r"cameras\.json cannot be written: Is a directory"):
        file.write({"a": 2})
    assert file.read() == {"a": 1}


def test_the_directory_is_made_for_this_user_only(tmp_path: Path) -> None:
    directory = tmp_path / "var" / "lib" / "ipc-bridge"
    make_directory(directory)
    make_directory(directory)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_a_file_in_the_directorys_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"")
    for directory in (tmp_path / "state", tmp_path / "state" / "deeper"):
        with pytest.raises(StorageError, match=r"cannot be made: .*; look at storage\.directory"):
            make_directory(directory)


def test_a_directory_has_one_user(tmp_path: Path) -> None:
    with only_user(tmp_path):
        with (
            pytest.raises(ConfigError, match=r"storage\.directory: .* is in use by another bridge"),
            only_user(tmp_path),
        ):
            pass
        with only_user(tmp_path / "not there"):
            pass
    with only_user(tmp_path):
        pass
