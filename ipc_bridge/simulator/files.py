"""The files on a camera: pictures, recordings, clips. They are made when they are fetched."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from ipc_bridge.simulator.addresses import CARD, SNAPSHOTS, check_address, read_stamp
from ipc_bridge.simulator.portraits import JPEG
from ipc_bridge.simulator.refusals import Code, RefusalError
from ipc_bridge.simulator.state import CameraState

CLIP_DELAY = 4
"""Seconds after its last moment until a clip is there."""
_DETECTION_SECONDS = 10


@dataclass(frozen=True, slots=True)
class File:
    """What a download gets."""

    content: bytes
    content_type: str


def fetch(state: CameraState, path_and_query: str) -> File:
    """Return the file behind an address that the camera gave out.

    Raises:
        RefusalError: the address is not valid or not valid any more, or the file is not there or not there yet.
    """
    path = check_address(path_and_query, state.settings.secret_key, state.now(), state.settings.address_lifetime)
    if path is None or (path.startswith(CARD) and not state.card.works):
        raise _not_there()
    for form, find in _KINDS.items():
        if match := re.fullmatch(form, path):
            return find(state, match)
    raise _not_there()


def first_byte(wanted: str | None, size: int) -> int:
    """Where a download begins that asks for a ``Range``; 0 for all that is no open range, or behind the end."""
    match = re.fullmatch(r"bytes=([0-9]{1,18})-", wanted or "", re.ASCII)
    return int(match[1]) if match and int(match[1]) < size else 0


def clip_ready_at(state: CameraState, milliseconds: int, following: int) -> float:
    """When the clip that was asked for at ``milliseconds`` can be fetched, as the camera's Unix time."""
    return milliseconds / 1000 + (following + CLIP_DELAY) * state.settings.clip_unit


def flv(seconds: int) -> bytes:
    """A video of that length without a picture: header, metadata, and a tag for each second."""
    metadata = b"\x02" + _amf_text("onMetaData") + b"\x08" + struct.pack(">I", 1)
    metadata += _amf_text("duration") + b"\x00" + struct.pack(">d", seconds) + b"\x00\x00\x09"
    end_of_sequence = bytes.fromhex("17 02 000000")
    tags = [_flv_tag(18, 0, metadata)]
    tags += [_flv_tag(9, second * 1000, end_of_sequence) for second in range(seconds)]
    return b"FLV\x01\x01" + struct.pack(">II", 9, 0) + b"".join(tags)


def _flv_tag(kind: int, milliseconds: int, body: bytes) -> bytes:
    head = bytes([kind]) + len(body).to_bytes(3) + (milliseconds & 0xFFFFFF).to_bytes(3)
    head += bytes([milliseconds >> 24]) + bytes(3)
    return head + body + struct.pack(">I", len(head) + len(body))


def _amf_text(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()


def _picture(content: bytes) -> File:
    return File(content, "image/png" if content.startswith(b"\x89PNG") else "image/jpeg")


def _video(seconds: int) -> File:
    return File(flv(seconds), "video/x-flv")


def _face(state: CameraState, match: re.Match[str]) -> File:
    picture = state.library.portraits.get(match[1])
    if picture is None:
        raise _not_there()
    return _picture(picture)


def _snap(state: CameraState, match: re.Match[str]) -> File:
    _check_since_format(state, int(match[1]) / 1000)
    return _picture(JPEG)


def _detection(state: CameraState, match: re.Match[str]) -> File:
    _check_since_format(state, int(match[1]))
    return _video(_DETECTION_SECONDS)


def _record(state: CameraState, match: re.Match[str]) -> File:
    start, end = read_stamp(match[1]), read_stamp(match[2])
    if (start, end) not in state.card.records(start, end, state.now()):
        raise _not_there()
    return _video(end - start)


def _clip(state: CameraState, match: re.Match[str]) -> File:
    milliseconds, preceding, following = map(int, match.groups())
    _check_since_format(state, milliseconds / 1000)
    if state.now() < clip_ready_at(state, milliseconds, following):
        raise RefusalError(Code.CLIP_FRAGMENT_NOT_READY)
    return _video(preceding + following)


def _snapshot(state: CameraState, match: re.Match[str]) -> File:
    if read_stamp(match[1]) < int(state.booted_at):
        raise _not_there()
    return _picture(JPEG)


def _not_there() -> RefusalError:
    return RefusalError(Code.URL_NOT_FOUND)


def _check_since_format(state: CameraState, moment: float) -> None:
    if moment < state.card.formatted_at:
        raise _not_there()


_KINDS: dict[str, Callable[[CameraState, re.Match[str]], File]] = {
    rf"{CARD}/sunmi_image/face/(\w+)\.jpg": _face,
    rf"{CARD}/sunmi_image/snap/(\d+)_\d+\.jpg": _snap,
    rf"{CARD}/sunmi_video/video_detect/(\d+)\.flv": _detection,
    rf"{CARD}/sunmi_video/video_plan/(\d+)_(\d+)\.flv": _record,
    rf"{CARD}/video_slicer/(\d+)_(\d)_(\d)\.flv": _clip,
    rf"{SNAPSHOTS}/[\w-]+_(\d+)\.jpg": _snapshot,
}
"""By their place on the camera; only addresses that it signed itself come here."""
