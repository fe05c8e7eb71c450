"""Pictures of faces, and those of them that a camera keeps."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

_MAX_KEPT = 64 * 2**20
"""Bytes of all pictures of a camera; the oldest are forgotten, their faces are not."""

JPEG = bytes.fromhex(
    "FFD8 FFE0 0010 4A46494600 0101 00 0001 0001 0000"  # JFIF
    f"FFDB 0043 00 {'01' * 64}"  # quantisation
    "FFC0 000B 08 0008 0008 01 01 11 00"  # baseline, 8 by 8, one component
    f"FFC4 0014 00 01 {'00' * 15} 00"  # a DC table of one code
    f"FFC4 0014 10 01 {'00' * 15} 00"  # an AC table of one code
    "FFDA 0008 01 01 00 00 3F 00 3F FFD9"  # one block: no difference, no detail
)
"""A small grey square."""


def portrait(name: str) -> bytes:
    """A picture like no other's: the grey square with ``name`` as its comment."""
    text = name.encode()
    return JPEG[:2] + bytes.fromhex("FFFE") + (len(text) + 2).to_bytes(2) + text + JPEG[2:]


def digest(picture: bytes) -> str:
    """What tells pictures apart."""
    return hashlib.sha256(picture).hexdigest()


def is_whole(picture: bytes) -> bool:
    """Whether a JPEG or PNG has its end."""
    return picture.rstrip(b"\0").endswith(b"\xff\xd9") or b"IEND" in picture[-12:]


class Portraits:
    """Pictures by their digest, the newest 64 MiB of them."""

    def __init__(self) -> None:
        self._pictures: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0

    def put(self, mark: str, picture: bytes) -> None:
        """Keep a picture under its digest."""
        if mark in self._pictures:
            return
        self._pictures[mark] = picture
        self._size += len(picture)
        while self._size > _MAX_KEPT:
            _mark, oldest = self._pictures.popitem(last=False)
            self._size -= len(oldest)

    def get(self, mark: str) -> bytes | None:
        """The picture of that digest, where it is still kept."""
        return self._pictures.get(mark)

    def clear(self) -> None:
        """Forget all."""
        self._pictures.clear()
        self._size = 0
