"""``firmware-card``: a card as the camera wants it, and nothing written over."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ipc_bridge.cli import firmware_card as module
from ipc_bridge.cli import main
from ipc_bridge.cli.firmware_card import card_label
from ipc_bridge.errors import ParameterError

MAC, LABEL = "0C:25:76:6F:57:a5", "SUNMI-57A5"
FIRMWARE = bytes(range(256)) * 10_000


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory where a card could be mounted; nothing can be seen of it."""
    monkeypatch.setattr(module, "MOUNTS", tmp_path / "mountinfo")
    monkeypatch.setattr(module, "LABELS", tmp_path / "by-label")
    (tmp_path / "image.bin").write_bytes(FIRMWARE)
    card = tmp_path / "my card"
    card.mkdir()
    return card


def prepare(card: Path, image: Path | None = None, mac: str = MAC) -> Result:
    words = ["--mac", mac, "--image", str(image or card.parent / "image.bin"), "--card", str(card)]
    return CliRunner().invoke(main, ["firmware-card", *words])


def mounted(card: Path, file_system: str, label: str | None) -> None:
    """As Linux tells of it, later mounts over earlier ones."""
    point = str(card.resolve()).replace(" ", "\\040")
    device = card.parent / "sdb1"
    device.touch()
    lines = [
        "22 1 0:5 / / rw - ext4 /dev/root rw",
        f"23 1 0:6 / {point} rw shared:1 - ext4 /dev/other rw",
        f"24 1 8:17 / {point} rw,nosuid shared:2 - {file_system} {device} rw",
        "nonsense",
    ]
    module.MOUNTS.write_text("\n".join(lines), encoding="utf-8")
    if label is not None:
        module.LABELS.mkdir()
        (module.LABELS / label.replace("-", "\\x2d")).symlink_to(device)


def test_a_card_is_prepared(card: Path) -> None:
    mounted(card, "exfat", LABEL)
    (card / "System Volume Information").mkdir()
    (card / ".Trashes").touch()
    result = prepare(card)
    assert (result.exit_code, result.stderr) == (0, "")
    assert (card / "up.bin").read_bytes() == FIRMWARE
    assert f"{card}/up.bin: 2560000 bytes, read back as written." in result.stdout
    steps = [line.strip() for line in result.stdout.splitlines() if re.match(r" [0-9]\. ", line)]
    told = (
        "put it into the camera",
        "off and on",
        "about 10 seconds the lamp turns red",
        "about a minute it turns green",
        "flashes green, or turns blue: the reboot is complete",
        "reset key for more than 5 seconds",
        "set the camera up with the SUNMI app",
        "to the newest firmware",
        "Delete up.bin",
    )
    for number, (step, words) in enumerate(zip(steps, told, strict=True), 1):
        assert (step.startswith(f"{number}. "), words in step) == (True, True), step
    assert "SS (FM010) and FS (FM020) cameras is not interchangeable" in result.stdout
    assert result.stdout.endswith("Remember step 9: up.bin must not stay on the card.\n")


def test_what_cannot_be_seen_is_said(card: Path) -> None:
    result = prepare(card)
    assert result.exit_code == 0
    assert f"does not tell whether {card} is the root of a card that is formatted as exFAT" in result.stderr
    assert f"does not tell whether its label is {LABEL}" in result.stderr


def test_a_file_system_behind_fuse_may_be_any(card: Path) -> None:
    mounted(card, "fuseblk", LABEL)
    result = prepare(card)
    assert (result.exit_code, result.stderr.count("does not tell")) == (0, 1)


@pytest.mark.parametrize(
    ("file_system", "label", "words"),
    [
        ("vfat", LABEL, f"is vfat: format the card as exFAT with the label {LABEL}"),
        ("exfat", "SUNMI-0000", f"the card is called SUNMI-0000: for this camera it must be {LABEL}"),
        ("exfat", "SUNMI_57A5", "the card is called SUNMI_57A5"),
        ("exfat", "sunmi-57a5", "the card is called sunmi-57a5"),
    ],
)
def test_a_card_that_is_not_right(card: Path, file_system: str, label: str, words: str) -> None:
    mounted(card, file_system, label)
    result = prepare(card)
    assert (result.exit_code, words in result.stderr) == (2, True)
    assert list(card.iterdir()) == []


@pytest.mark.parametrize("name", ["up.bin", "UP.BIN"])
def test_nothing_is_written_over(card: Path, name: str) -> None:
    (card / name).write_text("mine")
    result = prepare(card)
    assert (result.exit_code, f"there is {card / name} already" in result.stderr) == (2, True)
    assert (card / name).read_text() == "mine"


def test_what_comes_meanwhile_is_not_written_over_either(card: Path) -> None:
    (card / "up.bin").write_text("mine")
    with pytest.raises(ParameterError, match="nothing is written over"):
        module.write_card(card.parent / "image.bin", card)
    assert (card / "up.bin").read_text() == "mine"


def test_other_files(card: Path) -> None:
    (card / "holiday.jpg").touch()
    result = prepare(card)
    assert (result.exit_code, f"there is holiday.jpg on {card}: format the card" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"PK\x03\x04", "is packed (zip): unpack it first"),
        (b"\x1f\x8b\x08", "is packed (gzip)"),
        (b"\x28\xb5\x2f\xfd", "is packed (zstd)"),
        (bytes(257) + b"ustar\x00", "is packed (tar)"),
        (b"", "is empty"),
    ],
)
def test_an_image_that_is_none(card: Path, head: bytes, words: str) -> None:
    image = card.parent / "packed"
    image.write_bytes(head)
    result = prepare(card, image)
    assert (result.exit_code, words in result.stderr) == (2, True)
    assert list(card.iterdir()) == []


def test_what_is_not_there(card: Path) -> None:
    result = prepare(card, card.parent / "nothing.bin")
    assert (result.exit_code, "cannot be read: No such file" in result.stderr) == (2, True)
    result = prepare(card / "nowhere", card.parent / "image.bin")
    assert (result.exit_code, "it must be where the card is mounted" in result.stderr) == (2, True)


def test_a_card_without_room(card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage)
    result = prepare(card)
    assert (result.exit_code, "has 2560000 bytes, and" in result.stderr) == (2, True)
    assert list(card.iterdir()) == []


def test_a_card_that_loses_what_is_written(card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_digest", lambda _path: b"")
    result = prepare(card)
    assert (result.exit_code, "the card is broken" in result.stderr) == (2, True)
    assert list(card.iterdir()) == []


def test_a_card_that_cannot_be_written(card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_descriptor: int) -> None:
        raise OSError(5, os.strerror(5))

    monkeypatch.setattr(os, "fsync", broken)
    result = prepare(card)
    assert (result.exit_code, "Input/output error" in result.stderr) == (1, True)
    assert list(card.iterdir()) == []


@pytest.mark.parametrize("mac", [MAC, "0c25766f57a5", "0C-25-76-6F-57-A5", "0c25.766f.57a5"])
def test_the_label(mac: str) -> None:
    assert card_label(mac) == LABEL


@pytest.mark.parametrize("mac", ["", "57A5", "0C:25:76:6F:57:AG", "0C:25:76:6F:57:A5:00"])
def test_what_is_no_mac(card: Path, mac: str) -> None:
    result = prepare(card, mac=mac)
    assert (result.exit_code, "is no MAC address" in result.stderr) == (2, True)
