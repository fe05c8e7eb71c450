"""``discover``: who is there."""

from __future__ import annotations

import asyncio

import click

from ipc_bridge import logs
from ipc_bridge.cli.output import plain, show, table
from ipc_bridge.device.discovery import Answer, Discovery
from ipc_bridge.errors import BridgeError
from ipc_bridge.wire import discovery as discovery_protocol

MAX_ANSWERS = 1000
"""More than any network has: somebody who answers with invented serials stops here."""


@click.command()
@click.option("--target", "targets", metavar="HOST", multiple=True, help="Ask this host instead of broadcasting.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=discovery_protocol.PORT,
    show_default=True,
    help="UDP port of cameras and answers.",
)
def discover(targets: tuple[str, ...], port: int) -> None:
    """List the cameras that answer on this network; takes five seconds."""
    found: dict[tuple[str, str], Answer] = {}

    def keep(answer: Answer) -> None:
        if len(found) < MAX_ANSWERS:
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
    cameras = table("Serial", "Model", "Address", "MAC", "Firmware")
    for answer in sorted(found.values(), key=lambda item: item.sn):
        row = (answer.sn, answer.model, answer.host, answer.mac, answer.firmware)
        cameras.add_row(*(plain(value or "-") for value in row))
    show(cameras)


async def _one_round(service: Discovery) -> None:
    try:
        await service.round()
    finally:
        service.close()
