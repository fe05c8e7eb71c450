"""The addresses that events carry, and the picture behind them."""

from __future__ import annotations

import hashlib
import re

_ADDRESS = re.compile(r"(/mnt/sd-card/sunmi_image/snap/\d+_\d+\.jpg)\?auth_key=(\d+)-([0-9a-f]{32})")

JPEG = bytes.fromhex(
    "FFD8 FFE0 0010 4A46494600 0101 00 0001 0001 0000"  # JFIF
    f"FFDB 0043 00 {'01' * 64}"  # quantisation
    "FFC0 000B 08 0008 0008 01 01 11 00"  # baseline, 8 by 8, one component
    f"FFC4 0014 00 01 {'00' * 15} 00"  # a DC table of one code
    f"FFC4 0014 10 01 {'00' * 15} 00"  # an AC table of one code
    "FFDA 0008 01 01 00 00 3F 00 3F FFD9"  # one block: no difference, no detail
)
"""A small grey square."""


def picture_url(origin: str, secret: str, milliseconds: int, number: int) -> str:
    """Return the address of a face picture.

    Args:
        origin: ``https://host`` of the camera.
        secret: what makes the address unguessable.
        milliseconds: Unix time of the picture.
        number: the person's number in the picture.
    """
    path = f"/mnt/sd-card/sunmi_image/snap/{milliseconds}_{number}.jpg"
    seconds = milliseconds // 1000
    return f"{origin}{path}?auth_key={seconds}-{_mark(secret, path, str(seconds))}"


def video_url(origin: str, secret: str, seconds: int) -> str:
    """Return the address of a recording; the channel's has no hyphen in its key."""
    path = f"/mnt/sd-card/sunmi_video/video_detect/{seconds}.flv"
    return f"{origin}{path}?auth_key={seconds}{_mark(secret, path, str(seconds))}"


def is_picture_address(path_and_query: str, secret: str) -> bool:
    """Whether the address, without its origin, is one that :func:`picture_url` gave out."""
    match = _ADDRESS.fullmatch(path_and_query)
    return match is not None and match[3] == _mark(secret, match[1], match[2])


def _mark(secret: str, path: str, seconds: str) -> str:
    return hashlib.md5(f"{path}-{seconds}-{secret}".encode(), usedforsecurity=False).hexdigest()
