"""The contract's JSON payloads, as bytes ready to publish."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from ipc_bridge.journal.entry import Entry
from ipc_bridge.models import CameraInfo, Status

CONTRACT_VERSION = 1


def encode(value: Any) -> bytes:
    """Compact UTF-8 JSON."""
    return orjson.dumps(value)


def rfc3339(unix_seconds: float) -> str:
    """UTC with milliseconds, such as ``2026-11-22T17:00:07.123Z``."""
    second, microsecond = divmod(round(unix_seconds * 1_000_000), 1_000_000)
    return f"{_second(second)}.{microsecond // 1000:03}Z"


# Events come many to a second.
@lru_cache(maxsize=16)
def _second(unix_seconds: int) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def event_payload(entry: Entry, *, late: bool) -> bytes:
    """An event as it goes out now: whether it is late is decided at each sending."""
    event = entry.event
    return orjson.dumps(
        {
            "uid": event.uid,
            "event_type": event.event_type,
            "sn": event.sn,
            "camera": event.camera,
            "seq": entry.seq,
            "epoch": entry.epoch,
            "event_id": event.event_id,
            "time": rfc3339(event.time),
            "received_at": rfc3339(event.received_at),
            "late": late,
            "transport": event.transport.value,
            **event.details(),
            **({} if event.shop is None else {"shop": event.shop}),
        }
    )


def info_payload(info: CameraInfo) -> bytes:
    """``camera/<sn>/info``."""
    return encode(
        {
            "sn": info.sn,
            "name": info.name,
            "model": info.model_name,
            "host": info.host,
            "mac": info.mac,
            "firmware": info.firmware,
            "hardware": info.hardware,
            "streams": {"hd": info.stream_hd, "fhd": info.stream_fhd},
        }
    )


def cameras_list(cameras: Iterable[tuple[CameraInfo, Status, str | None]]) -> list[dict[str, Any]]:
    """``bridge/cameras``: each camera with its status and the reason for it."""
    return [
        {
            "sn": info.sn,
            "name": info.name,
            "model": info.model_name,
            "host": info.host,
            "mac": info.mac,
            "firmware": info.firmware,
            "status": status.value,
            "reason": reason,
        }
        for info, status, reason in cameras
    ]


def snapshot(info: CameraInfo, status: Status, reason: str | None, state: Mapping[str, Any]) -> dict[str, Any]:
    """A camera as plugins see it; nothing of it changes later."""
    return {
        "sn": info.sn,
        "name": info.name,
        "model": info.model_name,
        "host": info.host,
        "firmware": info.firmware,
        "status": status.value,
        "reason": reason,
        "state": dict(state),
    }


def bridge_info_payload(version: str, started_at: float, known: int, online: int, plugins: Iterable[str] = ()) -> bytes:
    """``bridge/info``; ``plugins`` are the names of those that are loaded."""
    return encode(
        {
            "version": version,
            "contract": CONTRACT_VERSION,
            "started_at": rfc3339(started_at),
            "cameras": {"known": known, "online": online},
            "plugins": list(plugins),
        }
    )
