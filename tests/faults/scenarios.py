"""Every fault, as one table, and how one is played."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.harness import Site
from tests.faults import bridges, brokers, cameras, disks
from tests.faults.judge import Verdict
from tests.faults.scene import LostError, Scene


@dataclass(frozen=True, slots=True)
class Extent:
    """How often a fault happens, and how many events happen meanwhile."""

    times: int
    events: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row: the fault in words, what plays it, and its two extents."""

    fault: str
    play: Callable[[Scene], Awaitable[None]]
    short: Extent
    full: Extent

    @property
    def name(self) -> str:
        """For the command line: ``brokers.killed``."""
        return f"{self.play.__module__.rpartition('.')[2]}.{self.play.__name__}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one. ``recovery`` is the longest in seconds; memory and journal are the largest, in bytes."""

    verdict: Verdict
    times: int
    recovery: float
    memory: int
    journal: int


SCENARIOS = (
    Scenario("bridge killed (-9) at random moments", bridges.killed, Extent(8, 600), Extent(200, 10_000)),
    Scenario("bridge and broker killed together", bridges.killed_with_its_broker, Extent(4, 1_600), Extent(20, 10_000)),
    Scenario("broker killed (-9) and restarted", brokers.killed, Extent(3, 1_200), Extent(8, 8_000)),
    Scenario("broker unreachable for thousands of events", brokers.unreachable, Extent(1, 12_000), Extent(3, 60_000)),
    Scenario("broker that never acknowledges", brokers.never_acknowledges, Extent(1, 1_000), Extent(3, 15_000)),
    Scenario("broker that forgot what it retained", brokers.forgets, Extent(1, 100), Extent(5, 1_000)),
    Scenario("client id taken over by another client", brokers.client_id_taken_over, Extent(1, 100), Extent(2, 400)),
    Scenario("clock stepped an hour, forward and back", bridges.clock_stepped, Extent(1, 100), Extent(5, 1_000)),
    Scenario(
        "clock set back while the bridge is down", bridges.clock_set_back_while_down, Extent(1, 50), Extent(6, 600)
    ),
    Scenario(
        "connection reset in the middle of a frame", cameras.reset_inside_a_frame, Extent(2, 200), Extent(8, 4_000)
    ),
    Scenario("half-open connection to a camera", cameras.half_open, Extent(1, 100), Extent(4, 2_000)),
    Scenario("camera silent", cameras.silent, Extent(1, 100), Extent(4, 2_000)),
    Scenario(
        "events kept back by a camera with a slow clock", cameras.slow_and_kept_back, Extent(1, 20), Extent(5, 500)
    ),
    Scenario("camera rebooted", cameras.rebooted, Extent(2, 200), Extent(8, 2_000)),
    Scenario("camera at a new address", cameras.moved, Extent(1, 100), Extent(10, 2_000)),
    Scenario("every event sent twice", cameras.duplicates, Extent(1, 300), Extent(1, 5_000)),
    Scenario("event ids that begin again", cameras.ids_begin_again, Extent(3, 300), Extent(20, 4_000)),
    Scenario(
        "acknowledged events sent again, over restarts",
        cameras.acknowledged_and_sent_again,
        Extent(1, 100),
        Extent(5, 1_000),
    ),
    Scenario("floods of events", cameras.floods, Extent(1, 4_000), Extent(5, 60_000)),
    Scenario("disk full", disks.full, Extent(1, 400), Extent(5, 4_000)),
    Scenario("journal read-only at the start", disks.read_only, Extent(2, 200), Extent(6, 1_000)),
    Scenario("journal out of reach at the start", disks.out_of_reach, Extent(2, 200), Extent(6, 1_000)),
    Scenario("journal's header damaged", disks.header_damaged, Extent(1, 100), Extent(5, 1_000)),
    Scenario("journal's write-ahead log damaged", disks.log_damaged, Extent(1, 100), Extent(5, 1_000)),
    Scenario("journal damaged while events wait", disks.damaged_while_events_wait, Extent(1, 200), Extent(5, 2_000)),
    Scenario("journal's pages damaged while it runs", disks.pages_damaged, Extent(1, 200), Extent(5, 2_000)),
)


async def play(scenario: Scenario, extent: Extent, site: Site) -> Outcome:
    """Let the fault happen and return what came of it.

    Raises:
        AssertionError: the bridge did not do what it had to do meanwhile.
    """
    scene = Scene(site, extent.times, extent.events)
    async with site:
        # The verdict says how many.
        with contextlib.suppress(LostError):
            await scenario.play(scene)
        scene.measure()
        verdict = scene.verdict()
    assert not site.bugs(), site.bugs()[:10]
    return Outcome(
        verdict, extent.times, max(scene.recoveries, default=math.inf), scene.peak_memory, scene.peak_journal
    )


def site_at(directory: Path) -> Site:
    """A place to play in."""
    directory.mkdir(parents=True, exist_ok=True)
    return Site(directory)
