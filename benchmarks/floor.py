"""The floor: the least that does a bridge's job, to measure the daemon against.

TLS connect, signed CONNECT, SUBSCRIBE, parse, JSON to MQTT with QoS 1 in a sliding window, and PUBACK
to the camera once the broker has the event. Nothing else: no journal, no reconnect, no discovery, no
checks beyond the CRC. Run as ``python -m benchmarks.floor SETTINGS.json``; see :class:`Settings`.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import ssl
import struct
import sys
import time
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import orjson
import uvloop

from benchmarks import raw_mqtt

FLAG = bytes.fromhex("FF3E3EFF")
CONNECT, CONNACK, PINGREQ, SUBSCRIBE, PUBLISH, PUBACK = 1, 2, 3, 5, 9, 10
HEADER = struct.Struct(">4sBBH")
KNOWN = frozenset(
    {"event_id", "event_type", "sn", "report_time", "faceid", "cloud_faceid", "group_name"}
    | {"gender", "age", "age_range", "arrive_times", "pic_url"}
)
KEEP_ALIVE = 30
MAX_WAITING = 1_000
"""Events that wait for the broker before cameras are not read any more."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where everything is; ``cameras`` are (serial, host)."""

    broker: tuple[str, int]
    cameras: list[tuple[str, str]]
    channel_port: int
    app_id: str
    secret_key: str


class Broker(asyncio.Protocol):
    """Publishes in a sliding window, many packets in one write."""

    def __init__(self) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.cameras: list[Camera] = []
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._waiting: deque[tuple[bytes, bytes, Callable[[], None]]] = deque()
        self._in_flight: dict[int, Callable[[], None]] = {}
        self._last_id = 0
        self._window = 0
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See :class:`asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(raw_mqtt.connect("benchmark-floor"))

    def data_received(self, data: bytes) -> None:
        """See :class:`asyncio.Protocol`."""
        self._buffer += data
        for kind, body in raw_mqtt.packets(self._buffer):
            if kind == raw_mqtt.PUBACK:
                self._in_flight.pop(int.from_bytes(body[:2]))()
            elif kind == raw_mqtt.CONNACK:
                self._window = raw_mqtt.receive_maximum(bytes(body))
                self.ready.set_result(None)
        self.flush()
        for camera in self.cameras:
            camera.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """See :class:`asyncio.Protocol`."""
        sys.exit(f"the broker went away: {exc}")

    def publish(self, topic: bytes, payload: bytes, on_done: Callable[[], None]) -> None:
        """Queue a publication; ``on_done`` is called when the broker has it."""
        self._waiting.append((topic, payload, on_done))

    def flush(self) -> None:
        """Write as much as the window takes."""
        batch = []
        while self._waiting and len(self._in_flight) < self._window:
            topic, payload, on_done = self._waiting.popleft()
            self._last_id = self._last_id % 65_535 + 1
            self._in_flight[self._last_id] = on_done
            head = struct.pack(">H", len(topic)) + topic + struct.pack(">HB", self._last_id, 0)
            batch.append(raw_mqtt.packet(0x32, head + payload))
        if batch and self._transport is not None:
            self._transport.write(b"".join(batch))
        if self._paused != (len(self._waiting) > MAX_WAITING):
            self._paused = not self._paused
            for camera in self.cameras:
                camera.pause(self._paused)


class Camera(asyncio.Protocol):
    """One message channel."""

    def __init__(self, settings: Settings, sn: str, broker: Broker) -> None:
        self._settings = settings
        self._sn = sn
        self._broker = broker
        self._topic = f"ipc_bridge/camera/{sn}/event/face".encode()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._outgoing: list[bytes] = []
        self._count = 0
        broker.cameras.append(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See :class:`asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)
        params = {
            "app_id": self._settings.app_id,
            "keep_alive": str(KEEP_ALIVE),
            "random": f"{secrets.randbelow(10**10):010d}",
            "timestamp": str(int(time.time())),
        }
        joined = "&".join(f"{name}={value}" for name, value in params.items()) + f"&key={self._settings.secret_key}"
        sign = hashlib.md5(joined.encode(), usedforsecurity=False).hexdigest().upper()
        self._send(CONNECT, {**params, "keep_alive": KEEP_ALIVE, "sign": sign})
        self.flush()
        self._heartbeat_later()

    def data_received(self, data: bytes) -> None:
        """See :class:`asyncio.Protocol`."""
        self._buffer += data
        buffer, start = self._buffer, 0
        while len(buffer) - start >= HEADER.size:
            flag, _version, kind, length = HEADER.unpack_from(buffer, start)
            end = start + HEADER.size + length + 4
            if len(buffer) < end:
                break
            payload = bytes(buffer[start + HEADER.size : end - 4])
            if flag != FLAG or zlib.crc32(payload) != int.from_bytes(buffer[end - 4 : end]):
                sys.exit(f"{self._sn} sent a damaged frame")
            start = end
            self._handle(kind, payload)
        del buffer[:start]
        self._broker.flush()
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """See :class:`asyncio.Protocol`."""
        sys.exit(f"{self._sn} went away: {exc}")

    def flush(self) -> None:
        """Write what was queued."""
        if self._outgoing and self._transport is not None:
            self._transport.write(b"".join(self._outgoing))
            self._outgoing.clear()

    def pause(self, paused: bool) -> None:
        """Read no more, or again."""
        if self._transport is not None:
            (self._transport.pause_reading if paused else self._transport.resume_reading)()

    def _handle(self, kind: int, payload: bytes) -> None:
        if kind == PUBLISH:
            event = orjson.loads(payload)
            event_id = event["event_id"]
            self._broker.publish(self._topic, self._message(event), lambda: self._send(PUBACK, {"event_id": event_id}))
        elif kind == CONNACK:
            if orjson.loads(payload)["code"] != 0:
                sys.exit(f"{self._sn} refuses: {payload!r}")
            self._send(SUBSCRIBE, {"event_list": ["dynamic_detect_event", "face_recog_event"]})

    def _message(self, event: dict[str, Any]) -> bytes:
        """The contract's keys, with the camera's values as they are: a message of the same size."""
        self._count += 1
        return orjson.dumps(
            {
                "uid": f"{self._sn}:face:{event['event_id']}:{event['report_time']}",
                "event_type": "member",
                "sn": self._sn,
                "camera": f"FM020 {self._sn[-4:]}",
                "seq": self._count,
                "epoch": 1_790_000_000,
                "event_id": event["event_id"],
                "time": datetime.fromtimestamp(event["report_time"], UTC).isoformat(timespec="milliseconds"),
                "received_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "late": False,
                "transport": "channel",
                "face_id": event.get("faceid"),
                "cloud_face_id": event.get("cloud_faceid"),
                "group": event.get("group_name"),
                "gender": event.get("gender"),
                "age": event.get("age"),
                "age_range": event.get("age_range"),
                "arrivals": event.get("arrive_times"),
                "picture_url": event.get("pic_url"),
                "attributes": {key: value for key, value in event.items() if key not in KNOWN},
            }
        )

    def _send(self, kind: int, fields: dict[str, Any] | None = None) -> None:
        payload = b"" if fields is None else orjson.dumps(fields)
        head = HEADER.pack(FLAG, 1, kind, len(payload))
        self._outgoing.append(head + payload + zlib.crc32(payload).to_bytes(4))

    def _heartbeat_later(self) -> None:
        asyncio.get_running_loop().call_later(KEEP_ALIVE, self._heartbeat)

    def _heartbeat(self) -> None:
        self._send(PINGREQ)
        self.flush()
        self._heartbeat_later()


async def run(settings: Settings) -> None:
    """Bridge until the process is ended."""
    loop = asyncio.get_running_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _, broker = await loop.create_connection(Broker, *settings.broker)
    await broker.ready

    def connect(sn: str, host: str) -> Any:
        return loop.create_connection(lambda: Camera(settings, sn, broker), host, settings.channel_port, ssl=context)

    await asyncio.gather(*(connect(sn, host) for sn, host in settings.cameras))
    await loop.create_future()


if __name__ == "__main__":
    uvloop.run(run(Settings(**orjson.loads(Path(sys.argv[1]).read_bytes()))))
