"""What a fault happens to: cameras, a bridge and a broker as processes of their own, and a consumer."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.harness import Broker, Daemon, Relay, Site, Subscriber, eventually
from tests.faults.consumer import Consumer
from tests.faults.judge import Verdict, judge
from tests.faults.witness import Witness

MAX_AGE = 2.0
"""``events.max_age`` here. Cameras report whole seconds: with less, what is fresh could be late."""
SLACK = 2.0
"""Seconds that an event may take from the bridge to the consumer on a busy machine."""
RECOVERY = 150.0
"""Seconds within which all is well again, whatever happened: the bridge's waits are 60 s at most, and 120 s where it
is kicked a second time for its client id."""
REMEMBERED = 100_000
"""Events that a camera keeps the book of: all of them."""
OPTIONS = ("allow_anonymous true", "max_queued_messages 0", "max_inflight_messages 65535")
"""So that the broker keeps nothing back from the consumer, and drops nothing: it is not what is tested."""
SERIALS = ("FS101D8BS00101", "FS101D8BS00102", "FS101D8BS00103")
BRIDGE = "ipc_bridge/bridge"


class LostError(Exception):
    """What a camera saw acknowledged does not come: there is nothing more to wait for, and much to judge."""


@dataclass
class Scene:
    """One run of one fault.

    Args:
        site: where it all happens.
        times: how often the fault is to happen.
        events: about how many events are to happen meanwhile.
    """

    site: Site
    times: int
    events: int
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    witnesses: list[Witness] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)
    """Seconds from the end of each fault until every event had come, a fresh one included."""
    peak_memory: int = 0
    """Bytes of the bridge that were in RAM at a time."""
    peak_journal: int = 0
    """Bytes of the journal's files."""

    broker: Broker = field(init=False)
    relay: Relay = field(init=False)
    """The bridge's way to the broker, where the scene was opened with one."""
    consumer: Consumer = field(init=False)
    hub: Subscriber = field(init=False)
    """Hears what the bridge tells of itself and of its cameras."""
    daemon: Daemon = field(init=False)

    # Beginning and end.

    async def open(
        self,
        *,
        cameras: int = 1,
        persistence: bool = False,
        relayed: bool = False,
        settings: Mapping[str, Any] | None = None,
        entry: Mapping[str, Any] | None = None,
        program: Iterable[str | Path] = ("ipc_bridge", "run"),
        **config: Any,
    ) -> None:
        """Start everything; return when all cameras are subscribed.

        Args:
            cameras: how many.
            persistence: whether the broker keeps its sessions and retained messages over a kill.
            relayed: whether the bridge reaches the broker through :attr:`relay`.
            settings: of the cameras.
            entry: what the configuration says about each camera, beside its serial number and address.
            program: see :class:`Daemon`.
            **config: sections of the configuration.
        """
        self.broker = await self.site.broker(*OPTIONS, persistence=persistence)
        self.consumer = Consumer(self.broker.port)
        self.site.at_end(self.consumer.stop)
        await self.consumer.start()
        self.hub = await self.site.subscriber(
            self.broker.port, (f"{BRIDGE}/+", "ipc_bridge/camera/+/status", "test/marker")
        )
        for sn in SERIALS[:cameras]:
            traits = {"remember_events": REMEMBERED, "resend_unacknowledged": True, **(settings or {})}
            self.witnesses.append(Witness(await self.site.camera(sn, **traits)))
        if relayed:
            self.relay = await self.site.relay(self.broker)
        entries = [
            {"sn": witness.camera.sn, "host": witness.camera.host, **(entry or {})} for witness in self.witnesses
        ]
        defaults: dict[str, Any] = {
            "cameras": entries,
            "discovery": {"enabled": False},
            "homeassistant": {"enabled": False},
            "events": {"max_age": MAX_AGE, "off_delay": 1},
            "log": {"level": "info"},
        }
        self.daemon = await self.site.daemon(
            self.relay if relayed else self.broker, program=program, **{**defaults, **config}
        )
        await self.watched()

    def verdict(self) -> Verdict:
        """What went wrong until now."""
        happened: dict[str, float] = {}
        for witness in self.witnesses:
            happened |= witness.happened
        return judge(self.acknowledged, happened, self.consumer.deliveries, self.consumer.switched_on, MAX_AGE + SLACK)

    # What happens.

    @property
    def camera(self) -> Witness:
        """The first camera."""
        return self.witnesses[0]

    @property
    def acknowledged(self) -> set[str]:
        """The uids of all events that a camera saw acknowledged."""
        return set().union(*(witness.acknowledged for witness in self.witnesses))

    @property
    def share(self) -> int:
        """The events of one of the times."""
        return max(self.events // self.times, 1)

    async def watched(self) -> None:
        """Return when the bridge is subscribed to every camera."""
        for witness in self.witnesses:
            await witness.camera.wait_for_subscriber(timeout=RECOVERY)

    async def kill_bridge(self) -> None:
        """SIGKILL."""
        self.measure()
        await self.daemon.kill()

    async def stop_bridge(self) -> None:
        """SIGTERM."""
        self.measure()
        assert await self.daemon.stop() == 0

    async def taken_over(self) -> None:
        """Return when the bridge has acknowledged every event."""
        for witness in self.witnesses:
            await witness.camera.wait_for_all_acknowledged(RECOVERY)

    async def all_delivered(self) -> None:
        """Return when the bridge has acknowledged every event, and the consumer has got it."""
        await self.taken_over()
        await self.arrived(self.acknowledged)

    async def arrived(self, uids: Iterable[str]) -> None:
        """Return when the consumer has got these, whether or not a camera knows that the bridge has them.

        Raises:
            LostError: it has not, and will not.
        """
        expected = set(uids)
        try:
            await self.consumer.wait_until(
                lambda: len(self.consumer.uids) >= len(expected) and expected <= self.consumer.uids,
                f"all of {len(expected)} events",
                RECOVERY,
            )
        except AssertionError as error:
            raise LostError(str(error)) from None

    async def all_arrived(self) -> None:
        """Return when the consumer has got every event that happened."""
        await self.arrived(uid for witness in self.witnesses for uid in witness.happened)

    async def recovered(self) -> None:
        """The fault is over: let one more event of each camera happen, and measure until all have come."""
        began = time.monotonic()
        for witness in self.witnesses:
            witness.event()
        try:
            await self.all_delivered()
        except LostError:
            self.recoveries.append(math.inf)
            raise
        self.recoveries.append(time.monotonic() - began)
        self.measure()

    async def grow_old(self) -> None:
        """Return when whatever has happened cannot pass for fresh any more."""
        newest = max(moment for witness in self.witnesses for moment in witness.happened.values())
        await eventually(lambda: time.monotonic() > newest + MAX_AGE + SLACK + 0.5, "the passing of time")

    async def health(self, state: str, since: int = 0) -> None:
        """Return when the bridge has said that its journal is in this state: ``ok`` or ``memory``."""
        await self.hub.wait_for(
            f"{BRIDGE}/health",
            lambda message: message.json["journal"]["state"] == state,
            since=since,
            timeout=RECOVERY,
        )

    # What it costs.

    @property
    def state(self) -> Path:
        """The bridge's ``storage.directory``."""
        return self.site.directory / "state"

    @property
    def journal(self) -> Path:
        """The journal's main file."""
        return self.state / "journal.sqlite"

    def measure(self) -> None:
        """Look at the bridge's memory and files."""
        size = sum(path.stat().st_size for path in self.state.glob("journal.sqlite*"))
        self.peak_journal = max(self.peak_journal, size)
        if self.daemon.is_running:
            status = Path(f"/proc/{self.daemon.pid}/status").read_text(encoding="ascii")
            peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
            self.peak_memory = max(self.peak_memory, int(peak.split()[1]) * 1024)
