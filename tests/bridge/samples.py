"""Clocks and events that tests bring along."""

from __future__ import annotations

from typing import Any

from ipc_bridge.journal.entry import Entry
from ipc_bridge.models import FaceEvent, MotionEvent, OtherEvent, Transport

SN = "FS101D8BS00106"
NOW = 1_593_029_283.412
"""2020-06-24T20:08:03.412Z."""


class StoppedClock:
    """A clock that goes on only when it is told to."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now
        self.mono = 1000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.mono

    @property
    def boot(self) -> str:
        return "boot"

    def go_on(self, seconds: float) -> None:
        self.now += seconds
        self.mono += seconds


def head(kind: str, event_id: int, sn: str, **changes: Any) -> dict[str, Any]:
    return {
        "uid": f"{sn}:{kind}:{event_id}:{int(NOW)}",
        "sn": sn,
        "camera": "Front door",
        "event_id": event_id,
        "time": float(int(NOW)),
        "received_at": NOW,
        "transport": Transport.CHANNEL,
        **changes,
    }


def motion_event(event_id: int = 1, sn: str = SN, *found: str, **changes: Any) -> MotionEvent:
    kinds = found or ("motion",)
    return MotionEvent(
        **head("motion", event_id, sn, **changes),
        motion="motion" in kinds,
        sound="sound" in kinds,
        human="human" in kinds,
        video_url="https://camera.invalid/1.mp4",
    )


def face_event(event_id: int = 1, sn: str = SN, **changes: Any) -> FaceEvent:
    details = {
        "face_id": "00000001",
        "cloud_face_id": "8798765433",
        "group": "vip",
        "gender": "female",
        "age": 10,
        "age_range": "7-12",
        "arrivals": 4,
        "picture_url": "https://camera.invalid/1.jpg",
        "attributes": {"vip_level": "1", "hobby": "tennis"},
    }
    return FaceEvent(**{**head("face", event_id, sn), **details, **changes})


def other_event(event_id: int = 1, sn: str = SN, **raw: Any) -> OtherEvent:
    return OtherEvent(**head("other", event_id, sn), raw={"event_type": "smoke", "event_id": event_id, **raw})


def entry(event: MotionEvent | FaceEvent | OtherEvent, seq: int | None = None, received_mono: float = 1000.0) -> Entry:
    number = (event.event_id or 0) if seq is None else seq
    return Entry(number, number, 1_590_000_000, event, received_mono, "boot")
