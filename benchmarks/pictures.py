"""Whether pictures hold events up: the same faces, their pictures fetched and not, in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.load import Paced
from benchmarks.measure import SETTLE, WARM_UP, Phase, bench
from benchmarks.peers import daemon_with
from benchmarks.processes import resident_megabytes

CAMERAS = 50
SIZE = 60_000
"""Bytes of a face as a camera cuts it out."""
SLOW = Paced(20.0, 15.0)
"""Every picture is fetched."""
FAST = Paced(2_000.0, 5.0)
"""There is seldom time for one."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one start of the daemon showed; memory in MB."""

    memory_idle: float
    memory_after: float
    slow: Phase
    fast: Phase


FIGURES: dict[str, Callable[[Run], float]] = {
    "20/s: p50, ms": lambda run: run.slow.arrivals.p50,
    "  p99, ms": lambda run: run.slow.arrivals.p99,
    "  CPU, us an event": lambda run: run.slow.cpu_per_event,
    "2,000/s: p50, ms": lambda run: run.fast.arrivals.p50,
    "  p99, ms ": lambda run: run.fast.arrivals.p99,
    "  CPU, us an event ": lambda run: run.fast.cpu_per_event,
    "lost": lambda run: run.slow.lost + run.fast.lost,
    "memory with cameras, MB": lambda run: run.memory_idle,
    "  after all this, MB": lambda run: run.memory_after,
}


@dataclass(frozen=True, slots=True)
class Effect:
    """One of :data:`FIGURES`: its medians with pictures and without."""

    name: str
    with_pictures: float
    without: float


def measure_pictures(repeat: int) -> list[Effect]:
    """Measure with pictures and without, so many times in turn, because machines change their minds."""
    runs: dict[bool, list[Run]] = {True: [], False: []}
    for number in range(2 * repeat):
        enabled = number % 2 == 0
        runs[enabled].append(_run(enabled=enabled))
    return [Effect(name, *(statistics.median(map(of, each)) for each in runs.values())) for name, of in FIGURES.items()]


def _run(*, enabled: bool) -> Run:
    with bench(daemon_with(pictures={"enabled": enabled}), CAMERAS, SIZE) as site:
        time.sleep(SETTLE)
        memory_idle = resident_megabytes(site.peer_pid)
        site.run(Paced(100.0, WARM_UP))
        slow, fast = site.run(SLOW), site.run(FAST)
        return Run(memory_idle, resident_megabytes(site.peer_pid), slow, fast)
