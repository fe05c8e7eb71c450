"""A card that repairs a camera whose firmware upgrade failed: what must be true of it, and the file on it.

Documented in "Firmware upgrade from a TF card" of the vendor's documents. The camera looks for a card that is called
after its MAC address, formatted as exFAT, with the unpacked firmware as ``up.bin`` in its root.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ipc_bridge.errors import ParameterError

NAME = "up.bin"
MOUNTS = Path("/proc/self/mountinfo")
LABELS = Path("/dev/disk/by-label")
_EXFAT = frozenset({"exfat", "fuse.exfat", "fuseblk", "texfat"})
"""As the kernel calls it; ``fuseblk`` may be another one as well."""
_PACKED = {
    b"PK\x03\x04": "zip",
    b"\x1f\x8b": "gzip",
    b"Rar!": "rar",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_TAR_AT, _TAR = 257, b"ustar"
_CHUNK = 1024 * 1024
_OF_THE_SYSTEM = frozenset({"system volume information", "lost.dir"})
"""What operating systems put on every card; names that begin with a dot are hidden, and theirs, too."""


def card_label(mac: str) -> str:
    """Return what the card of the camera with ``mac`` must be called: ``SUNMI-`` and its last four hex digits.

    Raises:
        ParameterError: it is no MAC address.
    """
    digits = re.sub(r"[:.-]", "", mac).upper()
    if not re.fullmatch(r"[0-9A-F]{12}", digits):
        raise ParameterError(
            f"{mac} is no MAC address: it has twelve hexadecimal digits, and stands on the camera's back"
        )
    return f"SUNMI-{digits[-4:]}"


def check_image(image: Path) -> None:
    """Refuse what cannot be a camera's firmware.

    Raises:
        ParameterError: it is empty, still packed, or cannot be read.
    """
    try:
        with image.open("rb") as file:
            head = file.read(_TAR_AT + len(_TAR))
    except OSError as error:
        raise ParameterError(f"{image} cannot be read: {error.strerror}") from error
    packed = next((kind for magic, kind in _PACKED.items() if head.startswith(magic)), None)
    if head[_TAR_AT:] == _TAR:
        packed = "tar"
    if packed is not None:
        raise ParameterError(f"{image} is packed ({packed}): unpack it first, and give the image that is in it")
    if not head:
        raise ParameterError(f"{image} is empty")


@dataclass(frozen=True, slots=True)
class Seen:
    """What the system tells of a card; None where it does not."""

    file_system: str | None
    label: str | None


def look_at(card: Path) -> Seen:
    """Return what can be seen of the file system that is mounted at ``card``."""
    mount = next((mount for mount in _mounts() if mount.point == card.resolve()), None)
    if mount is None:
        return Seen(None, None)
    device = Path(mount.source).resolve()
    label: str | None = None
    with suppress(OSError):
        label = next((_plain(link.name) for link in LABELS.iterdir() if link.resolve() == device), None)
    return Seen(mount.file_system, label)


def check_card(card: Path, label: str) -> list[str]:
    """Refuse a card that is not as the camera wants it; return what could not be seen, in sentences.

    Raises:
        ParameterError: it is formatted or called otherwise, or there is something on it.
    """
    try:
        names = sorted(path.name for path in card.iterdir())
    except OSError as error:
        raise ParameterError(
            f"{card} cannot be read: {error.strerror}; it must be where the card is mounted"
        ) from error
    if there := next((name for name in names if name.lower() == NAME), None):
        raise ParameterError(f"there is {card / there} already, and nothing is written over: take it away yourself")
    if others := [name for name in names if name.lower() not in _OF_THE_SYSTEM and not name.startswith(".")]:
        raise ParameterError(f"there is {others[0]} on {card}: format the card, as exFAT with the label {label}")
    seen = look_at(card)
    if seen.file_system is not None and seen.file_system not in _EXFAT:
        raise ParameterError(f"{card} is {seen.file_system}: format the card as exFAT with the label {label}")
    if seen.label is not None and seen.label != label:
        raise ParameterError(f"the card is called {seen.label}: for this camera it must be {label}")
    unseen = []
    if seen.file_system in (None, "fuseblk"):
        unseen.append(f"whether {card} is the root of a card that is formatted as exFAT")
    if seen.label is None:
        unseen.append(f"whether its label is {label}")
    return unseen


def write_card(image: Path, card: Path) -> int:
    """Copy the image to the card and read it back; return its size in bytes.

    Raises:
        ParameterError: there is no room, or something of that name.
        OSError: it cannot be written.
    """
    size, room = image.stat().st_size, shutil.disk_usage(card).free
    if size > room:
        raise ParameterError(f"{image} has {size} bytes, and {card} has room for {room}")
    target = card / NAME
    try:
        # Never over something, whatever has come since the card was looked at.
        copy = target.open("xb")
    except FileExistsError as error:
        raise ParameterError(f"there is {target} already, and nothing is written over") from error
    try:
        with copy, image.open("rb") as source:
            written = _copy(source, copy)
        _check_copy(target, written)
    except BaseException:
        target.unlink()
        raise
    return size


def _copy(source: BinaryIO, copy: BinaryIO) -> bytes:
    """Copy to the disk itself; return the digest of what was written."""
    written = hashlib.sha256()
    while chunk := source.read(_CHUNK):
        written.update(chunk)
        copy.write(chunk)
    copy.flush()
    os.fsync(copy.fileno())
    return written.digest()


def _check_copy(path: Path, written: bytes) -> None:
    if _digest(path) != written:
        raise ParameterError(f"{path} does not read as it was written: the card is broken")


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        # What is still in memory would only say that the memory is right.
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return hashlib.file_digest(file, "sha256").digest()


@dataclass(frozen=True, slots=True)
class _Mount:
    point: Path
    file_system: str
    source: str


def _mounts() -> Iterator[_Mount]:
    """What is mounted, the last first: it hides what was there before."""
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in reversed(lines):
        front, _, back = line.partition(" - ")
        fields, rest = front.split(), back.split()
        if len(fields) > 4 and len(rest) > 1:
            yield _Mount(Path(_octal(fields[4])), rest[0], _octal(rest[1]))


def _octal(text: str) -> str:
    r"""A field of the kernel's, in which blanks are ``\040``."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _plain(text: str) -> str:
    r"""A label of udev's, in which what is special is ``\x2d``."""
    return re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), text)
