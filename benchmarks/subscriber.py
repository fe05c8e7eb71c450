"""The subscriber: a process that counts what arrives, finds copies, and measures how long it took."""

from __future__ import annotations

import contextlib
import ctypes
import re
import socket
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait

from benchmarks import raw_mqtt

TOPIC = "ipc_bridge/camera/+/event/face"
MAX_KEPT = 2_000_000
"""Events of one measurement that are remembered: far more than any has."""
_STAMP = re.compile(rb'"sent":"(\d+) (\d+)"')


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What came since the last reset; latencies in milliseconds, from the camera's side of the socket to here."""

    unique: int
    copies: int
    p50: float
    p99: float


class Counter:
    """Keeps count of what the broker sends.

    Args:
        received: where everybody can see how many different events came.
    """

    def __init__(self, received: ctypes.c_longlong) -> None:
        self._received = received
        self._buffer = bytearray()
        self._numbers: set[int] = set()
        self._latencies: list[int] = []
        self._copies = 0

    def feed(self, data: bytes) -> None:
        """Count what is in ``data``."""
        self._buffer += data
        now = time.monotonic_ns()
        for kind, body in raw_mqtt.packets(self._buffer):
            if kind == raw_mqtt.PUBLISH and (stamp := _STAMP.search(body)) is not None:
                self._count(int(stamp[1]), now - int(stamp[2]))
        self._received.value = len(self._numbers)

    def take(self) -> Arrivals:
        """The figures since the last time; counting begins anew."""
        ordered = sorted(self._latencies) or [0]
        p50, p99 = (ordered[int(share * (len(ordered) - 1))] / 1e6 for share in (0.5, 0.99))
        arrivals = Arrivals(len(self._numbers), self._copies, p50, p99)
        self._numbers.clear()
        self._latencies.clear()
        self._copies = 0
        self._received.value = 0
        return arrivals

    def _count(self, number: int, latency: int) -> None:
        if number in self._numbers:
            self._copies += 1
        elif len(self._numbers) < MAX_KEPT:
            self._numbers.add(number)
            self._latencies.append(latency)


def main(broker: tuple[str, int], received: ctypes.c_longlong, control: Connection) -> None:
    """Subscribe, say so, and answer every word on ``control`` with the figures so far; its end is the end."""
    counter = Counter(received)
    with contextlib.suppress(EOFError), socket.create_connection(broker) as stream:
        stream.sendall(raw_mqtt.connect("benchmark-subscriber") + raw_mqtt.subscribe(TOPIC))
        control.send(counter.take())
        while True:
            ready = wait([stream, control])
            if stream in ready:
                data = stream.recv(1 << 20)
                if not data:
                    return
                # The kernel would acknowledge up to 40 ms late, and mosquitto's Nagle algorithm wait for that:
                # a matter between those two, which hides what the peers take. Holds until the next packet only.
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                counter.feed(data)
            elif control in ready:
                control.recv()
                control.send(counter.take())
