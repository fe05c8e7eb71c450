"""The command line.

Exit status: 0 stopped as asked, 1 a bug, 2 a mistake in the configuration or on the command line.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ipc_bridge import __version__, app, logs
from ipc_bridge.config import Config, load_config
from ipc_bridge.config.secrets import secrets_of
from ipc_bridge.demo import run_demo
from ipc_bridge.device.discovery import Answer, Discovery
from ipc_bridge.errors import BridgeError, ConfigError
from ipc_bridge.service import ServiceManager
from ipc_bridge.simulator import SimulateOptions, simulate
from ipc_bridge.wire import discovery as discovery_protocol

STOP_LIMIT = 4.5
"""Seconds after which a stop that hangs is ended for good: somebody's time-out begins at five."""
WRONG_CONFIGURATION = 2

_T = TypeVar("_T")
_PORT = click.IntRange(1, 65535)
_PORT_OR_ZERO = click.IntRange(0, 65535)

config_option = click.option(
    "--config",
    "config_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    default=Path("config.yaml"),
    show_default=True,
    help="The configuration (config.example.yaml explains it).",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="ipc-bridge")
def main() -> None:
    """Bring SUNMI cameras to MQTT and Home Assistant.

    Exit status: 0 stopped as asked, 1 a bug, 2 a mistake in the configuration or on the command line.
    """


@main.command()
@config_option
def run(config_path: Path) -> None:
    """Run the bridge until SIGTERM or Ctrl-C."""
    config = _load(config_path)
    logs.set_up(config.log.level, config.log.levels, config.log.format, secrets_of(config))
    try:
        _run(lambda stop: app.run(config, ServiceManager(os.environ), stop))
    except ConfigError as error:
        _refuse(error)


@main.command("check-config")
@config_option
def check_config(config_path: Path) -> None:
    """Check the configuration and name every mistake in it."""
    config = _load(config_path)
    cameras = f"{len(config.cameras)} cameras listed" if config.cameras else "no cameras listed"
    adopts = config.discovery.enabled and config.discovery.adopt == "all"
    others = "others are found by discovery" if adopts else "no others are adopted"
    click.echo(f"{config_path} is right: {cameras}, {others}.")


@main.command()
@click.option("--target", "targets", metavar="HOST", multiple=True, help="Ask this host instead of broadcasting.")
@click.option(
    "--port", type=_PORT, default=discovery_protocol.PORT, show_default=True, help="UDP port of cameras and answers."
)
def discover(targets: tuple[str, ...], port: int) -> None:
    """List the cameras that answer on this network; takes five seconds."""
    found: dict[tuple[str, str], Answer] = {}

    def keep(answer: Answer) -> None:
        if len(found) < 1000:
            found[answer.sn, answer.host] = answer

    logs.set_up("warning", {}, "text", [])
    service = Discovery(("0.0.0.0", port), [(target, port) for target in targets], keep)  # noqa: S104 - answers come to any interface
    try:
        asyncio.run(_one_round(service))
    except BridgeError as error:
        raise click.ClickException(str(error)) from error
    if not found:
        click.echo("No camera answered. Is it in this network, and is UDP port 10001 open?", err=True)
        return
    table = Table("Serial", "Model", "Address", "MAC", "Firmware", box=None, pad_edge=False)
    for answer in sorted(found.values(), key=lambda item: item.sn):
        row = (answer.sn, answer.model, answer.host, answer.mac, answer.firmware)
        table.add_row(*(_plain(value or "-") for value in row))
    Console().print(table)


def _plain(text: str) -> Text:
    """What anybody in the network can send, for a terminal: without markup and control characters."""
    return Text(text if text.isprintable() else repr(text))


def _address(_context: click.Context, _option: click.Parameter, value: str) -> str:
    try:
        return str(ipaddress.IPv4Address(value))
    except ValueError as error:
        raise click.BadParameter(f"{value} is no IPv4 address") from error


@main.command("simulate")
@click.option("--cameras", type=click.IntRange(1, 250), default=3, show_default=True, help="How many.")
@click.option(
    "--first-address",
    default="127.0.0.2",
    show_default=True,
    callback=_address,
    help="Of the first camera; then one up each.",
)
@click.option(
    "--api-port", type=_PORT_OR_ZERO, default=8443, show_default=True, help="Their HTTPS API; real cameras have 443."
)
@click.option("--channel-port", type=_PORT_OR_ZERO, default=10021, show_default=True, help="Their message channel.")
@click.option(
    "--discovery-port",
    type=_PORT_OR_ZERO,
    default=discovery_protocol.PORT,
    show_default=True,
    help="UDP; 0 turns it off.",
)
@click.option("--app-id", default="demo-app", show_default=True)
@click.option("--secret-key", default="demo-secret", show_default=True)
@click.option("--events-every", type=float, help="Mean seconds between two events of a camera.")
@click.option("--not-activated", is_flag=True, help="They must be activated first.")
@click.option("--activation-code", default="12345678", show_default=True)
@click.option(
    "--certificates",
    type=click.Path(path_type=Path, file_okay=False),
    help="Demand a client certificate, and write openapi.p12, its password and ca.pem into this directory.",
)
@click.option("--seed", type=int, help="The same people in the same order every time.")
def simulate_command(*, discovery_port: int, not_activated: bool, **options: Any) -> None:
    """Run simulated cameras on this machine's loopback addresses.

    Commands on standard input, one a line, make events and faults; `help` lists them.
    """
    settings = SimulateOptions(discovery_port=discovery_port or None, activated=not not_activated, **options)
    try:
        _run(lambda stop: _until(stop, simulate(settings, sys.stdin, sys.stdout)))
    except OSError as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.option("--cameras", type=click.IntRange(1, 50), default=3, show_default=True, help="How many are simulated.")
@click.option("--seconds", type=float, help="Stop by itself after this time.")
def demo(cameras: int, seconds: float | None) -> None:
    """Show it all on this machine: a broker, simulated cameras, the bridge, and what it publishes."""
    try:
        _run(lambda stop: run_demo(cameras, seconds, stop))
    except BridgeError as error:
        raise click.ClickException(str(error)) from error


def _load(path: Path) -> Config:
    try:
        return load_config(path, os.environ)
    except ConfigError as error:
        _refuse(error)


def _refuse(error: ConfigError) -> NoReturn:
    for problem in error.problems:
        click.echo(problem, err=True)
    sys.exit(WRONG_CONFIGURATION)


async def _one_round(service: Discovery) -> None:
    try:
        await service.round()
    finally:
        service.close()


async def _until(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do ``work`` until it ends or ``stop`` is set."""
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if working.done():
        await working
        return
    working.cancel()
    await asyncio.wait([working])


def _run(main_task: Callable[[asyncio.Event], Coroutine[Any, Any, _T]]) -> _T:
    """Run ``main_task`` in an event loop; SIGTERM and SIGINT set the event that it is given."""

    async def until_signalled() -> _T:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _request_stop, stop)
        return await main_task(stop)

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(until_signalled())


def _request_stop(stop: asyncio.Event) -> None:
    stop.set()
    # A thread, because what hangs may be the loop, or a name look-up that nothing can cancel.
    limit = threading.Timer(STOP_LIMIT, os._exit, [0])
    limit.daemon = True
    limit.start()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Prefer uvloop where it is installed: a TLS connection takes an eighth of the memory."""
    try:
        import uvloop  # noqa: PLC0415 - not to be had on every machine
    except ImportError:
        return None
    return uvloop.new_event_loop
