"""Videos on a camera: which there are, and the names that they get here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ipc_bridge.catalog.codes import RECORD_NOT_EXIST
from ipc_bridge.catalog.device import GET_RECORD_LIST
from ipc_bridge.device.api import CameraApi
from ipc_bridge.errors import RefusedError
from ipc_bridge.journal.history import MAX_LIMIT, Query, read_events
from ipc_bridge.models import MotionEvent

PAGE = 100
"""Recordings in one answer."""
MAX_PAGES = 1_000
"""More than two months of recordings: a camera's card has room for a week or two."""
_LATEST = 4_102_444_800
"""2100-01-01: what is later is no time."""


@dataclass(frozen=True, slots=True)
class Video:
    """One on the camera.

    ``name`` is that of its file here; ``begin`` and ``end`` are Unix seconds, ``end`` None where only the camera knows.
    """

    name: str
    begin: float
    end: float | None
    url: str


def video_name(sn: str, begin: float, what: str) -> str:
    """The name of a file: unlike any other's, also in the hour that comes twice."""
    return f"{sn}_{datetime.fromtimestamp(begin).astimezone():%Y%m%dT%H%M%S%z}_{what}.flv"


async def list_recordings(api: CameraApi, sn: str, begin: int, end: int) -> list[Video]:
    """Return what the camera recorded in a period, oldest first.

    Raises:
        DeviceError: it does not tell.
    """
    found: dict[int, Video] = {}
    for page in range(1, MAX_PAGES + 1):
        try:
            data = await api.call(GET_RECORD_LIST, start_time=begin, end_time=end, page_num=page, page_size=PAGE)
        except RefusedError as error:
            # None at all, or no such page: the last one was full.
            if error.code != RECORD_NOT_EXIST:
                raise
            break
        records = GET_RECORD_LIST.read(data)["record_list"] or []
        for record in records:
            first, last, url = record["start_time"], record["end_time"], record["url"]
            if first is not None and last is not None and url and 0 <= first <= last < _LATEST:
                found[first] = Video(video_name(sn, first, f"{last - first}s"), first, last, url)
        if len(records) < PAGE:
            break
    return [found[first] for first in sorted(found)]


def list_detections(journal: Path, sn: str, begin: int, end: int) -> list[Video]:
    """Return the videos of the motion events that the bridge received in a period, oldest first; blocks.

    Raises:
        StorageError: the journal cannot be read.
    """
    return [
        Video(video_name(sn, event.time, f"motion_{event.event_id}"), event.time, None, event.video_url)
        for event in _motion_events(journal, sn, begin)
        if event.video_url is not None and event.received_at <= end
    ]


def _motion_events(journal: Path, sn: str, begin: int) -> Iterator[MotionEvent]:
    query = Query(sn, since=float(begin), limit=MAX_LIMIT)
    while page := read_events(journal, query):
        yield from (entry.event for entry in page if isinstance(entry.event, MotionEvent))
        query = Query(sn, after=page[-1].position, limit=MAX_LIMIT)
