"""The journal alone: how many events it takes, how long an acknowledgement waits for it, and what it writes.

The reference is a file that each event is appended to and flushed to the disk: less is not possible where an event
is to be safe before it is acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvloop

from ipc_bridge.clock import SystemClock
from ipc_bridge.journal.entry import dump_event
from ipc_bridge.journal.journal import Journal
from ipc_bridge.journal.store import FILE_NAME, JournalStore
from ipc_bridge.models import Event, FaceEvent, Transport

CAMERAS = 50
SATURATED = 20_000
"""Events, with :data:`UNDER_WAY` of them waiting."""
UNDER_WAY = 1_000
PACED = ((20.0, 200), (2_000.0, 8_000))
"""Events a second, and how many."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one kind of load showed: seconds from an event's receipt to the moment when it is safe."""

    name: str
    rate: float
    waits: list[float]
    written: int
    """Bytes that went to the disk."""

    @property
    def p50(self) -> float:
        """Milliseconds."""
        return statistics.median(self.waits) * 1e3

    @property
    def p99(self) -> float:
        """Milliseconds."""
        return sorted(self.waits)[int(len(self.waits) * 0.99)] * 1e3

    @property
    def kilobytes_per_thousand(self) -> float:
        """Written for each 1,000 events."""
        return self.written / len(self.waits)


Append = Callable[[Event, Callable[[], None]], None]


def measure_journal() -> dict[str, list[Load]]:
    """Measure the journal and the reference, each under the same loads."""
    return {"journal": uvloop.run(_journal()), "flushed file": uvloop.run(_file())}


async def _journal() -> list[Load]:
    clock = SystemClock()
    with _directory() as directory:
        journal = Journal(JournalStore(directory / FILE_NAME, clock, 1e9, 10**9), clock)
        await journal.open()
        try:
            return await _loads(journal.append)
        finally:
            await journal.close()


async def _file() -> list[Load]:
    with _directory() as directory, (directory / "events").open("wb", buffering=0) as file:

        def append(event: Event, on_safe: Callable[[], None]) -> None:
            file.write(dump_event(event).encode() + b"\n")
            os.fdatasync(file.fileno())
            on_safe()

        return await _loads(append)


async def _loads(append: Append) -> list[Load]:
    loads = [await _measure("saturated", SATURATED, append, _saturated)]
    for rate, count in PACED:
        loads.append(await _measure(f"{rate:,.0f}/s", count, append, partial(_paced, rate)))
    return loads


async def _measure(
    name: str,
    count: int,
    append: Append,
    pace: Callable[[Callable[[], None], Callable[[], int]], Awaitable[None]],
) -> Load:
    waits: list[float] = []
    sent = 0
    all_safe = asyncio.Event()

    def send() -> None:
        nonlocal sent
        began = time.perf_counter()

        def safe() -> None:
            waits.append(time.perf_counter() - began)
            if len(waits) == count:
                all_safe.set()

        sent += 1
        append(_event(name, sent), safe)
        if sent == count:
            raise _EnoughError

    before, began = _written(), time.perf_counter()
    try:
        await pace(send, lambda: sent - len(waits))
    except _EnoughError:
        await all_safe.wait()
    return Load(name, count / (time.perf_counter() - began), waits, _written() - before)


class _EnoughError(Exception):
    """All events are sent."""


async def _saturated(send: Callable[[], None], under_way: Callable[[], int]) -> None:
    while True:
        while under_way() < UNDER_WAY:
            send()
            if under_way() == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0)


async def _paced(rate: float, send: Callable[[], None], _under_way: Callable[[], int]) -> None:
    chance = random.Random(1)
    due = time.perf_counter()
    while True:
        while due <= time.perf_counter():
            send()
            due += chance.expovariate(rate)
        await asyncio.sleep(max(due - time.perf_counter(), 0.0))


def _event(name: str, number: int) -> FaceEvent:
    sn = f"FS101D8BS{number % CAMERAS:05}"
    now = time.time()
    return FaceEvent(
        uid=f"{sn}:face:{name}{number}:{int(now)}",
        sn=sn,
        camera="Front door",
        event_id=number,
        time=float(int(now)),
        received_at=now,
        transport=Transport.CHANNEL,
        face_id="00000001",
        cloud_face_id="8798700000001",
        group="vip",
        gender="female",
        age=10,
        age_range="7-12",
        arrivals=4,
        picture_url=f"https://192.168.1.60/picture/{int(now)}_0123456789abcdef0123456789abcdef_1.jpg",
        attributes={"vip_level": "1", "hobby": "tennis"},
    )


def _written() -> int:
    """Bytes that this process has had written to a disk."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["write_bytes"])


@contextmanager
def _directory() -> Iterator[Path]:
    # Not under /tmp, which may be in memory.
    with tempfile.TemporaryDirectory(prefix=".benchmark-", dir=Path.cwd()) as name:
        yield Path(name)
