"""``ipc-bridge demo``: a broker, simulated cameras and the real bridge, with a live view.

Everything is on loopback addresses and in a directory that goes with it. The bridge and the cameras
are processes of their own, just as in a shop; this one is only another subscriber of the broker.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml
from rich.console import Console
from rich.text import Text

from ipc_bridge.errors import BridgeError
from ipc_bridge.mqtt.connection import Connection, Endpoint, Message, Received
from ipc_bridge.mqtt.embedded import EmbeddedBroker

HOST = "127.0.0.1"
SHOP = "100939020409"
"""That of the simulated cloud."""
EVENTS_EVERY = 4.0
"""Mean seconds between two events of one camera."""
CHILD_STOP_SECONDS = 5.0
_COLOURS = {"stranger": "white", "regular": "cyan", "member": "bold magenta", "motion": "green"}


@dataclass(frozen=True, slots=True)
class _Ports:
    """Free ports, the usual ones where they are."""

    mqtt: int
    api: int
    channel: int
    discovery: int
    cloud: int | None
    web: int


async def run_demo(cameras: int, seconds: float | None, stop: asyncio.Event, *, with_cloud: bool = False) -> None:
    """Show the bridge at work until ``stop`` is set, or ``seconds`` have passed.

    Args:
        cameras: how many are simulated.
        seconds: after which it stops by itself.
        stop: ends it.
        with_cloud: whether a cloud is simulated, too.

    Raises:
        BridgeError: the broker, the cameras or the bridge did not start.
    """
    console = Console()
    with tempfile.TemporaryDirectory(prefix="ipc-bridge-demo-") as name:
        directory = Path(name)
        ports = _Ports(
            mqtt=_free_port(1883, socket.SOCK_STREAM),
            api=_free_port(8443, socket.SOCK_STREAM),
            channel=_free_port(10021, socket.SOCK_STREAM),
            discovery=_free_port(10001, socket.SOCK_DGRAM),
            cloud=_free_port(8444, socket.SOCK_STREAM) if with_cloud else None,
            web=_free_port(8099, socket.SOCK_STREAM),
        )
        secret = secrets.token_hex(8)
        config = directory / "config.yaml"
        config.write_text(yaml.safe_dump(_configuration(ports, secret, cameras, directory)), encoding="utf-8")
        async with contextlib.AsyncExitStack() as stack:
            broker = await stack.enter_async_context(EmbeddedBroker(HOST, ports.mqtt, directory / "broker"))
            await stack.enter_async_context(_child("simulate", *_simulation(ports, secret, cameras)))
            await stack.enter_async_context(_child("run", "--config", str(config)))
            view = LiveView(console)
            connection = await _subscribe(ports.mqtt, view)
            stack.push_async_callback(connection.close)
            _introduce(console, ports, cameras, broker)
            waits = [asyncio.create_task(stop.wait()), asyncio.create_task(connection.wait_closed())]
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
            console.print(f"\nThat was {view.events} events. The demo stops.")


class LiveView:
    """Prints what the bridge publishes, a line each."""

    def __init__(self, console: Console) -> None:
        self.events = 0
        self._console = console
        self._online: set[str] = set()

    def show(self, message: Received) -> None:
        """Print one message, if it is of interest."""
        try:
            content = orjson.loads(message.payload)
        except orjson.JSONDecodeError:
            return
        if message.topic.endswith("/bridge/cameras"):
            self._show_cameras(content)
        elif isinstance(content, dict):
            self.events += 1
            self._show_event(message.topic.rpartition("/")[2], content)

    def _show_cameras(self, cameras: list[dict[str, Any]]) -> None:
        for camera in cameras:
            if camera["status"] == "online" and camera["sn"] not in self._online:
                self._online.add(camera["sn"])
                line = f"found    {camera['name']} ({camera['model']} {camera['sn']}) at {camera['host']}"
                self._console.print(Text(line, style="yellow"))

    def _show_event(self, kind: str, event: dict[str, Any]) -> None:
        kind = "face" if kind == "face" else event["event_type"].replace("_and_", "+")
        line = Text(f"{event['time'][11:19]} {kind:<8} {event['camera']:<14} ")
        if kind == "face":
            who = " ".join(str(event[key]) for key in ("gender", "age_range") if event[key] is not None)
            visits = f"visit {event['arrivals']}" if event["arrivals"] else ""
            visits = "by the cloud" if event.get("transport") == "cloud" else visits
            group = event["group"] or "stranger"
            line.append(f"{group:<10} {who:<14} {visits}", style=_COLOURS.get(event["event_type"], "white"))
        self._console.print(line)


def _introduce(console: Console, ports: _Ports, cameras: int, broker: EmbeddedBroker) -> None:
    port, simulated = (
        ports.mqtt,
        f"{cameras} simulated cameras" + ("" if ports.cloud is None else ", a simulated cloud"),
    )
    console.print(f"ipc-bridge demo: {broker.kind} on {HOST}:{port}, {simulated}, and the bridge.")
    if broker.limits:
        console.print(broker.limits, style="dim")
    console.print("To see everything, in another terminal (from Debian's mosquitto-clients):")
    console.print(f"  mosquitto_sub -h {HOST} -p {port} -v -t 'ipc_bridge/#'", style="bold", highlight=False)
    console.print(
        "For your own broker and cameras: copy config.example.yaml to config.yaml, set mqtt.host and account, then"
    )
    console.print("  ipc-bridge run --config config.yaml", style="bold", highlight=False)
    console.print("Ctrl-C ends it.\n")


def _configuration(ports: _Ports, secret: str, cameras: int, directory: Path) -> dict[str, Any]:
    account = {"app_id": "demo-app", "secret_key": secret}
    cloud = {
        "base_url": f"http://{HOST}:{ports.cloud}/openapi",
        **account,
        "shops": [SHOP],
        "interval": 5,
        "hook": True,
    }
    web = {"port": ports.web, "public_url": f"http://{HOST}:{ports.web}"}
    return {
        "mqtt": {"host": HOST, "port": ports.mqtt},
        "account": account,
        "discovery": {
            "bind": f"{HOST}:{ports.discovery}",
            "targets": [f"127.0.0.{2 + number}:{ports.discovery}" for number in range(cameras)],
            "interval": 10,
        },
        "camera": {"api_port": ports.api, "channel_port": ports.channel},
        "storage": {"directory": str(directory / "state")},
        "web": {"enabled": False} if ports.cloud is None else web,
        **({} if ports.cloud is None else {"cloud": cloud}),
        # The cloud is asked first before it is there.
        "log": {"level": "warning", "levels": {"ipc_bridge.bridge.shop": "error"}},
    }


def _simulation(ports: _Ports, secret: str, cameras: int) -> list[str]:
    options = {
        "--cameras": cameras,
        "--api-port": ports.api,
        "--channel-port": ports.channel,
        "--discovery-port": ports.discovery,
        "--secret-key": secret,
        "--events-every": EVENTS_EVERY,
        **({} if ports.cloud is None else {"--cloud-port": ports.cloud}),
    }
    return [str(word) for pair in options.items() for word in pair]


@contextlib.asynccontextmanager
async def _child(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run ``ipc-bridge`` with ``arguments`` as a child process, ended with the context."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ipc_bridge",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        # Ctrl-C in the terminal is for the parent, which ends its children in order.
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(CHILD_STOP_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
    # SIGTERM ends a child that had not come so far as to catch it.
    if process.returncode not in (0, -signal.SIGTERM):
        raise BridgeError(f"ipc-bridge {arguments[0]} ended with status {process.returncode}: its last words are above")


async def _subscribe(port: int, view: LiveView) -> Connection:
    endpoint = Endpoint(HOST, port, f"ipc-bridge-demo-{secrets.token_hex(4)}", "3.1.1")
    connection = Connection(endpoint, Message("ipc-bridge-demo", b""), view.show, lambda: None)
    await connection.open()
    connection.subscribe(["ipc_bridge/camera/+/event/+", "ipc_bridge/shop/+/event/+", "ipc_bridge/bridge/cameras"])
    return connection


def _free_port(wanted: int, kind: socket.SocketKind) -> int:
    """``wanted`` where nobody has it, else any free one."""
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET, kind) as probe, contextlib.suppress(OSError):
            probe.bind(("", port))
            return int(probe.getsockname()[1])
    raise BridgeError(f"there is no free port on {HOST}")
