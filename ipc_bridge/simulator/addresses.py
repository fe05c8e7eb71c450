"""The addresses of files on a camera: who was given one can fetch it for a while, nobody else can."""

from __future__ import annotations

import datetime as dt
import hashlib
import re

CARD = "/mnt/sd-card"
"""Where the SD card is; what lies there goes with it."""
SNAPSHOTS = "/tmp/snapshot"  # noqa: S108 - on the camera
_SIGNED = re.compile(r"(/[\w./-]+)\?auth_key=([0-9]{10})-?([0-9a-f]{32})", re.ASCII)


def sign_address(origin: str, secret: str, path: str, now: float, *, hyphen: bool = True) -> str:
    """Return the address of a file.

    Args:
        origin: ``https://host`` of the camera.
        secret: what makes the address unguessable.
        path: of the file on the camera.
        now: Unix time at which the address is handed out.
        hyphen: whether the key has one; those of videos in channel events have none.
    """
    seconds = str(int(now))
    return f"{origin}{path}?auth_key={seconds}{'-' if hyphen else ''}{_mark(secret, path, seconds)}"


def check_address(path_and_query: str, secret: str, now: float, lifetime: float) -> str | None:
    """Return the path of an address that :func:`sign_address` gave out less than ``lifetime`` seconds ago.

    None for any other.
    """
    match = _SIGNED.fullmatch(path_and_query)
    if match is None or match[3] != _mark(secret, match[1], match[2]) or int(match[2]) + lifetime <= now:
        return None
    return match[1]


def face_path(mark: str) -> str:
    """The picture of a face in the library."""
    return f"{CARD}/sunmi_image/face/{mark}.jpg"


def snap_path(milliseconds: int, number: int) -> str:
    """What the camera saw of the person ``number`` in a picture."""
    return f"{CARD}/sunmi_image/snap/{milliseconds}_{number}.jpg"


def detection_path(seconds: int) -> str:
    """The video of a motion event."""
    return f"{CARD}/sunmi_video/video_detect/{seconds}.flv"


def record_path(start: int, end: int) -> str:
    """A recording; the name has its times in UTC."""
    return f"{CARD}/sunmi_video/video_plan/{_stamp(start)}_{_stamp(end)}.flv"


def clip_path(milliseconds: int, preceding: int, following: int) -> str:
    """A clip around a moment."""
    return f"{CARD}/video_slicer/{milliseconds}_{preceding}_{following}.flv"


def snapshot_path(sn: str, seconds: int) -> str:
    """A picture taken on demand; it is not on the card and does not outlive a reboot."""
    return f"{SNAPSHOTS}/{sn}_{_stamp(seconds)}.jpg"


def read_stamp(text: str) -> int:
    """Unix seconds of a time in a file's name.

    Raises:
        ValueError: it is none.
    """
    return int(dt.datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=dt.UTC).timestamp())


def _stamp(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y%m%d%H%M%S")


def _mark(secret: str, path: str, seconds: str) -> str:
    return hashlib.md5(f"{path}-{seconds}-{secret}".encode(), usedforsecurity=False).hexdigest()
