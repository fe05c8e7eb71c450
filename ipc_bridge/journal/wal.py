"""Whether SQLite will recover all that was committed: it drops what follows a damaged frame without a word.

After a crash SQLite takes the frames of its write-ahead log one after the other, up to the last that ends a commit and
has no broken one before it. Where the chain breaks there is the file's end, or a frame of an earlier round through the
file; anything else was written in this round, and is damaged. The format is part of SQLite's documentation.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_ORDERS = {0x377F0682: "<", 0x377F0683: ">"}
"""By the header's first word: how the words are read that go into checksums."""
_ROUNDS = 1 << 16
"""So many rounds are taken for possible: the first word of salt is one more in each."""

State = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tail:
    """Frames behind the last commit that can be recovered.

    Of those that are ``unfinished`` a process that was killed had not reached the commit. Those that are ``lost`` are
    damaged, or behind one that is: some of them may be commits.
    """

    unfinished: int = 0
    lost: int = 0


def read_tail(path: Path) -> Tail:
    """Look at the log of a database that nobody has open.

    Raises:
        OSError: it cannot be read; FileNotFoundError where there is none.
    """
    with path.open("rb") as file:
        size = path.stat().st_size - _HEADER.size
        head = file.read(_HEADER.size)
        if size <= 0:
            return Tail()
        magic, _version, page_size, _round, *salt, one, other = _HEADER.unpack(head)
        order = _ORDERS.get(magic)
        if order is None or _checksum(head[:24], order, (0, 0)) != (one, other):
            # Nothing of it counts; pages have 512 bytes at least.
            return Tail(lost=-(-size // (_FRAME.size + 512)))
        frames = size // (_FRAME.size + page_size)
        committed, chained, is_whole = _follow(_frames(file, page_size), order, salt, (one, other))
    return Tail(unfinished=chained - committed) if is_whole else Tail(lost=frames - committed)


def _follow(
    frames: Iterator[tuple[bytes, bytes]], order: str, salt: Sequence[int], state: State
) -> tuple[int, int, bool]:
    """Follow the chain: frames up to the last commit, frames in it, and whether it ends where it may end."""
    committed = chained = 0
    for head, page in frames:
        _number, size_after_commit, *frame_salt, one, other = _FRAME.unpack(head)
        if frame_salt != salt:
            return committed, chained, _is_of_an_earlier_round(head, frames, order, salt)
        state = _checksum(head[:8] + page, order, state)
        if state != (one, other):
            return committed, chained, False
        chained += 1
        if size_after_commit:
            committed = chained
    return committed, chained, True


def _is_of_an_earlier_round(
    head: bytes, following: Iterator[tuple[bytes, bytes]], order: str, salt: Sequence[int]
) -> bool:
    """Whether the frame with this ``head`` is: the next one must continue its chain."""
    _number, _size, *earlier_salt, one, other = _FRAME.unpack(head)
    if not 0 < (salt[0] - earlier_salt[0]) & 0xFFFFFFFF <= _ROUNDS:
        return False
    for next_head, page in following:
        _number, _size, *next_salt, next_one, next_other = _FRAME.unpack(next_head)
        state = _checksum(next_head[:8] + page, order, (one, other))
        return next_salt == earlier_salt and state == (next_one, next_other)
    return False


def _frames(file: BinaryIO, page_size: int) -> Iterator[tuple[bytes, bytes]]:
    """Heads and pages; the last frame may not be whole where a process was killed."""
    size = _FRAME.size + page_size
    while len(frame := file.read(size)) == size:
        yield frame[: _FRAME.size], frame[_FRAME.size :]


def _checksum(data: bytes, order: str, state: State) -> State:
    """SQLite's checksum of ``data``, going on from ``state``: 0.1 s of a start for each MB of the log."""
    one, other = state
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        one = (one + even + other) & 0xFFFFFFFF
        other = (other + odd + one) & 0xFFFFFFFF
    return one, other
