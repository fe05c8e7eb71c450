"""One peer with so many cameras: everything that is measured of it."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks import load, subscriber
from benchmarks.load import AwaitAcknowledged, AwaitSubscribers, Cameras, Command, Done, Flood, Paced, Saturated
from benchmarks.peers import Peer
from benchmarks.processes import (
    STOP_TIMEOUT,
    BenchmarkError,
    child,
    cpu_seconds,
    free_port,
    mosquitto,
    resident_megabytes,
)
from benchmarks.subscriber import Arrivals

BROKER = "127.40.255.1"
FIRST_CAMERA = "127.40.0.1"
SETTLE = 2.0
"""Seconds that a process gets to become quiet before its memory is looked at."""
WARM_UP = 1.0
PATIENCE = 2.0
"""Seconds without any arrival after which what is missing counts as lost."""
ANSWER_TIMEOUT = 90.0
"""Seconds that load or subscriber may take; both end by themselves earlier."""


@dataclass(frozen=True, slots=True)
class Durations:
    """How long each part of a measurement takes, in seconds; ``flood`` is a number of events."""

    saturated: float = 5.0
    slow: float = 8.0
    fast: float = 4.0
    flood: int = 40_000


@dataclass(frozen=True, slots=True)
class Phase:
    """What one kind of load showed."""

    sent: int
    seconds: float
    """From the end of the warm-up to the end of the load."""
    in_time: int
    """Events that arrived within ``seconds``."""
    cpu: float
    """CPU seconds of the peer within ``seconds``."""
    arrivals: Arrivals

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.in_time / self.seconds

    @property
    def cpu_per_event(self) -> float:
        """Microseconds of the peer's CPU."""
        return self.cpu / max(self.in_time, 1) * 1e6

    @property
    def busy(self) -> float:
        """Share of a core that the peer had."""
        return self.cpu / self.seconds

    @property
    def lost(self) -> int:
        """Events that never arrived."""
        return self.sent - self.arrivals.unique


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that was measured of one peer with ``cameras`` cameras; memory in MB."""

    peer: str
    cameras: int
    subscribed_after: float
    """Seconds from the start of the process until every channel was subscribed."""
    memory_empty: float
    memory_idle: float
    memory_after: float
    saturated: Phase
    slow: Phase
    fast: Phase
    flood: Phase
    unacknowledged: int

    @property
    def lost(self) -> int:
        """Events lost outside the flood."""
        return self.saturated.lost + self.slow.lost + self.fast.lost

    @property
    def copies(self) -> int:
        """Events that came more than once."""
        return sum(phase.arrivals.copies for phase in (self.saturated, self.slow, self.fast, self.flood))


def measure(peer: Peer, count: int, durations: Durations) -> Figures:
    """Measure ``peer`` with ``count`` cameras.

    Raises:
        BenchmarkError: something did not start, ended by itself or did not answer.
    """
    memory_empty = _memory_without_cameras(peer)
    with bench(peer, count) as site:
        time.sleep(SETTLE)
        memory_idle = resident_megabytes(site.peer_pid)
        # The first events of all are held back for a second: they are not what is measured.
        site.run(Paced(rate=100.0, seconds=WARM_UP))
        saturated = site.run(Saturated(durations.saturated + WARM_UP), warm_up=WARM_UP)
        slow = site.run(Paced(20.0, durations.slow))
        fast = site.run(Paced(2_000.0, durations.fast + WARM_UP), warm_up=WARM_UP)
        flood = site.run(Flood(durations.flood))
        done = site.tell(AwaitAcknowledged(PATIENCE))
        return Figures(
            peer=peer.name,
            cameras=count,
            subscribed_after=site.subscribed_after,
            memory_empty=memory_empty,
            memory_idle=memory_idle,
            memory_after=resident_megabytes(site.peer_pid),
            saturated=saturated,
            slow=slow,
            fast=fast,
            flood=flood,
            unacknowledged=done.unacknowledged,
        )


def measure_start(peer: Peer, count: int) -> tuple[float, float]:
    """Seconds until ``count`` channels are subscribed, and the memory then."""
    with bench(peer, count) as site:
        time.sleep(SETTLE)
        return site.subscribed_after, resident_megabytes(site.peer_pid)


class Bench:
    """A peer at work, with the load ahead of it and the subscriber behind it."""

    def __init__(
        self, peer_pid: int, cameras: Connection, subscriber_: Connection, received: ctypes.c_longlong
    ) -> None:
        self.peer_pid = peer_pid
        self.subscribed_after = 0.0
        self._cameras = cameras
        self._subscriber = subscriber_
        self._received = received

    def tell(self, command: Command) -> Done:
        """Have the load do something, and wait until it has."""
        self._cameras.send(command)
        done: Done = _answer(self._cameras)
        return done

    def run(self, command: Command, warm_up: float = 0.0) -> Phase:
        """Have the load do something and see what arrives."""
        _ask(self._subscriber)
        sent_before = self.tell(AwaitAcknowledged(0.0)).sent
        self._cameras.send(command)
        time.sleep(warm_up)
        begin, cpu_begin, received_begin = time.monotonic(), cpu_seconds(self.peer_pid), self._received.value
        sent: int = _answer(self._cameras).sent - sent_before
        if isinstance(command, Flood):
            self._await_arrivals(sent)
        end, cpu_end, received_end = time.monotonic(), cpu_seconds(self.peer_pid), self._received.value
        self._await_arrivals(sent)
        return Phase(sent, end - begin, received_end - received_begin, cpu_end - cpu_begin, _ask(self._subscriber))

    def _await_arrivals(self, sent: int) -> None:
        """Return when all has arrived, or nothing more comes."""
        last, since = -1, time.monotonic()
        while self._received.value < sent and time.monotonic() - since < PATIENCE:
            if self._received.value != last:
                last, since = self._received.value, time.monotonic()
            time.sleep(0.002)


@contextlib.contextmanager
def bench(peer: Peer, count: int, picture: int = 0) -> Iterator[Bench]:
    """Start ``peer`` with ``count`` cameras; all are subscribed when the block begins.

    ``picture`` is the size of the pictures that they have; 0: none.
    """
    context = multiprocessing.get_context("spawn")
    received = context.RawValue(ctypes.c_longlong)
    cameras = Cameras(count, FIRST_CAMERA, free_port(), free_port(), picture)
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ipc-bridge-benchmark-")))
        _, port = stack.enter_context(mosquitto(BROKER, directory))
        broker = (BROKER, port)
        subscriber_ = stack.enter_context(_helper(subscriber.main, broker, received))
        load_ = stack.enter_context(_helper(load.main, cameras, received))
        started = time.monotonic()
        command = peer.command(broker, cameras, directory)
        process = stack.enter_context(child(command, directory / f"{peer.name}.log"))
        site = Bench(process.pid, load_, subscriber_, received)
        site.subscribed_after = site.tell(AwaitSubscribers()).moment - started
        yield site


@contextlib.contextmanager
def _helper(main: Callable[..., None], *arguments: Any) -> Iterator[Connection]:
    """Run ``main`` in a process; gives the connection that it obeys, once it has said that it is ready."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=main, args=(*arguments, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        _answer(ours)
        yield ours
    finally:
        ours.close()
        process.join(STOP_TIMEOUT)
        if process.is_alive():
            process.kill()
            process.join()


def _answer(control: Connection) -> Any:
    if not control.poll(ANSWER_TIMEOUT):
        raise BenchmarkError("the load or the subscriber does not answer")
    try:
        return control.recv()
    except EOFError as error:
        raise BenchmarkError("the load or the subscriber ended: its last words are above") from error


def _ask(control: Connection) -> Arrivals:
    control.send(None)
    arrivals: Arrivals = _answer(control)
    return arrivals


def _memory_without_cameras(peer: Peer) -> float:
    with tempfile.TemporaryDirectory(prefix="ipc-bridge-benchmark-") as name:
        directory = Path(name)
        with mosquitto(BROKER, directory) as (_, port):
            command = peer.command((BROKER, port), Cameras(0, FIRST_CAMERA, 1, 1), directory)
            with child(command, directory / f"{peer.name}.log") as process:
                time.sleep(SETTLE)
                return resident_megabytes(process.pid)
