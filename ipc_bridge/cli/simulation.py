"""``simulate`` and ``demo``: cameras that are none."""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path
from typing import Any

import click

from ipc_bridge import simulator
from ipc_bridge.cli.loop import run_until_stopped, until
from ipc_bridge.demo import run_demo
from ipc_bridge.errors import BridgeError
from ipc_bridge.simulator import SimulateOptions
from ipc_bridge.wire import discovery as discovery_protocol

_PORT_OR_ZERO = click.IntRange(0, 65535)


def _address(_context: click.Context, _option: click.Parameter, value: str) -> str:
    try:
        return str(ipaddress.IPv4Address(value))
    except ValueError as error:
        raise click.BadParameter(f"{value} is no IPv4 address") from error


@click.command()
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
@click.option(
    "--cloud-port",
    type=_PORT_OR_ZERO,
    metavar="PORT",
    help="A cloud there as well (http://127.0.0.1:PORT/openapi), whose one shop has all cameras.",
)
@click.option("--not-activated", is_flag=True, help="They must be activated first.")
@click.option("--activation-code", default="12345678", show_default=True)
@click.option(
    "--certificates",
    type=click.Path(path_type=Path, file_okay=False),
    help="Demand a client certificate, and write openapi.p12, its password and ca.pem into this directory.",
)
@click.option("--log-calls", is_flag=True, help="Write each call of their API and what it got to standard error.")
@click.option("--seed", type=int, help="The same people in the same order every time.")
def simulate(*, discovery_port: int, not_activated: bool, **options: Any) -> None:
    """Run simulated cameras on this machine's loopback addresses.

    Commands on standard input, one a line, make events and faults; `help` lists them.
    """
    settings = SimulateOptions(discovery_port=discovery_port or None, activated=not not_activated, **options)
    try:
        run_until_stopped(lambda stop: until(stop, simulator.simulate(settings, sys.stdin, sys.stdout)))
    except OSError as error:
        raise click.ClickException(str(error)) from error


@click.command()
@click.option("--cameras", type=click.IntRange(1, 50), default=3, show_default=True, help="How many are simulated.")
@click.option("--seconds", type=float, help="Stop by itself after this time.")
@click.option("--cloud", is_flag=True, help="With a simulated cloud, whose one shop has the cameras.")
def demo(cameras: int, seconds: float | None, *, cloud: bool) -> None:
    """Show it all on this machine: a broker, simulated cameras, the bridge, and what it publishes."""
    try:
        run_until_stopped(lambda stop: run_demo(cameras, seconds, stop, with_cloud=cloud))
    except BridgeError as error:
        raise click.ClickException(str(error)) from error
