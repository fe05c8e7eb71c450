"""What one QoS 1 publication costs with the bridge's own MQTT client, and what it would with aiomqtt."""

from __future__ import annotations

import asyncio
import importlib
import logging
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.processes import mosquitto
from ipc_bridge.mqtt.connection import Connection, Endpoint, Message, Version

HOST = "127.40.255.2"
MESSAGES = 20_000
PAYLOAD = b"x" * 500
TOPIC = "ipc_bridge/camera/FS101D8BS00101/event/face"
CONCURRENT = 20
"""Publications under way with aiomqtt: mosquitto's window."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one client needed: CPU time of this process in microseconds a message, and messages a second."""

    client: str
    cpu: float
    rate: float


def measure_clients() -> list[Cost]:
    """Publish with each client in turn; aiomqtt is left out where it is not installed."""
    with (
        tempfile.TemporaryDirectory(prefix="ipc-bridge-benchmark-") as directory,
        mosquitto(HOST, Path(directory)) as (
            _,
            port,
        ),
    ):
        costs = [
            _measure("ours, MQTT 5", uvloop.new_event_loop, lambda: _ours(port, "5")),
            _measure("ours, MQTT 3.1.1", uvloop.new_event_loop, lambda: _ours(port, "3.1.1")),
        ]
        try:
            aiomqtt = importlib.import_module("aiomqtt")
        except ImportError:
            return costs
        # aiomqtt wants a selector loop; it gains nothing from uvloop.
        return [*costs, _measure("aiomqtt, MQTT 5", asyncio.SelectorEventLoop, lambda: _aiomqtt(aiomqtt, port))]


def _measure(
    name: str, loop: Callable[[], asyncio.AbstractEventLoop], publish: Callable[[], Coroutine[Any, Any, Cost]]
) -> Cost:
    with asyncio.Runner(loop_factory=loop) as runner:
        cost = runner.run(publish())
    return Cost(name, cost.cpu, cost.rate)


async def _ours(port: int, version: Version) -> Cost:
    loop = asyncio.get_running_loop()
    all_done = loop.create_future()
    left, unacknowledged = MESSAGES, MESSAGES

    def acknowledged(_accepted: bool) -> None:
        nonlocal unacknowledged
        unacknowledged -= 1
        if unacknowledged == 0:
            all_done.set_result(None)

    def fill() -> None:
        nonlocal left
        while left and connection.room > 0:
            connection.publish(Message(TOPIC, PAYLOAD), acknowledged)
            left -= 1

    endpoint = Endpoint(HOST, port, "benchmark-ours", version)
    connection = Connection(endpoint, Message("benchmark/status", b"offline"), lambda _: None, fill)
    await connection.open()
    clock = _Clock()
    fill()
    await all_done
    cost = clock.cost()
    await connection.close()
    return cost


async def _aiomqtt(aiomqtt: Any, port: int) -> Cost:
    messages = iter(range(MESSAGES))

    async def work() -> None:
        for _ in messages:
            await client.publish(TOPIC, PAYLOAD, qos=1)

    # It warns, from ten publications under way on, at each one more.
    quiet = logging.getLogger("benchmarks.aiomqtt")
    quiet.setLevel(logging.ERROR)
    async with aiomqtt.Client(HOST, port, protocol=aiomqtt.ProtocolVersion.V5, logger=quiet) as client:
        clock = _Clock()
        await asyncio.gather(*(work() for _ in range(CONCURRENT)))
        return clock.cost()


class _Clock:
    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def cost(self) -> Cost:
        cpu, wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        return Cost("", cpu / MESSAGES * 1e6, MESSAGES / wall)
