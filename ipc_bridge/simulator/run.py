"""The simulator as a process: ``ipc-bridge simulate``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import orjson

from ipc_bridge.simulator import api
from ipc_bridge.simulator.certificates import make_identity, shared_authority, shared_identity
from ipc_bridge.simulator.cloud import CloudSettings, SimulatedCloud
from ipc_bridge.simulator.commands import describe
from ipc_bridge.simulator.console import Console
from ipc_bridge.simulator.fleet import Fleet, FleetSettings
from ipc_bridge.simulator.settings import CameraSettings
from ipc_bridge.wire import discovery, packet

_MAX_LINE = 65536
_MAX_LINES_WAITING = 100


@dataclass(frozen=True, slots=True)
class SimulateOptions:
    """What the command line can say."""

    cameras: int = 3
    first_address: str = "127.0.0.2"
    api_port: int = 8443
    """Not the camera's 443, which takes root."""
    channel_port: int = packet.PORT
    discovery_port: int | None = discovery.PORT
    """None: no discovery."""
    discovery_broadcast: str | None = None
    """A broadcast address that the cameras hear as well, such as 127.255.255.255 on Linux."""
    app_id: str = "demo-app"
    secret_key: str = field(default="demo-secret", repr=False)
    activated: bool = True
    activation_code: str = field(default="12345678", repr=False)
    events_every: float | None = None
    """Mean seconds between two events of a camera; None: events only by command."""
    cloud_port: int | None = None
    """Of a simulated cloud, over plain HTTP, whose one shop has all cameras; None: there is none."""
    certificates: Path | None = None
    """A directory for ``openapi.p12``, ``openapi.password``, ``ca.pem`` (who issued it) and ``cameras.pem``
    (what the cameras show); where given, the cameras demand a client certificate."""
    certificate_each: bool = False
    log_calls: bool = False
    """Write every API call to standard error, a line each."""
    seed: int | None = None
    """Makes who comes when, and what a camera says, the same each time."""


async def simulate(options: SimulateOptions, stdin: TextIO, stdout: TextIO) -> None:
    """Run cameras, and a cloud where it is wanted, until the ``quit`` command or cancellation.

    The first line on ``stdout`` is ``{"ready": true, "cameras": [...]}``, once all listen, with ``cloud`` where there
    is one. The end of ``stdin`` ends nothing, so that it can run as a service.

    Args:
        options: how many cameras, where, and what they do.
        stdin: commands of :mod:`ipc_bridge.simulator.console`, one a line.
        stdout: their answers, one line of JSON each.

    Raises:
        OSError: an address cannot be had, or the certificates cannot be written.
    """
    fleet = Fleet(_fleet_settings(options), random.Random(options.seed))
    if options.certificates is not None:
        _write_certificates(options.certificates, fleet)
    async with contextlib.AsyncExitStack() as stack:
        if options.log_calls:
            stack.enter_context(_call_log())
        await stack.enter_async_context(fleet)
        ready = {"ready": True, "cameras": [describe(camera) for camera in fleet.cameras]}
        players: list[Fleet | SimulatedCloud] = [fleet]
        if options.cloud_port is not None:
            cloud = await stack.enter_async_context(SimulatedCloud(_cloud_settings(options, options.cloud_port, fleet)))
            _introduce(fleet, cloud)
            ready["cloud"] = {"base_url": cloud.base_url, "shops": list(cloud.settings.shops)}
            players.append(cloud)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        _write_line(stdout, ready)
        mean = options.events_every
        playing = [tasks.create_task(player.play(mean)) for player in players] if mean else []
        await _serve_console(Console(fleet), stdin, stdout)
        for task in playing:
            task.cancel()


@contextlib.contextmanager
def _call_log() -> Iterator[None]:
    logger, handler = logging.getLogger(api.__name__), logging.StreamHandler()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)


def _fleet_settings(options: SimulateOptions) -> FleetSettings:
    camera = CameraSettings(
        api_port=options.api_port,
        channel_port=options.channel_port,
        discovery_port=options.discovery_port,
        discovery_broadcast=options.discovery_broadcast,
        app_id=options.app_id,
        secret_key=options.secret_key,
        activated=options.activated,
        activation_code=options.activation_code,
        identity=shared_identity(),
        client_authority=None if options.certificates is None else shared_authority().certificate,
        seed=options.seed,
    )
    return FleetSettings(options.cameras, options.first_address, camera, options.certificate_each)


def _cloud_settings(options: SimulateOptions, port: int, fleet: Fleet) -> CloudSettings:
    macs = ((camera.sn, camera.settings.mac.replace(":", "").upper()) for camera in fleet.cameras)
    return CloudSettings(port=port, app_id=options.app_id, secret_key=options.secret_key, cameras=tuple(macs))


def _introduce(fleet: Fleet, cloud: SimulatedCloud) -> None:
    """The cloud knows of its cameras what they say of themselves."""
    for camera in fleet.cameras:
        known = cloud.camera(camera.sn)
        known.name, known.model, known.firmware = (
            camera.settings.name,
            camera.settings.model,
            camera.settings.firmware,
        )


def _write_certificates(directory: Path, fleet: Fleet) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    password = secrets.token_hex(8)
    client = make_identity("openapi", issuer=shared_authority())
    _write_secret(directory / "openapi.p12", client.pkcs12(password))
    _write_secret(directory / "openapi.password", password.encode())
    (directory / "ca.pem").write_bytes(shared_authority().certificate)
    (directory / "cameras.pem").write_bytes(b"".join(dict.fromkeys(camera.certificate for camera in fleet.cameras)))


def _write_secret(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)


async def _serve_console(console: Console, stdin: TextIO, stdout: TextIO) -> None:
    lines: asyncio.Queue[str] = asyncio.Queue()
    room = threading.Semaphore(_MAX_LINES_WAITING)
    # A thread, because the loop can watch pipes but neither files nor /dev/null; a daemon, because
    # nothing ends a read.
    loop = asyncio.get_running_loop()

    def put(line: str) -> None:
        room.acquire()
        loop.call_soon_threadsafe(lines.put_nowait, line)

    threading.Thread(target=_read_lines, args=(stdin.fileno(), put), name="stdin", daemon=True).start()
    while (line := (await lines.get()).strip()) != "quit":
        room.release()
        if line:
            _write_line(stdout, await console.execute(line))


def _read_lines(descriptor: int, put: Callable[[str], None]) -> None:
    # Not through the file object: its lock, held in a read, would hang the interpreter at its end.
    rest = b""
    # RuntimeError: the loop is over; OSError: so is the input.
    with contextlib.suppress(RuntimeError, OSError):
        while (data := os.read(descriptor, _MAX_LINE)) and len(rest) <= _MAX_LINE:
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                put(line.decode(errors="replace"))


def _write_line(stdout: TextIO, answer: dict[str, Any]) -> None:
    stdout.write(orjson.dumps(answer).decode() + "\n")
    stdout.flush()
